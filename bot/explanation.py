"""One decision with all that led to it, as JSON values and as lines for a terminal. Pure.

It names whatever features and signals the release has, so that a new one shows without a change here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Protocol

from bot.contract import Decision, TurnOutcome, outcome_to_json
from kb_index.explain import Explanation

INTENTS: Final = 5
"""Intents that are told at a terminal; JSON has them all."""

_RULES: Final[Mapping[str, str]] = {
    "chosen": "The customer chose one of the articles that were offered.",
    "asked": "The customer asks for a person.",
    "frustration": "The frustration level reached its threshold.",
    "policy": "No article covers the language of the message.",
    "order_status": "The message asks for an order.",
    "order_number": "The message holds an order number.",
    "cancelled": "The customer leaves the form.",
    "not_understood": "The open form could not use the message.",
    "confident": "The confidence is at least the threshold.",
    "affirmed": "The customer agreed to the first article that was offered.",
    "repeated": "The same question again after its answer: the answer is given once more.",
    "competing": "Two articles compete, and the best is plausible.",
    "likely": "The best article is right more likely than not, but not surely enough to be said.",
    "rejected": "The customer says that the answer did not help.",
    "low_confidence": "No article is sure enough, nor likely enough to be offered.",
    "repeated_failure": "The bot has failed twice in this episode.",
}
"""The rules of bot/answering.py by the reason that they leave."""


class NamedEncoder(Protocol):
    """What is told of an encoder."""

    @property
    def name(self) -> str:
        """What the settings call it."""

    @property
    def fingerprint(self) -> str:
        """Its hash."""

    @property
    def dimension(self) -> int:
        """Numbers in one vector."""


def rule_of(decision: Decision) -> str:
    """The rule that made the decision, in words; small talk and rules of the site are named by their intent."""
    if decision.reason == "rule" or (decision.reason == "policy" and "rule" in decision.slots):
        return f"The site has a rule for the intent {decision.intent}, and no article is surer."
    if decision.kind == "chat":
        return f"It is small talk ({decision.reason}), and no article is surer."
    return _RULES.get(decision.reason, decision.reason)


def explanation(
    *,
    text: str,
    read_as: str,
    outcome: TurnOutcome,
    told: Mapping[str, Any],
    search: Explanation,
    training: Mapping[str, Any],
    encoder: NamedEncoder,
) -> dict[str, Any]:
    """The explanation as JSON values. `told` is what `bot.components.decision` left, `training` the index's figures."""
    decision = outcome.decision
    found: dict[str, Any] = _rounded(asdict(search))
    return {
        "text": text,
        "read_as": read_as,
        **outcome_to_json(outcome),
        "rule": rule_of(decision),
        "language": told.get("language"),
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint, "dimension": encoder.dimension},
        "matches": found["matches"],
        "candidates": found["candidates"],
        "confidence": {
            "value": decision.confidence,
            "threshold": decision.threshold,
            "answerable": found["answerable"],
            "bias": found["bias"],
            "signals": found["signals"],
            **{
                name: training.get(name)
                for name in ("risk", "unanswerable_share", "wrong_answer_bound", "wrong_answer_upper95")
            },
        },
        "intents": told.get("intents", []),
        "frustration": {
            "score": decision.frustration,
            "threshold": decision.frustration_threshold,
            "signals": told.get("signals", []),
        },
    }


def as_lines(found: Mapping[str, Any]) -> list[str]:
    """The explanation for a reader at a terminal, from the words to the reply."""
    decision, sure, mood = found["decision"], found["confidence"], found["frustration"]
    lines = [
        f"Text         {json.dumps(found['text'], ensure_ascii=False)}",
        f"Read as      {json.dumps(found['read_as'], ensure_ascii=False)}",
        *_language_lines(found["language"]),
        f"Encoder      {found['encoder']['name']} ({found['encoder']['dimension']} numbers)",
        "",
        "Nearest texts of the articles",
        *(
            f"  {m['similarity']:6.3f}  {m['kind']:8} {m['article_id']}: {_short(m['text'])}"
            for m in found["matches"]
        ),
        "",
        "Ranking: share of belief, and what each feature adds (value x weight)",
    ]
    for candidate in found["candidates"]:
        lines.append(f"  {candidate['score']:6.3f}  {candidate['article_id']}: {_short(candidate['title'])}")
        lines += [_part(part) for part in candidate["parts"]]
    lines += ["", f"Confidence   {sure['value']:.4f}, needed {sure['threshold']:.4f}{_promise(sure)}"]
    lines += [_part({"name": "bias", "value": 1.0, "weight": sure["bias"], "contribution": sure["bias"]})]
    lines += [_part(part) for part in sure["signals"]]
    lines += [f"Any article  {sure['answerable']:.4f} likely to answer it"]
    intents = sorted(found["intents"], key=lambda entry: -entry["probability"])[:INTENTS]
    lines += ["", "Intents      " + ", ".join(f"{i['name']} {i['probability']:.3f}" for i in intents)]
    lines += [f"Frustration  {mood['score']:.3f}, hands over from {mood['threshold']:.3f}"]
    lines += [f"             {signal['weight']:+.3f} {signal['name']}" for signal in mood["signals"]]
    lines += [
        "",
        f"Decision     {decision['kind']} ({decision['reason']}), intent {decision['intent']}",
        f"Because      {found['rule']}",
    ]
    for reply in found["replies"]:
        lines += [f"Reply        {reply['text']}"]
        lines += [f"             [{choice['label']}]" for choice in reply.get("choices") or ()]
    return lines


def _language_lines(language: Mapping[str, Any] | None) -> list[str]:
    if language is None:
        return []
    known = f"{language['known_words']:.0%} of its words are known"
    if language["found"] is None and language["covered"]:
        told = "no certain language"
    else:
        told = f"{language['found'] or 'foreign'}, {'covered' if language['covered'] else 'covered by no article'}"
    # Where the words alone say it, no detector was asked.
    likeliest = "".join(
        f", {entry['language']} {entry['probability']:.2f}" for entry in language["likeliest"]
    )
    return [f"Language     {told}; looked up as {language['locale']} ({known}{likeliest})"]


def _part(part: Mapping[str, Any]) -> str:
    return (
        f"          {part['contribution']:+8.3f}  {part['name']} ({part['value']:.3f} x {part['weight']:.3f})"
    )


def _promise(sure: Mapping[str, Any]) -> str:
    if sure.get("risk") is None:
        return ""
    return f" (for at most {sure['risk']:.1%} wrong answers)"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else f"{line[:89]}…"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
