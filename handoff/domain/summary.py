"""The story an agent reads first: a few sentences, each naming the events it rests on."""

from __future__ import annotations

from typing import Any, Final

from handoff.domain.conversation import Conversation, StoryLine

REASONS: Final = {
    "asked": "The customer asked for a person.",
    "low_confidence": "The assistant was not sure enough of an answer.",
    "repeated_failure": "The assistant failed the customer more than once.",
    "frustration": "The customer is upset.",
    "bot_error": "The assistant did not answer in time.",
    "policy": "A rule of this site calls for a person.",
    "reopened": "The customer wrote again soon after an agent closed the conversation.",
}


def summarise(state: Conversation, reason: str, trigger_seq: int) -> tuple[dict[str, Any], ...]:
    """Sentences `{text, seqs}` about the current episode. Quotes are shortened, never reworded."""
    sentences = [_sentence(REASONS[reason], trigger_seq)]
    words = [line for line in state.story if line.teller == "customer"]
    if words:
        sentences.append(_sentence(f"First question: “{_short(words[0])}”", words[0].seq))
    answers = [line for line in state.story if line.teller == "answer"]
    if answers:
        # Titles are questions of their own: in quotes they need no other mark at their end.
        articles = ", ".join(f"“{title}”" for title in dict.fromkeys(line.text for line in answers))
        sentences.append(_sentence(f"The assistant answered from: {articles}", *(a.seq for a in answers)))
    elif words:
        sentences.append(_sentence("No article has answered it so far.", words[0].seq))
    sentences.extend(
        _sentence(f"An agent settled before: {line.text}", line.seq)
        for line in state.story
        if line.teller == "agent"
    )
    if len(words) > 1:
        sentences.append(_sentence(f"Last words: “{_short(words[-1])}”", words[-1].seq))
    return tuple(sentences)


def _sentence(text: str, *seqs: int) -> dict[str, Any]:
    return {"text": text, "seqs": [seq for seq in seqs if seq > 0]}


def _short(line: StoryLine) -> str:
    return " ".join(line.text.split())
