"""A message after those before it."""

from __future__ import annotations

from dataclasses import replace

from bot.mood.history import CONTEXT, History, Shown, context

CALM = Shown(0.1, 1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0)
UPSET = replace(CALM, anger=0.9, courtesy=0.0, unheard=1.0, capitals=0.5)


def after(*shown: Shown) -> History:
    history = History()
    for one in shown:
        history = history.after(one)
    return history


def told(history: History, shown: Shown) -> dict[str, float]:
    return dict(zip(CONTEXT, context(history, shown), strict=True))


def test_a_first_message_has_no_context() -> None:
    assert set(context(History(), UPSET)) == {0.0}


def test_anger_before_is_remembered_by_its_last_its_most_and_a_fading_level() -> None:
    found = told(after(UPSET, CALM), CALM)
    assert (found["last"], found["most"]) == (0.1, 0.9)
    assert found["level"] < told(after(CALM, UPSET), CALM)["level"]


def test_courtesy_that_goes_and_capitals_that_come_are_noticed() -> None:
    found = told(after(CALM, CALM), UPSET)
    assert found["courtesy_lost"] == 1.0
    assert found["capitals_rise"] == 0.5
    assert told(after(CALM, CALM), CALM)["courtesy_lost"] == 0.0


def test_what_eases_counts_only_after_anger() -> None:
    glad = replace(CALM, thanks=1.0, joy=1.0)
    calm, upset = told(after(replace(CALM, anger=0.0)), glad), told(after(UPSET), glad)
    assert calm["thanks_after"] == 0.0
    assert upset["thanks_after"] == upset["joy_after"] == 0.9


def test_calm_messages_after_anger_are_counted_until_the_next() -> None:
    assert told(after(UPSET, CALM, CALM), CALM)["calm_since"] == 0.5
    assert told(after(UPSET, CALM, UPSET), CALM)["calm_since"] == 0.0
    assert told(after(CALM, CALM), CALM)["calm_since"] == 0.0


def test_it_is_small_and_comes_back_from_json() -> None:
    history = after(*[UPSET, CALM] * 500)
    assert History(**history.as_dict()) == history
    assert len(str(history.as_dict())) < 250
