"""The schedule of faults: the same from the same seed, every kind at least once, none so late that nothing follows."""

from bench.faults.schedule import WORDS_PER_FAULT, schedule

ALL = frozenset(WORDS_PER_FAULT)


def test_a_seed_repeats_and_another_differs() -> None:
    assert schedule(3, 10_000, ALL) == schedule(3, 10_000, ALL)
    assert schedule(3, 10_000, ALL) != schedule(4, 10_000, ALL)


def test_every_kind_happens_and_only_those_asked_for() -> None:
    assert {fault.kind for fault in schedule(1, 100, ALL)} == ALL
    assert {fault.kind for fault in schedule(1, 100, frozenset({"cut_all"}))} == {"cut_all"}


def test_faults_come_in_order_and_leave_the_end_to_recovery() -> None:
    due = [fault.at for fault in schedule(1, 100_000, ALL)]
    assert due == sorted(due)
    assert due[0] >= 2_000
    assert due[-1] < 90_000


def test_their_number_grows_with_the_words_and_with_how_often() -> None:
    assert len(schedule(1, 100_000, ALL)) > 4 * len(schedule(1, 10_000, ALL))
    assert len(schedule(1, 10_000, ALL, often=5.0)) > 3 * len(schedule(1, 10_000, ALL))


def test_the_smallest_run_has_faults() -> None:
    assert len(schedule(1, 1, ALL)) == len(ALL)
