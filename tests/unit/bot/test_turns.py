"""Turns in order and once each, over a real store and an engine that is told what to do."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bot.contract import (
    MAX_DIALOGUE,
    ContractError,
    Decision,
    Handback,
    Reply,
    Said,
    TurnContext,
    TurnOutcome,
    TurnRequest,
)
from bot.dialogue import Dialogue, unpacked
from bot.dialogues import Dialogues, Stored
from bot.memory import Memory
from bot.turns import TurnOvertaken, Turns, continued


class StepCounter:
    """Answers with the number of steps the dialogue has made; can be held up or made to fail."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails = False

    async def answer(self, request: TurnRequest, dialogue: Dialogue) -> tuple[TurnOutcome, Dialogue]:
        self.asked.append(request.turn)
        await self.open.wait()
        if self.fails:
            raise RuntimeError("planted")
        steps = dialogue.slots.get("steps", 0) + 1
        decision = Decision("chat", "greet", 0.0, 1.0)
        outcome = TurnOutcome(request.turn, "r1", decision, (Reply(f"step {steps}"),))
        return outcome, Dialogue(slots={"steps": steps})


def request(turn: int, *, conversation: str = "c", episode: int = 1, **context: Any) -> TurnRequest:
    return TurnRequest(conversation, episode, turn, "text", context=TurnContext(**context))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Dialogues]:
    opened = Dialogues(tmp_path / "dialogues.db")
    yield opened
    opened.close()


@pytest.fixture
async def engine() -> StepCounter:
    return StepCounter()


@pytest.fixture
def turns(store: Dialogues, engine: StepCounter) -> Turns:
    async def engine_for(_release: str | None) -> StepCounter:
        return engine

    return Turns(store, engine_for)


async def said(turns: Turns, asked: TurnRequest) -> str:
    return (await turns.take(asked)).replies[0].text


async def test_a_repeat_moves_nothing(turns: Turns, engine: StepCounter) -> None:
    assert await said(turns, request(1)) == "step 1"
    assert await said(turns, request(1)) == "step 1"
    assert await said(turns, request(2)) == "step 2"
    assert engine.asked == [1, 2]


async def test_repeats_join_the_running_turn(turns: Turns, engine: StepCounter) -> None:
    engine.open.clear()
    tasks = [asyncio.create_task(said(turns, request(1))) for _ in range(5)]
    while not engine.asked:
        await asyncio.sleep(0)
    engine.open.set()
    assert set(await asyncio.gather(*tasks)) == {"step 1"}
    assert engine.asked == [1]


async def test_a_turn_that_is_asked_of_another_release_does_not_wait_for_the_first(store: Dialogues) -> None:
    stuck, good = StepCounter(), StepCounter()
    stuck.open.clear()
    loading = asyncio.Event()

    async def engine_for(release: str | None) -> StepCounter:
        if release == "loading":
            await loading.wait()
        return good if release is None else stuck

    turns = Turns(store, engine_for)
    for turn, release in ((1, "stuck"), (3, "loading")):
        first = asyncio.create_task(turns.take(replace(request(turn), release_id=release)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        steps = (turn + 1) // 2
        async with asyncio.timeout(10):
            assert await said(turns, request(turn)) == f"step {steps}"
            with pytest.raises(TurnOvertaken):
                await first
        # Its own repeat is told what was answered.
        assert await said(turns, replace(request(turn), release_id=release)) == f"step {steps}"
    assert good.asked == [1, 3]
    await turns.settle()


async def test_a_caller_that_goes_away_does_not_stop_the_turn(turns: Turns, engine: StepCounter) -> None:
    engine.open.clear()
    caller = asyncio.create_task(said(turns, request(1)))
    while not engine.asked:
        await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    engine.open.set()
    assert await said(turns, request(1)) == "step 1"
    assert engine.asked == [1]


async def test_turns_of_a_conversation_wait_for_each_other_and_others_do_not(
    turns: Turns, engine: StepCounter
) -> None:
    engine.open.clear()
    tasks = [asyncio.create_task(said(turns, request(turn))) for turn in (1, 2)]
    other = asyncio.create_task(said(turns, request(7, conversation="d")))
    while len(engine.asked) < 2:
        await asyncio.sleep(0)
    assert sorted(engine.asked) == [1, 7], "the second turn of c has not begun"
    engine.open.set()
    assert await asyncio.gather(*tasks, other) == ["step 1", "step 2", "step 1"]


async def test_a_failed_turn_can_be_tried_again(turns: Turns, engine: StepCounter) -> None:
    await turns.take(request(1))
    engine.fails = True
    with pytest.raises(RuntimeError, match="planted"):
        await turns.take(request(2))
    engine.fails = False
    assert await said(turns, request(2)) == "step 2"


async def test_an_overtaken_turn_says_so(turns: Turns) -> None:
    for turn in (10, 20, 30, 40):
        await turns.take(request(turn))
    assert await said(turns, request(20)) == "step 2"
    with pytest.raises(TurnOvertaken) as caught:
        await turns.take(request(15))
    assert caught.value.last_turn == 40


async def test_the_first_process_to_store_a_turn_wins(store: Dialogues) -> None:
    decision = Decision("chat", "greet", 0.0, 1.0)
    first = TurnOutcome(1, "r1", decision, (Reply("first"),))
    second = TurnOutcome(1, "r2", decision, (Reply("second"),))
    one, two = Dialogue(slots={"by": "one"}), Dialogue(slots={"by": "two"})
    assert await store.commit("c", 1, first, state=one, previous=Dialogue()) == first
    assert await store.commit("c", 1, second, state=two, previous=Dialogue()) == first
    stored = store.load("c")
    assert stored is not None
    assert stored.state == one


async def test_a_reopened_store_goes_on(tmp_path: Path) -> None:
    outcome = TurnOutcome(3, "r1", Decision("chat", "greet", 0.0, 1.0), (Reply("hello"),))
    first = Dialogues(tmp_path / "d.db")
    await first.commit("c", 2, outcome, state=Dialogue(loop="form"), previous=Dialogue())
    first.close()
    second = Dialogues(tmp_path / "d.db")
    assert second.load("c") == Stored(2, 3, Dialogue(loop="form"), Dialogue())
    assert second.reply("c", 3) == outcome
    second.close()


class TestContinued:
    MESSAGE: ClassVar[dict[str, Any]] = {
        "event": "user",
        "text": "x",
        "parse_data": {
            "baton": {"memory": Memory(failures=1, level=2.0, tripped=True, answered=("a",)).as_dict()}
        },
    }
    STATE = Dialogue({"order_number": "1"}, "order_status_form", (MESSAGE,))
    STORED = Stored(1, 5, STATE, Dialogue(slots={"before": True}))

    def test_the_first_turn_and_a_new_episode_start_afresh(self) -> None:
        assert continued(None, request(1)) == Dialogue()
        assert continued(self.STORED, request(6, episode=2)) == Dialogue()

    def test_the_next_turn_goes_on(self) -> None:
        assert continued(self.STORED, request(6)) == self.STATE

    def test_a_discarded_turn_is_taken_back(self) -> None:
        assert continued(self.STORED, request(6, discarded_turns=(5,))) == self.STORED.previous
        assert continued(self.STORED, request(6, discarded_turns=(4,))) == self.STATE

    @pytest.mark.parametrize(
        "context",
        [
            {"handback": Handback("resolved", None)},
            {"handback": Handback()},
            {"said_since_last_turn": (Said("agent", "hello"),)},
        ],
    )
    def test_after_a_person_the_form_is_closed_and_the_mood_eased(self, context: dict[str, Any]) -> None:
        eased = continued(self.STORED, request(6, **context))
        assert (eased.loop, dict(eased.slots)) == (None, {})
        memory = Memory.from_dict(eased.events[0]["parse_data"]["baton"]["memory"])
        assert memory == Memory(answered=("a",))
        assert [event["event"] for event in eased.events] == ["user", "active_loop", "slot", "slot"]

    def test_words_nobody_answered_do_not_end_the_form(self) -> None:
        context = {"said_since_last_turn": (Said("customer", "hello?"),)}
        assert continued(self.STORED, request(6, **context)) == self.STATE


# --- the dialogue that travels ------------------------------------------------------------------------------


def carrying(turn: int, dialogue: str | None, *, episode: int = 1, **context: Any) -> TurnRequest:
    return replace(request(turn, episode=episode, **context), dialogue=dialogue)


async def test_another_bot_goes_on_where_the_first_stopped(
    turns: Turns, engine: StepCounter, tmp_path: Path
) -> None:
    first = await turns.take(request(1))
    elsewhere = Dialogues(tmp_path / "elsewhere.db")

    async def engine_for(_release: str | None) -> StepCounter:
        return engine

    other = Turns(elsewhere, engine_for)
    second = await other.take(carrying(2, first.dialogue))
    assert second.replies[0].text == "step 2"
    # And back: what this bot keeps itself is older than what it is told.
    assert (await turns.take(carrying(3, second.dialogue))).replies[0].text == "step 3"
    elsewhere.close()


async def test_a_turn_that_was_answered_here_and_never_recorded_has_not_happened(turns: Turns) -> None:
    first = await turns.take(request(1))
    await turns.take(carrying(2, first.dialogue))
    assert (await turns.take(carrying(3, first.dialogue))).replies[0].text == "step 2"


async def test_a_dialogue_of_an_episode_before_is_over(turns: Turns) -> None:
    first = await turns.take(request(1))
    assert (await turns.take(carrying(5, first.dialogue, episode=2))).replies[0].text == "step 1"


@pytest.mark.parametrize(
    "dialogue", ["", "no base64!", "eA==", "eJyrVkpUslIqSy0qzszPAwAhbgSr", "eJyLNtJRyAQABogB3Q=="]
)
async def test_what_no_bot_has_packed_is_refused_and_moves_nothing(
    turns: Turns, engine: StepCounter, dialogue: str
) -> None:
    with pytest.raises(ContractError, match="dialogue"):
        await turns.take(carrying(1, dialogue))
    assert engine.asked == []
    assert await said(turns, request(1)) == "step 1"


def test_a_dialogue_packs_any_words_and_none_that_is_too_long() -> None:
    dialogue = Dialogue(
        slots={"words": "é \U0001f600 \ud83d", "none": None}, loop="order_form", events=({"event": "user"},)
    )
    packed = dialogue.packed(3)
    assert packed is not None
    assert unpacked(packed) == (3, dialogue)
    assert Dialogue(slots={"noise": secrets.token_hex(MAX_DIALOGUE)}).packed(1) is None
