"""The head: reading, taking apart, storing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bot.lexicon import parse_lexicon
from bot.mood.head import PARTS, PHRASE_SCALE, MoodHead, MoodHeadError, Words, sigmoid, weigh_phrases
from bot.mood.history import CONTEXT, History
from bot.mood.text import TONE

VECTOR = np.asarray([1.0, 0.0], dtype=np.float32)


def small() -> MoodHead:
    tones = dict.fromkeys(TONE, 0.0) | {"capitals": 1.0}
    contexts = dict.fromkeys(CONTEXT, 0.0) | {"last": 2.0}
    words = Words(
        groups=("contempt", "thanks"),
        bias=-1.0,
        vector=np.asarray([0.5, -0.5], dtype=np.float32),
        group_weights=(4.0, -4.0),
        tone_weights=tuple(tones.values()),
        idf={"useless": 1.0, "bot": 2.0},
        phrases={"useless": 1.0, "bot": 0.0},
        usual={"meaning": 0.1},
    )
    lexicons = {
        "en": parse_lexicon({"contempt": "useless", "thanks": "thanks"}),
        "de": parse_lexicon({"contempt": "nutzlos"}),
    }
    return MoodHead("print", 0.4, words, -0.5, 1.5, tuple(contexts.values()), lexicons)


def read(text: str, locale: str = "en", history: History | None = None) -> tuple[float, dict[str, float]]:
    reading = small().read(text, VECTOR, history or History(), locale)
    return reading.anger, dict(reading.parts)


def test_an_answer_is_its_parts() -> None:
    anger, parts = read("useless")
    # bias -1, meaning .5, group .5 * 4, phrase 1.2 * 1; the second regression takes 1.5 of it and -0.5 of its own.
    assert anger == pytest.approx(sigmoid(1.5 * (-1.0 + 0.5 + 2.0 + PHRASE_SCALE) - 0.5))
    assert parts == pytest.approx({"contempt": 3.0, "phrases": 1.5 * PHRASE_SCALE, "meaning": 1.5 * 0.4})


def test_words_are_those_of_the_language() -> None:
    assert "contempt" in read("nutzlos", "de-AT")[1]
    assert "contempt" in read("nutzlos", "DE_at")[1]
    assert "contempt" not in read("nutzlos")[1]
    assert "contempt" not in read("useless", "xx")[1]


def test_anger_before_is_heard_in_what_follows() -> None:
    reading = small().read("USELESS BOT", VECTOR, History(), "en")
    anger, parts = read("bot", history=reading.history)
    assert anger > read("bot")[0]
    assert parts["earlier_anger"] == pytest.approx(2.0 * reading.history.last, abs=1e-3)


def test_every_number_has_a_name_in_the_evidence() -> None:
    assert set(PARTS) == {*TONE, *CONTEXT}


def test_phrases_are_scaled_to_one_length() -> None:
    weighed = weigh_phrases({"useless": 3, "bot": 1, "unknown": 9}, small().words.idf)
    assert set(weighed) == {"useless", "bot"}
    assert sum(value**2 for value in weighed.values()) ** 0.5 == pytest.approx(PHRASE_SCALE)
    assert weigh_phrases({}, small().words.idf) == {}


class TestStored:
    def test_it_reads_as_before(self, tmp_path: Path) -> None:
        small().save(tmp_path / "head.json")
        loaded = MoodHead.load(tmp_path / "head.json", dimension=2)
        for text in ("useless bot", "THANKS A LOT", "nutzlos"):
            assert loaded.read(text, VECTOR, History(), "de") == small().read(text, VECTOR, History(), "de")
        assert (loaded.encoder, loaded.threshold) == ("print", 0.4)

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"format": 1}, "has format 1, this version reads 2"),
            ({"tone": ["loud"]}, "is damaged"),
            ({"context_weights": [1.0]}, "is damaged"),
            ({"groups": ["contempt"]}, "is damaged"),
            ({"words": {}}, "cannot be read"),
            ({"lexicons": {"en": 7}}, "cannot be read"),
        ],
    )
    def test_one_that_cannot_be_used_says_so(
        self, tmp_path: Path, change: dict[str, object], problem: str
    ) -> None:
        path = tmp_path / "head.json"
        small().save(path)
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(MoodHeadError, match=problem) as failure:
            MoodHead.load(path, dimension=2)
        assert "Train again" in str(failure.value)

    def test_of_another_dimension_no_json_no_object_or_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "head.json"
        small().save(path)
        with pytest.raises(MoodHeadError, match="is damaged"):
            MoodHead.load(path, dimension=3)
        path.write_text("{")
        with pytest.raises(MoodHeadError, match="cannot be read"):
            MoodHead.load(path, dimension=2)
        path.write_text("[]")
        with pytest.raises(MoodHeadError, match="cannot be read"):
            MoodHead.load(path, dimension=2)
        with pytest.raises(MoodHeadError, match="cannot be read"):
            MoodHead.load(tmp_path / "none.json", dimension=2)


def test_sigmoid_does_not_overflow() -> None:
    assert (sigmoid(-1000.0), sigmoid(0.0), sigmoid(1000.0)) == (0.0, 0.5, 1.0)
