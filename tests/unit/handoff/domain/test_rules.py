"""What the relay says in its own name: every notice in every voice, with choices the relay acts on."""

from __future__ import annotations

from typing import get_args

import pytest

from handoff.domain.rules import NOTICES, RELAY_CHOICES, NoticeCode, Rules, Voice


@pytest.mark.parametrize("voice", get_args(Voice))
@pytest.mark.parametrize("code", get_args(NoticeCode))
def test_every_notice_is_there_in_every_voice(voice: Voice, code: NoticeCode) -> None:
    notice = NOTICES[voice][code]
    assert notice.text.endswith(".")
    assert notice.choices
    assert {choice.id for choice in notice.choices} <= RELAY_CHOICES


@pytest.mark.parametrize("code", get_args(NoticeCode))
def test_voices_differ_in_words_and_not_in_choices(code: NoticeCode) -> None:
    formal, casual = NOTICES["formal"][code], NOTICES["casual"][code]
    assert formal.text != casual.text
    assert [choice.id for choice in formal.choices] == [choice.id for choice in casual.choices]


def test_the_protocols_durations() -> None:
    rules = Rules()
    assert (rules.episode_idle_ms, rules.reopen_same_agent_ms) == (1_800_000, 120_000)
