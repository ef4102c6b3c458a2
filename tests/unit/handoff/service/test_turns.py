"""What the bot is asked: the words, and what happened while it was not listening."""

from __future__ import annotations

from bot.contract import Handback, Said, TurnContext, request_from_json, request_to_json
from handoff.domain.commands import NoteAsAgent, RecordTurn
from handoff.domain.events import BOT
from handoff.ports import Customer
from handoff.service.turns import SAID_AT_MOST, SAID_CHARACTERS, turn_request
from tests.unit.handoff.service.scripted_bot import answer
from tests.unit.handoff.service.stage import ANA, Process


async def asked(process: Process, conversation_id: str, turn: int) -> TurnContext:
    head = await process.log.head(conversation_id)
    assert head is not None
    request = await turn_request(process.feed, head, turn, None)
    assert request is not None
    assert request_from_json(request_to_json(request)) == request
    return request.context


async def answered(process: Process, conversation_id: str, text: str) -> int:
    """A question with its answer; the seq of the question."""
    seq = (await process.say(conversation_id, text)).seq
    await record(process, conversation_id, seq)
    return seq


async def record(process: Process, conversation_id: str, turn: int) -> None:
    head = await process.log.head(conversation_id)
    assert head is not None
    request = await turn_request(process.feed, head, turn, None)
    assert request is not None
    await process.conversations.execute(conversation_id, BOT, RecordTurn(turn, answer(request)))


async def test_a_first_question_is_just_that(relay: Process) -> None:
    customer = Customer("42", "Eva", "eva@example.org", {"plan": "gold"}, verified=True)
    c = await relay.open("de", customer)
    seq = (await relay.say(c, "Wo ist es?")).seq
    head = await relay.log.head(c)
    assert head is not None
    request = await turn_request(relay.feed, head, seq, None)
    assert request is not None
    assert (request.conversation_id, request.episode, request.turn) == (c, 1, 2)
    assert (request.text, request.choice, request.locale) == ("Wo ist es?", None, "de")
    assert request.customer == {"id": "42", "name": "Eva", "verified": True}
    assert request.context == TurnContext()


async def test_a_turn_that_is_no_question_has_no_request(relay: Process) -> None:
    c = await relay.open()
    head = await relay.log.head(c)
    assert head is not None
    assert await turn_request(relay.feed, head, 1, None) is None
    assert await turn_request(relay.feed, head, 7, None) is None


async def test_what_the_bot_has_answered_is_not_told_again(relay: Process) -> None:
    c = await relay.open()
    await answered(relay, c, "one")
    await answered(relay, c, "two")
    third = (await relay.say(c, "three")).seq
    assert await asked(relay, c, third) == TurnContext()


async def test_after_a_person_the_bot_is_told_what_was_said_and_settled(relay: Process) -> None:
    c = await relay.open()
    await answered(relay, c, "before")
    await relay.ask_for_a_person(c)
    await relay.say(c, "while waiting")
    await relay.claim(c)
    await relay.say_as(ANA, c, "I refund it.")
    await relay.run(c, NoteAsAgent("not for the bot"), ANA)
    await relay.say(c, "Thank you")
    await relay.return_to_bot(c, outcome="refunded", note="10 EUR")
    seq = (await relay.say(c, "And now?")).seq
    context = await asked(relay, c, seq)
    assert context == TurnContext(
        Handback("refunded", "10 EUR"),
        (Said("customer", "while waiting"), Said("agent", "I refund it."), Said("customer", "Thank you")),
    )
    await record(relay, c, seq)
    later = (await relay.say(c, "And later?")).seq
    assert await asked(relay, c, later) == TurnContext()


async def test_a_turn_that_was_discarded_is_told_with_its_words(relay: Process) -> None:
    c = await relay.open()
    lost = (await relay.say(c, "Where is it?")).seq
    head = await relay.log.head(c)
    assert head is not None
    request = await turn_request(relay.feed, head, lost, None)
    assert request is not None
    await relay.ask_for_a_person(c)
    await relay.claim(c)
    await relay.conversations.execute(c, BOT, RecordTurn(lost, answer(request)))
    await relay.return_to_bot(c)
    seq = (await relay.say(c, "And now?")).seq
    context = await asked(relay, c, seq)
    assert context == TurnContext(Handback(), (Said("customer", "Where is it?"),), (lost,))


async def test_questions_still_open_and_answers_to_the_relay_are_not_told_as_said(relay: Process) -> None:
    c = await relay.open()
    first = (await relay.say(c, "one")).seq
    await relay.ask_for_a_person(c)
    await relay.cancel_handoff(c)
    second = (await relay.say(c, "two")).seq
    assert (await asked(relay, c, first)).said_since_last_turn == ()
    assert (await asked(relay, c, second)).said_since_last_turn == ()


async def test_the_context_is_bounded_and_keeps_what_was_said_last(relay: Process) -> None:
    c = await relay.open()
    await relay.ask_for_a_person(c)
    for n in range(SAID_AT_MOST + 10):
        await relay.say(c, f"{n} " + "x" * 2 * SAID_CHARACTERS)
    await relay.claim(c)
    await relay.return_to_bot(c)
    seq = (await relay.say(c, "And now?")).seq
    said = (await asked(relay, c, seq)).said_since_last_turn
    assert [words.text.split()[0] for words in said] == [f"{n}" for n in range(10, SAID_AT_MOST + 10)]
    assert {len(words.text) for words in said} == {SAID_CHARACTERS}


async def test_a_long_time_away_is_read_in_pages(relay: Process) -> None:
    c = await relay.open()
    await relay.ask_for_a_person(c)
    await relay.claim(c)
    for n in range(80):
        await relay.say(c, f"{n}")
    await relay.return_to_bot(c, outcome="done")
    seq = (await relay.say(c, "And now?")).seq
    relay.feed._tails.clear()
    context = await asked(relay, c, seq)
    assert context.handback == Handback("done", None)
    assert [words.text for words in context.said_since_last_turn] == [f"{n}" for n in range(60, 80)]
