"""What happens to a question after its outcome is found, once and again."""

from __future__ import annotations

from handoff.adapters.log_sql import SqlEventLog
from handoff.domain.asked import ANSWERED_BY_PERSON, HANDED_OVER, LOW_CONFIDENCE, THUMBS_DOWN, UNANSWERED
from handoff.studio.gleaning import glean, thumbs_by_turn
from tests.contract.databases import Database
from tests.contract.held_clock import START
from tests.contract.questions import MINUTE, row_of, talk

CONFIDENT = {"kind": "answer", "reason": "confident", "confidence": 0.9, "reasons": 0}


async def test_a_thumb_counts_for_the_turn_whose_reply_it_stands_under(
    log: SqlEventLog, database: Database
) -> None:
    told = await talk(log)
    first = await told.ask("One?", **CONFIDENT)
    second = await told.ask("Two?", **CONFIDENT)
    await told.thumb(first + 1, helpful=False)
    await told.thumb(second + 1, helpful=True)
    assert (await glean(database.engine(), since=START)).changed == 1
    assert (await row_of(database, (told.id, first))).reasons == THUMBS_DOWN
    assert (await row_of(database, (told.id, second))).reasons == 0
    assert (await glean(database.engine(), since=START)).changed == 0
    await told.thumb(first + 1, helpful=True)
    assert (await glean(database.engine(), since=START)).changed == 1
    assert (await row_of(database, (told.id, first))).reasons == 0


async def test_a_thumb_under_talk_teaches_nothing(log: SqlEventLog, database: Database) -> None:
    told = await talk(log)
    turn = await told.ask("Hello!", kind="chat", reason="greet", question=False, reasons=0)
    await told.thumb(turn + 1, helpful=False)
    assert (await glean(database.engine(), since=START)).changed == 0


async def test_choices_that_were_all_rejected_are_no_answer(log: SqlEventLog, database: Database) -> None:
    told = await talk(log)
    turn = await told.ask("Refund?", kind="clarify", reason="competing", reasons=0)
    await told.ask("None of these", reason="rejected", question=False, rejects=turn, reasons=0)
    await glean(database.engine(), since=START)
    assert (await row_of(database, (told.id, turn))).reasons == UNANSWERED


async def test_an_agents_answer_goes_to_the_last_question_before_it(
    log: SqlEventLog, database: Database
) -> None:
    told = await talk(log)
    earlier = await told.ask("One?", **CONFIDENT)
    turn = await told.ask("Two?", **{**CONFIDENT, "reasons": LOW_CONFIDENCE})
    await told.ask("Hm", kind="chat", reason="thanks", question=False, reasons=0)
    await told.wants_a_person()
    await told.is_taken()
    found = await glean(database.engine(), since=START)
    assert (found.changed, found.unfinished) == (1, (told.id,))
    row = await row_of(database, (told.id, turn))
    assert (row.reasons, row.minutes) == (LOW_CONFIDENCE | HANDED_OVER, None)
    await told.agent_says("It is like this.")
    await told.closes(after_ms=4 * MINUTE)
    found = await glean(database.engine(), since=START + 10_000 * MINUTE, also=found.unfinished)
    assert (found.changed, found.unfinished) == (1, ())
    row = await row_of(database, (told.id, turn))
    assert row.reasons == LOW_CONFIDENCE | ANSWERED_BY_PERSON | HANDED_OVER
    assert 4.0 <= row.minutes < 4.1
    row = await row_of(database, (told.id, earlier))
    assert (row.reasons, row.minutes) == (0, None)


async def test_an_escalation_that_nobody_took_costs_nothing_once_it_is_over(
    log: SqlEventLog, database: Database
) -> None:
    told = await talk(log)
    turn = await told.ask("One?", kind="escalate", reasons=UNANSWERED | HANDED_OVER)
    await told.wants_a_person()
    assert (await glean(database.engine(), since=START)).unfinished == (told.id,)
    assert (await row_of(database, (told.id, turn))).minutes is None
    await told.closes()
    await glean(database.engine(), since=START)
    assert (await row_of(database, (told.id, turn))).minutes == 0.0


async def test_what_nobody_touched_is_not_looked_at(log: SqlEventLog, database: Database) -> None:
    told = await talk(log)
    turn = await told.ask("One?", **CONFIDENT)
    await told.thumb(turn + 1, helpful=False)
    assert (await glean(database.engine(), since=told.at + 1)).changed == 0


def test_a_thumb_before_every_outcome_is_nobodys() -> None:
    assert thumbs_by_turn([(2, 3)], [(1, False)]) == {}
    assert thumbs_by_turn([], [(1, False)]) == {}


def test_one_reply_that_was_no_help_is_enough() -> None:
    assert thumbs_by_turn([(2, 3), (6, 7)], [(3, False), (4, True), (8, True)]) == {2: False, 6: True}
