"""Figures by message and by conversation."""

from __future__ import annotations

import pytest

from bot.frustration import TurnSignals
from bot.mood.measures import Judged, best_threshold, conversation_figures, shares, turn_figures


def test_figures_of_messages() -> None:
    found = turn_figures([0.9, 0.6, 0.4, 0.1], [True, False, True, False], 0.5)
    assert found == {"n": 4, "auroc": 0.75, "precision": 0.5, "recall": 0.5, "f1": 0.5, "threshold": 0.5}


def test_shares_of_nothing_are_none() -> None:
    assert shares([False], [False]) == {"precision": None, "recall": None, "f1": None}
    assert shares([False], [True]) == {"precision": None, "recall": 0.0, "f1": 0.0}
    assert turn_figures([0.1], [False], 0.5)["auroc"] is None


def test_the_best_threshold_parts_what_it_can() -> None:
    assert best_threshold([0.9, 0.8, 0.3, 0.2], [True, True, False, False]) == pytest.approx(0.55)
    assert best_threshold([0.7, 0.7, 0.7, 0.1], [True, True, False, False]) == pytest.approx(0.4)
    assert best_threshold([0.2], [False]) == 0.5


def row(conversation: str, anger: float, frustrated: bool) -> Judged:
    return Judged(conversation, frustrated, TurnSignals(anger))


def test_conversations_are_called_early_late_never_or_wrongly() -> None:
    found = conversation_figures(
        [
            *(row("first", 0.99, True), row("first", 0.99, True)),
            *(row("second", 0.75, True), row("second", 0.75, True)),
            *(row("never", 0.2, True), row("never", 0.2, False)),
            *(row("calm", 0.1, False), row("calm", 0.2, False)),
            *(row("wrong", 0.1, False), row("wrong", 0.99, False)),
        ]
    )
    assert found == {
        "with_frustration": 3,
        "called_by_first": pytest.approx(1 / 3),
        "with_two": 2,
        "called_by_second": 1.0,
        "called_at_all": pytest.approx(2 / 3),
        "without": 2,
        "called_wrongly": 0.5,
    }


def test_no_conversations_have_no_figures() -> None:
    assert conversation_figures([])["called_wrongly"] is None
