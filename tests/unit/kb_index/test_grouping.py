"""Questions by meaning: what belongs together, what a group is called, and what keeps its id."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index import grouping
from kb_index.encoder import Encoder, Vectors, normalised
from kb_index.grouping import Group, grouped, id_of, name_of, plain

TOPICS = {
    "gift wrap": (
        "Can you wrap my order as a gift?",
        "do you offer gift wrapping",
        "I'd like it gift wrapped please",
        "is gift wrapping available for my parcel",
        "can the order be packed as a present",
    ),
    "student discount": (
        "Is there a discount for students?",
        "do students get a reduced price",
        "student discount code",
        "I am a student, do I get a discount?",
    ),
    "assembly": (
        "How do I assemble the shelf?",
        "assembly instructions for the shelf",
        "I can't put the bookshelf together, is there a manual",
        "where is the manual to build the shelf",
    ),
    "allergens": (
        "Does the chocolate contain nuts?",
        "are there nuts in the chocolate bar",
        "I have a nut allergy, can I eat your chocolate",
    ),
    "weather": ("What will the weather be like tomorrow?",),
    "poem": ("write me a poem about the sea",),
}


def clusters(groups: list[Group]) -> set[frozenset[int]]:
    return {frozenset(group.members) for group in groups}


def ones(n: int) -> np.ndarray:
    return np.ones(n, dtype=np.int64)


@pytest.fixture(scope="module")
def asked() -> tuple[list[str], list[str]]:
    """Plain texts and their topics, in an order that says nothing."""
    rows = [(plain(text), topic) for topic, texts in TOPICS.items() for text in texts]
    rows.sort(key=lambda row: row[0][::-1])
    return [text for text, _ in rows], [topic for _, topic in rows]


@pytest.fixture(scope="module")
def vectors(bundled: Encoder, asked: tuple[list[str], list[str]]) -> Vectors:
    return bundled.encode(asked[0])


def test_questions_of_one_meaning_are_one_group_and_strangers_stay_alone(
    asked: tuple[list[str], list[str]], vectors: Vectors
) -> None:
    texts, topics = asked
    found = grouped(texts, vectors, ones(len(texts)), "en")
    wanted = {frozenset(row for row, of in enumerate(topics) if of == topic) for topic in TOPICS}
    assert clusters(found) == wanted
    assert [len(group.members) for group in found] == [5, 4, 4, 3, 1, 1]


def test_the_order_of_the_rows_does_not_matter(asked: tuple[list[str], list[str]], vectors: Vectors) -> None:
    texts, _ = asked
    order = np.random.default_rng(1).permutation(len(texts))
    there = grouped(texts, vectors, ones(len(texts)), "en")
    shuffled = grouped([texts[row] for row in order], vectors[order], ones(len(texts)), "en")
    named = {group.id: frozenset(texts[row] for row in group.members) for group in there}
    again = {group.id: frozenset(texts[order[row]] for row in group.members) for group in shuffled}
    assert named == again


def test_a_group_keeps_its_id_when_a_question_at_its_edge_joins(
    asked: tuple[list[str], list[str]], vectors: Vectors, bundled: Encoder
) -> None:
    texts, _ = asked
    before = {group.id for group in grouped(texts, vectors, ones(len(texts)), "en")}
    new = plain("is there any discount for pupils and students at your shop?")
    more = np.vstack([vectors, bundled.encode([new])])
    after = grouped([*texts, new], more, ones(len(texts) + 1), "en")
    assert {group.id for group in after} == before
    (joined,) = [group for group in after if len(texts) in group.members]
    assert len(joined.members) == 5


def test_what_is_asked_often_is_the_centre_and_comes_first(
    asked: tuple[list[str], list[str]], vectors: Vectors
) -> None:
    texts, _ = asked
    row = texts.index("student discount code")
    counts = ones(len(texts))
    counts[row] = 50
    first = grouped(texts, vectors, counts, "en")[0]
    assert first.members[0] == row
    assert first.id == id_of("student discount code", "en") != id_of("student discount code", "de")


def test_nothing_and_one() -> None:
    none = np.zeros((0, 8), np.float32)
    assert grouped([], none, ones(0), "en") == []
    one = normalised(np.ones((1, 8), np.float32))
    assert grouped(["a"], one, ones(1), "en") == [Group(id_of("a", "en"), (0,))]


def test_vectors_without_direction_are_like_nothing() -> None:
    found = grouped(["a", "b", "c"], np.zeros((3, 8), np.float32), ones(3), "en")
    assert clusters(found) == {frozenset({0}), frozenset({1}), frozenset({2})}


def blobs(each: int, topics: int, spread: float) -> tuple[Vectors, np.ndarray]:
    random = np.random.default_rng(3)
    labels = np.repeat(np.arange(topics), each)
    centres = random.standard_normal((topics, 32))
    return normalised(
        (centres[labels] + spread * random.standard_normal((len(labels), 32))).astype(np.float32)
    ), labels


def test_more_than_can_be_linked_is_grouped_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The balls are made wider until they are few enough, and what is still too much stays by itself."""
    vectors, labels = blobs(40, 10, 0.35)
    texts = [str(row) for row in range(len(vectors))]
    monkeypatch.setattr(grouping, "MOST_LINKED", 12)
    found = grouped(texts, vectors, ones(len(texts)), "en")
    assert sorted(row for group in found for row in group.members) == list(range(len(texts)))
    for group in found:
        assert len({int(labels[row]) for row in group.members}) == 1
    assert sum(len(group.members) for group in found[:10]) > 380


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = blobs(30, 8, 0.5)
    texts = [str(row) for row in range(len(vectors))]
    whole = grouped(texts, vectors, ones(len(texts)), "en")
    monkeypatch.setattr(grouping, "_BLOCK", 7)
    assert clusters(grouped(texts, vectors, ones(len(texts)), "en")) == clusters(whole)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Where is   my ORDER??? ", "where is my order"),
        ("where is my order", "where is my order"),
        ("«Wo ist meine Bestellung?»", "wo ist meine bestellung"),
        ("don't ship to St. Gallen!!", "don't ship to st. gallen"),
        ("re: order no. 12,5 --- help", "re: order no. 12,5 - help"),
        ("???", "???"),
        ("\uff37here", "where"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Where is\n my order?", "Where is my order?"),
        (
            "Hello there. I bought a shelf from you two weeks ago and it came without screws. Can you send me new screws?",
            "Can you send me new screws?",
        ),
        (
            "The shelf came without any screws. "
            + "I have been waiting for an answer for days and days " * 2,
            "The shelf came without any screws.",
        ),
        (
            "I would like to know whether it is at all possible that the shelf could be returned without its box",
            "I would like to know whether it is at all possible that the shelf could be…",
        ),
        ("x" * 200, "x" * 79 + "…"),
    ],
)
def test_names_can_be_read(text: str, name: str) -> None:
    assert name_of(text) == name
    assert len(name) <= 80
