"""The one door into the log: P1, P2 and group commit."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from handoff.domain.commands import (
    Command,
    NoteAsAgent,
    RequestHuman,
    SayAsAgent,
    SayAsCustomer,
    StartConversation,
)
from handoff.domain.conversation import fold
from handoff.domain.errors import (
    ClientIdReused,
    HandoffError,
    NotFound,
    NotHolder,
    StorageUnavailable,
    WrongState,
)
from handoff.domain.events import CUSTOMER, Actor, ConversationStarted
from handoff.ports import Customer, Hint
from handoff.service import batch
from handoff.service.conversations import Outcome
from tests.contract.until import stays_pending, until
from tests.unit.handoff.service.stage import ANA, BEN, Process, Stage, client_id

KEY = "the-same-client-id"


def say(process: Process, conversation_id: str, text: str) -> asyncio.Task[object]:
    return asyncio.create_task(process.say(conversation_id, text))  # type: ignore[arg-type]


class Gate:
    """Holds commits until it is opened."""

    def __init__(self, process: Process) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()
        process.log.at_commit = self._wait  # type: ignore[method-assign]

    async def _wait(self) -> None:
        self.reached.set()
        await self._open.wait()

    def open(self) -> None:
        self._open.set()


# --- P1 -----------------------------------------------------------------------------------------------------


async def test_there_is_no_outcome_before_the_commit(relay: Process) -> None:
    c = await relay.open()
    gate = Gate(relay)
    task = say(relay, c, "Where is it?")
    await gate.reached.wait()
    assert await stays_pending(task)
    assert relay.hints(c) == [1]
    assert await relay.said(c) == []
    gate.open()
    outcome = await task
    assert (outcome.seq, outcome.events) == (2, 1)  # type: ignore[attr-defined]
    assert await relay.said(c) == ["Where is it?"]
    assert relay.hints(c) == [1, 2]


async def test_a_hint_tells_of_what_can_be_read(relay: Process) -> None:
    seen: list[int] = []

    async def read_at_once(hint: Hint) -> None:
        seen.extend(event.seq for event in await relay.log.read(hint.conversation_id, hint.seq - 1, 1))

    readings: list[asyncio.Task[None]] = []
    relay.pubsub.subscribe(
        lambda m: readings.append(asyncio.create_task(read_at_once(m))) if isinstance(m, Hint) else None
    )
    c = await relay.open()
    await relay.say(c, "Where is it?")
    await asyncio.gather(*readings)
    assert seen == [1, 2]


async def test_a_commit_that_fails_is_told_and_leaves_nothing(relay: Process) -> None:
    c = await relay.open()
    relay.log.broken = True
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "lost?")
    with pytest.raises(StorageUnavailable):
        await relay.open()
    assert await relay.said(c) == []
    assert relay.hints(c) == [1]
    head = await relay.feed.head(c, at_least=1)
    assert head is not None
    assert head.state.seq == 1
    relay.log.broken = False
    assert (await relay.say(c, "not lost")).seq == 2
    assert await relay.said(c) == ["not lost"]


async def test_a_commit_that_the_driver_refuses_is_told_and_leaves_nothing(relay: Process) -> None:
    c = await relay.open()

    def refuse(_connection: sa.Connection) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, OSError("disk I/O error"))

    sa.event.listen(relay.engine.sync_engine, "commit", refuse)
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "lost?")
    sa.event.remove(relay.engine.sync_engine, "commit", refuse)
    assert await relay.said(c) == []
    await relay.say(c, "not lost")
    assert await relay.said(c) == ["not lost"]


async def test_a_mistake_while_committing_is_told_as_not_stored(relay: Process) -> None:
    c = await relay.open()

    async def mistake() -> None:
        raise LookupError("a mistake in this program")

    relay.log.at_commit = mistake  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "lost?")
    del relay.log.at_commit  # type: ignore[misc]
    await relay.say(c, "not lost")
    assert await relay.said(c) == ["not lost"]


async def test_a_command_goes_on_when_its_caller_goes_away(relay: Process) -> None:
    c = await relay.open()
    gate = Gate(relay)
    task = say(relay, c, "Where is it?")
    await gate.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open()
    assert (await relay.say(c, "Hello?")).seq == 3
    assert await relay.said(c) == ["Where is it?", "Hello?"]


async def test_stopping_finishes_what_was_taken(relay: Process) -> None:
    c = await relay.open()
    gate = Gate(relay)
    tasks = [say(relay, c, f"{n}") for n in range(3)]
    await gate.reached.wait()
    later = say(relay, c, "later")
    stopping = asyncio.create_task(relay.conversations.stop())
    assert await stays_pending(stopping)
    gate.open()
    await stopping
    await asyncio.gather(*tasks, later)
    assert await relay.said(c) == ["0", "1", "2", "later"]


# --- P2 -----------------------------------------------------------------------------------------------------


async def test_the_same_command_again_gets_the_same_outcome(relay: Process) -> None:
    c = await relay.open()
    first = await relay.run(c, SayAsCustomer("Where is it?", KEY), key=KEY)
    await relay.say(c, "another")
    again = await relay.run(c, SayAsCustomer("Where is it?", KEY), key=KEY)
    assert again == first
    assert await relay.said(c) == ["Where is it?", "another"]


async def test_the_same_command_again_in_one_batch_happens_once(relay: Process) -> None:
    c = await relay.open()
    command = SayAsCustomer("Where is it?", KEY)
    outcomes = await asyncio.gather(*(relay.run(c, command, key=KEY) for _ in range(5)))
    assert len(set(outcomes)) == 1
    assert await relay.said(c) == ["Where is it?"]


async def test_the_same_command_after_a_restart_gets_the_same_outcome(stage: Stage) -> None:
    before = stage.process()
    c = await before.open()
    first = await before.run(c, SayAsCustomer("Where is it?", KEY), key=KEY)
    asked = await before.run(c, RequestHuman(), key="another-client-id")
    await before.conversations.stop()
    after = stage.process()
    assert await after.run(c, SayAsCustomer("Where is it?", KEY), key=KEY) == first
    assert await after.run(c, RequestHuman(), key="another-client-id") == asked
    assert await after.kinds(c) == ["customer.said", "handoff.requested"]


async def test_the_same_command_from_two_processes_at_once_happens_once(stage: Stage) -> None:
    one, two = stage.process(), stage.process()
    c = await one.open()
    for n in range(10):
        key = client_id()
        command = SayAsCustomer(f"{n}", key)
        first, second = await asyncio.gather(one.run(c, command, key=key), two.run(c, command, key=key))
        assert first == second
    assert await one.said(c) == [f"{n}" for n in range(10)]


async def test_the_same_id_for_another_command_is_refused(relay: Process) -> None:
    c = await relay.open()
    await relay.run(c, SayAsCustomer("Where is it?", KEY), key=KEY)
    for other in (SayAsCustomer("Something else", KEY), RequestHuman()):
        with pytest.raises(ClientIdReused):
            await relay.run(c, other, key=KEY)
    assert await relay.kinds(c) == ["customer.said"]


async def test_one_id_of_two_actors_or_conversations_is_two_commands(relay: Process) -> None:
    one, two = await relay.open(), await relay.open()
    await relay.run(one, SayAsCustomer("first", KEY), key=KEY)
    await relay.run(two, SayAsCustomer("second", KEY), key=KEY)
    await relay.run(one, NoteAsAgent("Ana's"), ANA, KEY)
    await relay.run(one, NoteAsAgent("Ben's"), BEN, KEY)
    assert await relay.kinds(one) == ["customer.said", "agent.noted", "agent.noted"]
    assert await relay.said(two) == ["second"]


async def test_a_refusal_is_not_kept(relay: Process) -> None:
    c = await relay.open()
    with pytest.raises(NotHolder):
        await relay.run(c, SayAsAgent("Hello", KEY), ANA, KEY)
    await relay.ask_for_a_person(c)
    await relay.claim(c)
    assert (await relay.run(c, SayAsAgent("Hello", KEY), ANA, KEY)).events == 1


async def test_a_command_that_had_nothing_to_do_is_kept(relay: Process) -> None:
    c = await relay.open()
    await relay.ask_for_a_person(c)
    await relay.claim(c)
    nothing = await relay.claim(c)
    assert (nothing.seq, nothing.events) == (3, 0)
    assert relay.hints(c) == [1, 2, 3]


# --- openings -----------------------------------------------------------------------------------------------


async def open_with(process: Process, key: str, content: str = "same") -> tuple[str, bool]:
    outcome, is_new = await process.conversations.open(key, Customer(), StartConversation("en"), content)
    return outcome.conversation_id, is_new


async def test_an_opening_again_gives_the_same_conversation(stage: Stage) -> None:
    relay = stage.process()
    first, is_new = await open_with(relay, KEY)
    assert is_new
    await relay.say(first, "Where is it?")
    assert await open_with(relay, KEY) == (first, False)
    assert await open_with(stage.process(), KEY) == (first, False)
    assert await relay.kinds(first) == ["customer.said"]
    with pytest.raises(ClientIdReused):
        await open_with(relay, KEY, "other details")


async def test_openings_with_one_id_at_once_make_one_conversation(stage: Stage) -> None:
    one, two = stage.process(), stage.process()
    for n in range(5):
        key = f"opening-client-id-{n}"
        outcomes = await asyncio.gather(*(open_with(p, key) for p in (one, two, one, two)))
        assert len({conversation_id for conversation_id, _ in outcomes}) == 1
        assert sum(is_new for _, is_new in outcomes) == 1
        assert len(await one.of(ConversationStarted, outcomes[0][0])) == 1


async def test_of_two_different_openings_with_one_id_at_once_one_is_refused(relay: Process) -> None:
    outcomes = await asyncio.gather(
        open_with(relay, KEY), open_with(relay, KEY, "other details"), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [tuple, ClientIdReused]


# --- group commit -------------------------------------------------------------------------------------------


async def test_a_command_that_is_refused_disturbs_no_other_in_its_batch(relay: Process) -> None:
    c, other = await relay.open(), await relay.open()
    gate = Gate(relay)
    first = say(relay, c, "first")
    await gate.reached.wait()
    batch = [
        relay.say(c, "second"),
        relay.cancel_handoff(c),
        relay.say("no-such-conversation", "?"),
        relay.say_as(ANA, c, "I may not"),
        relay.say(other, "elsewhere"),
        relay.say(c, "third"),
    ]
    outcomes = asyncio.gather(*batch, return_exceptions=True)
    await asyncio.sleep(0)
    gate.open()
    assert (await first).seq == 2  # type: ignore[attr-defined]
    found = await outcomes
    refused = [type(o) for o in found if isinstance(o, HandoffError)]
    assert refused == [WrongState, NotFound, NotHolder]
    assert await relay.said(c) == ["first", "second", "third"]
    assert await relay.said(other) == ["elsewhere"]


async def test_a_mistake_in_one_command_disturbs_no_other_in_its_batch(
    relay: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect that one command meets must not turn away everybody who wrote at the same moment."""

    def decide(state: object, actor: object, command: object, *rest: object) -> object:
        if isinstance(command, SayAsCustomer) and command.text == "defect":
            raise KeyError("a mistake in this program")
        return decide_truly(state, actor, command, *rest)  # type: ignore[arg-type]

    decide_truly = batch.decide
    monkeypatch.setattr(batch, "decide", decide)
    c, other = await relay.open(), await relay.open()
    outcomes = await asyncio.gather(
        relay.say(c, "before"),
        relay.say(c, "defect"),
        relay.say(other, "elsewhere"),
        relay.say(c, "after"),
        return_exceptions=True,
    )
    assert [isinstance(outcome, HandoffError) for outcome in outcomes] == [False, True, False, False]
    assert await relay.said(c) == ["before", "after"]
    assert await relay.said(other) == ["elsewhere"]


async def test_commands_that_wait_for_one_commit_share_the_next(relay: Process) -> None:
    c = await relay.open()
    commits: list[int] = []
    gate = Gate(relay)
    wait = relay.log.at_commit

    async def count() -> None:
        commits.append(1)
        await wait()

    relay.log.at_commit = count  # type: ignore[method-assign]
    first = say(relay, c, "0")
    await gate.reached.wait()
    rest = [say(relay, c, f"{n}") for n in range(1, 20)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(first, *rest)
    assert len(commits) == 2
    assert await relay.said(c) == [f"{n}" for n in range(20)]


async def test_one_caller_s_commands_keep_their_order_among_many(stage: Stage) -> None:
    processes = stage.process(), stage.process()
    c = await processes[0].open()

    async def talk(process: Process, name: str) -> None:
        for n in range(8):
            await process.say(c, f"{name}{n}")

    await asyncio.gather(*(talk(processes[n % 2], name) for n, name in enumerate("abcd")))
    said = await processes[0].said(c)
    assert len(said) == 32
    for name in "abcd":
        assert [text for text in said if text.startswith(name)] == [f"{name}{n}" for n in range(8)]
    head = await processes[1].log.head(c)
    assert head is not None
    assert head.state == fold(c, await processes[0].events(c))


# --- callbacks ----------------------------------------------------------------------------------------------


async def test_callbacks_come_in_order_and_before_the_hints_of_their_commit(relay: Process) -> None:
    c, other = await relay.open(), await relay.open()
    told: list[object] = []
    relay.pubsub.subscribe(lambda m: told.append((m.conversation_id, m.seq)) if isinstance(m, Hint) else None)
    done = asyncio.Event()
    gate = Gate(relay)

    def submit(conversation_id: str, command: Command, actor: Actor = CUSTOMER) -> None:
        def settle(result: Outcome | HandoffError) -> None:
            # What was just committed is at hand for whoever is told of it.
            head = relay.feed.known(conversation_id)
            told.append((result if isinstance(result, Outcome) else result.code, head and head.state.seq))
            if len(told) == 4:
                asyncio.get_running_loop().call_soon(told.append, "the next pass")
                asyncio.get_running_loop().call_soon(done.set)

        relay.conversations.submit(conversation_id, actor, command, client_id(), settle)

    submit(c, SayAsCustomer("one", client_id()))
    submit(other, RequestHuman())
    submit(other, SayAsAgent("not mine", client_id()), ANA)
    submit(c, SayAsCustomer("two", client_id()))
    assert told == []
    await gate.reached.wait()
    assert told == []
    gate.open()
    await done.wait()
    assert told == [
        (Outcome(c, 2, 1), 3),
        (Outcome(other, 2, 1), 2),
        ("not_holder", 2),
        (Outcome(c, 3, 1), 3),
        (c, 3),
        (other, 2),
        "the next pass",
    ]


async def test_a_callback_that_fails_takes_nothing_from_the_others(relay: Process) -> None:
    c = await relay.open()
    told: list[str] = []

    def fail(_result: object) -> None:
        told.append("failed")
        raise LookupError("a mistake of the caller")

    relay.conversations.submit(c, CUSTOMER, SayAsCustomer("one", KEY), KEY, fail)
    assert (await relay.say(c, "two")).seq == 3
    assert told == ["failed"]
    assert await relay.said(c) == ["one", "two"]
    assert relay.hints(c) == [1, 3]


async def test_a_callback_is_told_of_a_commit_that_failed(relay: Process) -> None:
    c = await relay.open()
    told: list[Outcome | HandoffError] = []
    relay.log.broken = True
    relay.conversations.submit(c, CUSTOMER, SayAsCustomer("lost?", KEY), KEY, told.append)
    relay.conversations.submit("nowhere", CUSTOMER, RequestHuman(), client_id(), told.append)
    await until(lambda: len(told) == 2)
    assert [type(result) for result in told] == [StorageUnavailable, StorageUnavailable]


async def test_what_was_taken_is_finished_at_the_end_and_later_commands_are_refused(relay: Process) -> None:
    c = await relay.open()
    told: list[Outcome | HandoffError] = []
    for n in range(3):
        relay.conversations.submit(c, CUSTOMER, SayAsCustomer(f"{n}", client_id()), client_id(), told.append)
    await relay.conversations.stop()
    assert told == [Outcome(c, 2 + n, 1) for n in range(3)]
    with pytest.raises(StorageUnavailable):
        await relay.say(c, "too late")
    assert await relay.said(c) == ["0", "1", "2"]


async def test_time_never_runs_back_in_a_conversation(stage: Stage) -> None:
    relay = stage.process()
    c = await relay.open()
    await relay.say(c, "now")
    stage.clock.pass_s(-3600)
    await relay.say(c, "an hour earlier, says the clock")
    at = [event.at for event in await relay.events(c)]
    assert at == sorted(at)


async def test_a_subscriber_that_fails_takes_no_ack_away(relay: Process) -> None:
    async def fail(_message: object) -> None:
        raise ConnectionError("the bus is gone")

    c = await relay.open()
    relay.pubsub.publish = fail  # type: ignore[method-assign]
    assert (await relay.say(c, "one")).seq == 2
    assert (await relay.say(c, "two")).seq == 3
    await until(lambda: not relay.conversations._waiting)
    assert await relay.said(c) == ["one", "two"]


async def test_customers_are_told_only_of_what_they_may_see(relay: Process) -> None:
    c = await relay.open()
    await relay.run(c, NoteAsAgent("calls often"), ANA)
    nothing_new = await relay.run(c, RequestHuman(), CUSTOMER)
    assert nothing_new.seq == 3
    await relay.run(c, NoteAsAgent("again"), ANA)
    head = await relay.log.head(c)
    assert head is not None
    assert (head.state.seq, head.state.customer_seq) == (4, 3)
    key = client_id()
    repeated = await relay.run(c, SayAsCustomer("x", key), CUSTOMER, key)
    assert repeated.seq == 5
