"""The growth benchmark: conversations brought to their size on a real relay, and figures from turns alone."""

import pytest

from bench.growth import figures
from bench.growth_load import Outcome, Plan, Turn, as_json, from_json, run
from tests.integration.relay.harness import outcome as bot_outcome
from tests.integration.relay.harness import running_relay


def turns(system: str, **ms: float) -> list[Turn]:
    return [
        Turn(system, int(size[1:]), int(size[1:]), of + extra)
        for size, of in ms.items()
        for extra in (-1, 0, 1)
    ]


def test_the_names_that_scripts_read():
    made = [*turns("baton", _10=20, _100=21, _1000=22), *turns("rasa_lr", _10=25, _100=40, _1000=100)]
    found = figures(Outcome(made, ["rasa_lr, x"], 4), 3, {"cores": 2})
    assert found["p50_ms"] == {10: 20, 100: 21, 1000: 22}
    assert found["ratio_1000_to_10"] == 1.1
    assert found["rasa_lr"]["ratio_1000_to_10"] == 4
    assert found["rasa_lr"]["p50_ms"][1000] == 100
    assert (found["failed"], found["handoffs"]) == (1, 4)


def test_a_size_without_an_answer_is_no_figure():
    with pytest.raises(ValueError, match="0 values"):
        figures(Outcome([*turns("baton", _10=20, _100=21), *turns("rasa_lr", _10=1)], [], 0), 3, {})


def test_an_outcome_survives_its_way_out_of_the_process():
    outcome = Outcome(turns("baton", _10=20), ["x"], 1)
    assert from_json(as_json(outcome)) == outcome


async def test_conversations_are_brought_to_their_size_and_measured_in_turn(tmp_path):
    async with running_relay(tmp_path) as relay:
        found = await run(Plan({"baton": relay.url}, {4: 2, 8: 1}, rounds=4))
        asked = [request.conversation_id for request in relay.bot.requests]
    assert not found.failures
    assert [(turn.size, turn.messages) for turn in found.turns] == [
        (4, 4), (8, 8), (4, 4), (8, 10), (4, 6), (8, 12), (4, 6), (8, 14),
    ]  # fmt: skip
    assert len(set(asked)) == 3
    assert all(turn.ms > 0 for turn in found.turns)


async def test_a_conversation_that_was_handed_over_goes_on_with_the_bot(tmp_path):
    async with running_relay(tmp_path) as relay:

        async def escalate(request):
            return bot_outcome(request, "A person will help.", kind="escalate", reason="low_confidence")

        relay.bot.answer = escalate
        found = await run(Plan({"baton": relay.url}, {2: 1}, rounds=3))
    assert not found.failures
    assert [turn.messages for turn in found.turns] == [2, 4, 6]
    assert found.handoffs == 4
