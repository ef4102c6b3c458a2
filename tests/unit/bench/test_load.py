"""The load generator: who asks what, what is counted, and what becomes of failures."""

import asyncio

import pytest

from bench.clients import Conversation, TurnFailedError
from bench.load import BatonGenerator, Generator, Outcome, Plan, RasaGenerator, Turn, as_json, from_json
from tests.integration.relay.harness import outcome as bot_outcome
from tests.integration.relay.harness import running_relay


def turn(end: float, ms: float = 10.0) -> Turn:
    return Turn("text", 1, ms, end, "answer", "answer")


class Scripted(Conversation):
    """Answers after a moment, in its own words."""

    def __init__(self, number: int, customer: int) -> None:
        self.number = number
        self.customer = customer

    async def ask(self, text: str) -> tuple[str, str]:
        await asyncio.sleep(0)
        if text == "break":
            raise TurnFailedError("it broke")
        self.over = text == "person"
        return f"{self.number}:{text}", "escalate" if self.over else "answer"

    async def close(self) -> None:
        self.over = True


class InMemory(Generator):
    """A generator whose conversations are in memory."""

    opened = 0
    finished = False

    async def prepare(self) -> None:
        self.asked_by: set[int] = set()

    async def conversation(self, customer: int) -> Conversation:
        self.opened += 1
        self.asked_by.add(customer)
        return Scripted(self.opened, customer)

    async def finish(self) -> None:
        self.finished = True


def plan(*scripts: list[str], customers: int = 1) -> Plan:
    return Plan("rasa", "http://nowhere", customers, list(scripts))


async def run(*scripts: list[str], customers: int = 1) -> tuple[InMemory, Outcome]:
    generator = InMemory(plan(*scripts, customers=customers))
    return generator, await generator.run()


async def test_a_script_is_one_conversation_in_order():
    generator, outcome = await run(["a", "b"], ["c"])
    assert [(t.answer, t.nth) for t in outcome.turns] == [("1:a", 1), ("1:b", 2), ("2:c", 1)]
    assert generator.finished


async def test_every_question_is_asked_once_by_many_customers():
    scripts = [[f"{n}a", f"{n}b"] for n in range(20)]
    generator, outcome = await run(*scripts, customers=8)
    assert sorted(t.text for t in outcome.turns) == sorted(text for script in scripts for text in script)
    assert generator.asked_by == set(range(8))


async def test_after_a_handoff_the_rest_is_asked_in_a_new_conversation():
    _, outcome = await run(["person", "b", "c"])
    assert [t.answer for t in outcome.turns] == ["1:person", "2:b", "2:c"]


async def test_a_failure_is_counted_named_and_not_timed():
    _, outcome = await run(["a", "break", "c"])
    assert [t.answer for t in outcome.turns] == ["1:a", "2:c"]
    assert outcome.failures == ["break: it broke"]


def test_turns_per_second_leave_out_the_tail_in_which_some_customers_have_finished():
    assert Outcome([turn(0.5), turn(1.0), turn(1.9), turn(3.0)], [], 2.0).turns_per_s == 1.5


def test_nothing_asked_is_no_turns_a_second():
    assert Outcome([], [], 0.0).turns_per_s == 0.0


async def test_busy_ends_with_the_first_customer_who_finds_no_question():
    _, outcome = await run(["a"], ["b", "c", "d", "e", "f"], customers=2)
    assert 0.0 < outcome.busy_s < outcome.turns[-1].end


def test_an_outcome_survives_its_way_out_of_the_process():
    outcome = Outcome([turn(0.5), turn(1.0)], ["x: y"], 2.0)
    assert from_json(as_json(outcome)) == outcome


async def serve(answer: bytes) -> asyncio.Server:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            await reader.readexactly(length)
            writer.write(answer)

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    return await asyncio.start_server(quietly, "127.0.0.1", 0)


def url_of(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("body", "answer", "kind"),
    [(b'[{"recipient_id":"x","text":"Within 30 days."}]', "Within 30 days.", "answer"), (b"[]", "", "none")],
)
async def test_rasas_rest_channel(body, answer, kind):
    async with await serve(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as server:
        outcome = await RasaGenerator(Plan("rasa", url_of(server), 2, [["a", "b"], ["c"]])).run()
    assert not outcome.failures
    assert [(t.answer, t.kind) for t in outcome.turns] == [(answer, kind)] * 3


async def test_an_error_of_the_rest_channel_is_a_failure():
    async with await serve(b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad") as server:
        outcome = await RasaGenerator(Plan("rasa", url_of(server), 1, [["a"]])).run()
    assert not outcome.turns
    assert "500" in outcome.failures[0]


async def test_a_late_answer_is_not_taken_for_the_next_ones(monkeypatch):
    monkeypatch.setattr("bench.load.ANSWER_LIMIT_S", 0.2)
    held = asyncio.Event()
    asked = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
            asked += 1
            number = asked
            if number == 1:
                await held.wait()
            held.set()
            body = b'[{"text":"%d"}]' % number
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        outcome = await RasaGenerator(Plan("rasa", url_of(server), 1, [["slow", "b"], ["c"]])).run()
    assert outcome.failures == ["slow: TimeoutError"]
    assert [(t.text, t.answer) for t in outcome.turns] == [("b", "2"), ("c", "3")]


async def test_batons_relay(tmp_path):
    async with running_relay(tmp_path) as relay:
        outcome = await BatonGenerator(
            Plan("baton", relay.url, 3, [["a", "b"], ["c"], ["d", "e"], ["f"]])
        ).run()
    assert not outcome.failures
    assert {(t.answer, t.kind) for t in outcome.turns} == {("returns", "answer")}
    assert sorted(t.text for t in outcome.turns) == list("abcdef")


async def test_a_handed_over_conversation_is_ended_so_that_the_inbox_is_empty_again(tmp_path):
    async with running_relay(tmp_path) as relay:

        async def escalate(request):
            return bot_outcome(request, "A person will help.", kind="escalate", reason="low_confidence")

        relay.bot.answer = escalate
        outcome = await BatonGenerator(Plan("baton", relay.url, 1, [["a", "b"]])).run()
        async with asyncio.timeout(5):
            while await relay.relay.log.in_states(["waiting"], 10):
                await asyncio.sleep(0.01)
    assert [(t.text, t.kind) for t in outcome.turns] == [("a", "escalate"), ("b", "escalate")]
