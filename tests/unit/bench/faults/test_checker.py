"""The checker on histories written by hand: each fault is found, counted under its name, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.faults.checker import check
from bench.faults.history import Ack, History, Logged, Reader, Received, Send

CNV = "cnv_1"
AGENT = "agent:ada"


def log() -> list[Logged]:
    """A conversation with a note in it, which its customer is not sent."""
    return [
        Logged(1, "e1", "conversation.started", "system"),
        Logged(2, "e2", "customer.said", "customer", client_id="c-hello"),
        Logged(3, "e3", "bot.replied", "bot", turn=2, has_decision=True),
        Logged(4, "e4", "bot.replied", "bot", turn=2),
        Logged(5, "e5", "handoff.requested", "customer"),
        Logged(6, "e6", "agent.joined", AGENT),
        Logged(7, "e7", "agent.noted", AGENT),
        Logged(8, "e8", "agent.said", AGENT, client_id="a-hello"),
    ]


def customer_reads() -> list[Received]:
    return [
        Received(seq, prev, f"e{seq}")
        for seq, prev in ((1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (8, 6))
    ]


def agent_reads() -> list[Received]:
    return [Received(seq, seq - 1, f"e{seq}") for seq in range(1, 9)]


def history() -> History:
    """All that the clients of `log()` recorded in a run in which nothing went wrong."""
    return History(
        sends=[
            Send(CNV, "customer", "c-hello", "say"),
            Send(CNV, "customer", "c-human", "request_human"),
            Send(CNV, AGENT, "a-claim", "claim"),
            Send(CNV, AGENT, "a-note", "note"),
            Send(CNV, AGENT, "a-hello", "say"),
        ],
        acks=[
            Ack(CNV, "customer", "c-hello", 2, 1),
            Ack(CNV, "customer", "c-hello", 2, 1),
            Ack(CNV, "customer", "c-human", 5, 1),
            Ack(CNV, AGENT, "a-claim", 6, 1),
            Ack(CNV, AGENT, "a-note", 7, 1),
            Ack(CNV, AGENT, "a-hello", 8, 1),
        ],
        readers=[Reader(CNV, "customer", customer_reads()), Reader(CNV, AGENT, agent_reads())],
    )


def found(recorded: History, logged: list[Logged]) -> dict[str, int]:
    """What is wrong, without what is 0."""
    return {name: count for name, count in check(recorded, {CNV: logged}).figures().items() if count}


def test_a_run_without_faults_is_clean() -> None:
    assert found(history(), log()) == {}
    assert check(history(), {CNV: log()}).is_clean


def test_an_acked_command_whose_events_are_gone_is_lost() -> None:
    recorded = history()
    recorded.readers.clear()
    assert found(recorded, log()[:-1]) == {"lost": 1}


def test_another_event_in_the_place_of_acked_words_is_a_loss() -> None:
    recorded = history()
    recorded.readers.clear()
    elsewhere = [*log()[:-1], Logged(8, "e8", "agent.said", AGENT, client_id="a-other")]
    assert found(recorded, elsewhere) == {"lost": 1}


def test_a_command_without_an_ack_may_be_in_the_log_or_not() -> None:
    recorded = history()
    recorded.acks.pop()
    recorded.sends.append(Send(CNV, AGENT, "a-never-answered", "say"))
    assert found(recorded, log()) == {}


def test_a_command_that_had_nothing_to_do_asks_nothing_of_the_log() -> None:
    recorded = history()
    recorded.acks.append(Ack(CNV, AGENT, "a-claim-again", 99, 0))
    assert found(recorded, log()) == {}


@pytest.mark.parametrize("at", [0, 3, 7])
def test_an_event_that_a_drained_reader_never_got_is_lost(at: int) -> None:
    recorded = history()
    del recorded.readers[1].events[at]
    # Its successor names it as the one before, which is how a client finds out by itself.
    after = {"prev_mismatches": 1} if at < 7 else {}
    assert found(recorded, log()) == {"lost": 1, **after}


def test_a_customer_is_not_entitled_to_notes() -> None:
    recorded = history()
    recorded.readers[0].events.insert(6, Received(7, 6, "e7"))
    assert found(recorded, log())["phantoms"] == 1


def test_words_that_stand_twice_in_the_log_are_duplicated() -> None:
    recorded = history()
    recorded.readers.clear()
    assert found(recorded, [*log(), Logged(9, "e9", "agent.said", AGENT, client_id="a-hello")]) == {
        "duplicated": 1
    }


def test_the_same_client_id_of_two_actors_is_two_commands() -> None:
    recorded = history()
    recorded.readers.clear()
    logged = [*log(), Logged(9, "e9", "customer.said", "customer", client_id="a-hello")]
    assert found(recorded, logged) == {}


def test_two_outcomes_of_one_turn_are_duplicated_and_two_replies_are_not() -> None:
    recorded = history()
    recorded.readers.clear()
    again = Logged(9, "e9", "bot.replied", "bot", turn=2, has_decision=True)
    assert found(recorded, [*log(), again]) == {"duplicated": 1}


@pytest.mark.parametrize(
    ("kind", "actor"),
    [("agent.joined", AGENT), ("agent.noted", AGENT), ("conversation.closed", AGENT)],
)
def test_more_events_than_commands_are_duplicated(kind: str, actor: str) -> None:
    recorded = history()
    for reader in recorded.readers:
        prev = 8
        if kind != "agent.noted" or reader.actor != "customer":
            reader.events.append(Received(9, prev, "e9"))
    assert found(recorded, [*log(), Logged(9, "e9", kind, actor)]) == {"duplicated": 1}


def test_an_event_that_a_reader_gets_twice_is_duplicated() -> None:
    recorded = history()
    recorded.readers[1].events.append(Received(8, 7, "e8"))
    assert found(recorded, log()) == {"duplicated": 1}


def test_an_event_that_overtakes_is_out_of_order() -> None:
    recorded = history()
    events = recorded.readers[1].events
    events[3], events[4] = events[4], events[3]
    # 5 came while 3 was held: its `prev` proves it too; 6 then names 5 as it should.
    assert found(recorded, log()) == {"out_of_order": 1, "prev_mismatches": 1}


def test_a_wrong_prev_is_told_even_where_nothing_is_missing() -> None:
    recorded = history()
    recorded.readers[0].events[6] = replace(recorded.readers[0].events[6], prev=7)
    assert found(recorded, log()) == {"prev_mismatches": 1}


def test_a_hole_in_the_log_is_told() -> None:
    assert found(History(), [*log()[:3], *log()[5:]]) == {"holes": 2}


def test_an_event_that_was_told_and_then_not_stored_is_a_phantom() -> None:
    recorded = history()
    recorded.readers[0].events.append(Received(9, 8, "e9"))
    assert found(recorded, log()) == {"phantoms": 1}


def test_a_repeat_that_gets_another_ack_is_told() -> None:
    recorded = history()
    recorded.acks.append(Ack(CNV, "customer", "c-hello", 4, 1))
    assert found(recorded, log()) == {"ack_mismatches": 1}


def test_a_conversation_that_is_gone_loses_everything_acked_in_it() -> None:
    verdict = check(history(), {})
    assert (verdict.lost, verdict.phantoms) == (5, 15)
    assert len(verdict.examples) == 20
