from __future__ import annotations

import io

import pytest

from handoff.content.programs import Progress
from handoff.content.progress import shown_progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_there_are_plain_lines_and_not_too_many() -> None:
    out = io.StringIO()
    now = 100.0
    with shown_progress(out, clock=lambda: now) as show:
        show(Progress("encoder", 0, 0, "loading"))
        for done in range(1, 1001):
            now += 0.01
            show(Progress("out_of_fold", done, 1000, ""))
    assert out.getvalue() == (
        "[   0.0 s] Encoder loading\n"
        "[   0.0 s] Out of fold 1/1000\n"
        "[   5.0 s] Out of fold 501/1000\n"
        "[  10.0 s] Out of fold 1000/1000\n"
    )


def test_on_a_terminal_each_stage_has_a_bar_that_ends_full() -> None:
    out = _Terminal()
    with shown_progress(out) as show:
        show(Progress("encoder", 0, 0, "loading [bold]weights"))
        show(Progress("model", 1, 4, ""))
    assert "Encoder" in out.getvalue()
    assert "Model" in out.getvalue()
    assert "4/4" in out.getvalue()


def test_a_stage_that_an_error_ended_is_not_shown_as_done() -> None:
    out = _Terminal()

    def fail() -> None:
        with shown_progress(out) as show:
            show(Progress("encoder", 0, 2, ""))
            raise KeyError("encoder")

    with pytest.raises(KeyError):
        fail()
    assert "2/2" not in out.getvalue()
