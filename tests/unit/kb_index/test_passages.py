"""Answers cut into passages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kb_index.passages import MOST, TARGET, split_passages


def test_a_short_answer_is_one_passage() -> None:
    assert split_passages("Print the label.\n\nSend it.") == ["Print the label. Send it."]


def test_markup_is_left_out_and_words_stay() -> None:
    answer = "# Returns\n\n- **Print** the [label](https://example.com/x)\n1. `Send` it\n> soon"
    assert split_passages(answer) == ["Returns Print the label Send it soon"]


def test_long_answers_are_cut_at_paragraphs_and_sentences() -> None:
    paragraph = "This is a sentence of forty characters.. " * 8
    passages = split_passages(f"{paragraph}\n\n{paragraph * 2}")
    assert len(passages) >= 3
    assert all(passage.startswith("This") for passage in passages)
    assert all(len(passage) <= TARGET for passage in passages)


def test_text_without_a_sentence_end_is_cut_all_the_same() -> None:
    passages = split_passages("x" * 20_000)
    assert all(len(passage) <= 2 * TARGET for passage in passages)
    assert sum(map(len, passages)) == 20_000


def test_the_number_of_passages_is_bounded() -> None:
    assert len(split_passages("\n\n".join("y" * 390 for _ in range(200)))) == MOST


def test_markup_alone_is_no_passage() -> None:
    assert split_passages("***\n\n") == []


@given(st.text(max_size=3000))
def test_no_passage_is_empty_or_endless(text: str) -> None:
    passages = split_passages(text)
    assert all(passage.strip() and len(passage) <= 2 * TARGET + 1 for passage in passages)


def test_sentences_end_in_any_script() -> None:
    for sentence in (
        "这是一个很长的句子说明退货的步骤。",
        "यह वापसी के बारे में एक लंबा वाक्य है। ",
        "これは返品の長い説明です。",
    ):
        passages = split_passages(sentence * 60)
        assert len(passages) > 1
        assert all(passage.endswith(sentence.strip()[-1]) for passage in passages)
        assert max(map(len, passages)) <= 400
