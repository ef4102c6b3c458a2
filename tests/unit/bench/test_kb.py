"""The knowledge base's benchmark: real sentences in, the figures that scripts read out."""

import pytest

from bench import kb
from bench.programs import BenchError


def found() -> dict:
    return {
        "ms": [[1.0, 2.0, 3.0], [1.0, 2.0, 9.0]],
        "exact_ms": [[100.0], [200.0]],
        "build_s": 61.234,
        "recall": 0.98765,
        "recall_real": 1.0,
        "add_ms": [5.0, 7.0, 6.0],
        "index": {"search": "cells", "bytes": 790_144_000},
        "sentences": 3324,
        "distance": 0.8461,
    }


def test_the_names_that_scripts_read():
    made = kb.figures(found(), 1_000_000, {"cores": 2})
    assert (made["bench"], made["n"], made["rounds"]) == ("kb", 1_000_000, 2)
    assert made["p50_ms"] == 2.0
    assert made["p95_ms"] == 7.5
    assert made["recall_at_10"] == 0.9877
    assert made["exact_p50_ms"] == 150.0
    assert (made["build_s"], made["add_one_ms"], made["mb"]) == (61.23, 6.0, 790.14)
    assert made["spread"]["p50_ms"]["width"] == 0.0
    assert made["machine"] == {"cores": 2}


def test_sentences_are_real_and_each_comes_once():
    texts = list(kb.sentences())
    assert len(texts) == len(set(texts)) > 3_000
    assert all(text.strip() for text in texts)


@pytest.mark.parametrize("words", [["--n", "5"], ["--rounds", "0"], ["--n", "many"]])
def test_what_cannot_be_measured_is_refused(words, capsys):
    with pytest.raises(SystemExit):
        kb.run(words, None)
    assert "--n" in capsys.readouterr().err


def test_a_measurement_that_fails_is_an_error(capfd):
    with pytest.raises(BenchError, match="failed with 1"):
        kb.measured({"texts": ["a"], "n": 100, "rounds": 1, "encoder": "/nowhere", "cache": "/dev/null/x"})
    assert "Error" in capfd.readouterr().err
