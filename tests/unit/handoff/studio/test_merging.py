"""Two editors at once: nothing is lost, and what cannot be decided is asked."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handoff.studio.merging import FIELDS, Conflict, changed_fields, fields_of, merge
from kb_index.article import Article


def fields(**changes: Any) -> dict[str, Any]:
    article = Article(
        "refunds", "How do refunds work?", "In ten days.", ("money back?", "refund when"), ("money",)
    )
    return {**fields_of(article, status="ready", owner="Ada"), **changes}


def test_what_one_has_changed_is_taken_from_that_one() -> None:
    base = fields()
    theirs, yours = fields(answer="In five days."), fields(title="When do refunds come?")
    done = merge(base, theirs, yours)
    assert done.fields == fields(answer="In five days.", title="When do refunds come?")
    assert (done.taken, done.conflicts) == (("answer",), ())


def test_a_text_that_both_have_changed_is_asked_for() -> None:
    base = fields()
    done = merge(base, fields(answer="In five days."), fields(answer="In a week.", owner=None))
    assert done.conflicts == (Conflict("answer", "In ten days.", "In five days.", "In a week."),)
    assert done.taken == ()
    assert done.fields["owner"] is None


def test_the_same_change_twice_is_no_conflict() -> None:
    done = merge(fields(), fields(answer="In five days."), fields(answer="In five days."))
    assert (done.conflicts, done.taken) == ((), ())


def test_lists_take_both_additions_and_both_removals() -> None:
    base = fields(questions=("a", "b", "c"))
    done = merge(base, fields(questions=("new", "a", "c")), fields(questions=("a", "b", "mine")))
    assert done.fields["questions"] == ("new", "a", "mine")
    assert (done.taken, done.conflicts) == (("questions",), ())


TEXTS = st.sampled_from(["a", "b", "c"])
LISTS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=4).map(tuple)
ARTICLES = st.builds(
    lambda title, answer, questions, owner: fields(title=title, answer=answer, questions=questions, owner=owner),
    TEXTS, TEXTS, LISTS, st.sampled_from([None, "Ada", "Bo"]),
)  # fmt: skip


@given(ARTICLES, ARTICLES, ARTICLES)
def test_a_merge_keeps_every_change_of_one_alone(base: Any, theirs: Any, yours: Any) -> None:
    done = merge(base, theirs, yours)
    undecided = {conflict.field for conflict in done.conflicts}
    for name in FIELDS:
        if theirs[name] == base[name]:
            assert done.fields[name] == yours[name]
        if yours[name] == base[name]:
            assert done.fields[name] == theirs[name]
    added = (set(theirs["questions"]) | set(yours["questions"])) - set(base["questions"])
    removed = set(base["questions"]) - (set(theirs["questions"]) & set(yours["questions"]))
    assert added <= set(done.fields["questions"])
    assert not removed & set(done.fields["questions"])
    assert "questions" not in undecided
    assert len(set(done.fields["questions"])) == len(done.fields["questions"])


@given(ARTICLES, ARTICLES)
def test_saved_on_what_is_there_nothing_is_merged(base: Any, yours: Any) -> None:
    done = merge(base, base, yours)
    assert (done.fields, done.taken, done.conflicts) == (yours, (), ())


def test_changed_fields_are_named_in_the_order_of_a_page() -> None:
    assert changed_fields(fields(), fields(owner=None, title="x")) == ["title", "owner"]
