"""The shape of a turn between relay and bot: what is asked, what was decided, what is said.

Standard library only, because both environments import it: the relay to ask, the bot to answer. The JSON
shapes are those of `POST /bot/turns` in docs/protocol.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args

DecisionKind = Literal["answer", "clarify", "task", "chat", "unsure", "escalate"]
EscalationReason = Literal[
    "asked", "low_confidence", "repeated_failure", "frustration", "bot_error", "policy", "reopened"
]
DecisionReason = str
"""Why a decision was taken. For `escalate` it is one of `EscalationReason`; otherwise a short stable code."""

HUMAN_CHOICE: Final = "human"
"""The one choice id with a meaning of its own: the customer asks for a person. The relay acts on it without
the bot, so that it works while the bot is down."""

MAX_DIALOGUE: Final = 128 * 1024
"""Characters of a dialogue that is carried; beyond, a bot goes on from what it keeps itself."""

MAX_TEXT: Final = 4000
"""Characters in one message, on the wire and here."""


class ContractError(ValueError):
    """A turn or its answer has not the agreed shape. The message names the field."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A button under a reply. `id` is opaque to everyone but its maker."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One bubble of the bot. `text` is Markdown; `article_id` names the article an answer came from."""

    text: str
    choices: tuple[Choice, ...] = ()
    article_id: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """One piece of evidence for frustration; weights are contributions to the score and may be negative."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class Passage:
    """An article that was considered, with its score in 0..1, best first in a decision."""

    article_id: str
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What the bot decided about one message and all the evidence it decided on.

    `confidence` is the probability in 0..1 that the best article is right and `threshold` the least at which
    it is said; `answerable` is the probability that any article is right, None where a bot does not tell. `frustration`
    and its threshold are on the same 0..1 scale. `revision` is that of the edition it went by, 0 where what is live is the
    release as it was trained.
    """

    kind: DecisionKind
    reason: DecisionReason
    confidence: float
    threshold: float
    frustration: float = 0.0
    frustration_threshold: float = 1.0
    signals: tuple[Signal, ...] = ()
    intent: str | None = None
    passages: tuple[Passage, ...] = ()
    slots: Mapping[str, Any] = field(default_factory=dict)
    answerable: float | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """Words the bot has not seen because a person owned the conversation, or its turn was overtaken."""

    actor: Literal["customer", "agent"]
    text: str


@dataclass(frozen=True, slots=True)
class Handback:
    """What an agent settled before giving the conversation back."""

    outcome: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What happened in the conversation since the bot's last turn."""

    handback: Handback | None = None
    said_since_last_turn: tuple[Said, ...] = ()
    discarded_turns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """One message of a customer for the bot. `turn` is the `seq` of its event and makes a repeat idempotent."""

    conversation_id: str
    episode: int
    turn: int
    text: str
    choice: str | None = None
    locale: str = "en"
    customer: Mapping[str, Any] = field(default_factory=dict)
    release_id: str | None = None
    context: TurnContext = field(default_factory=TurnContext)
    dialogue: str | None = None
    """What the conversation's last recorded outcome had; None before the first, and from who does not keep it."""


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """The bot's answer to a turn: the decision and at least one reply."""

    turn: int
    release_id: str
    decision: Decision
    replies: tuple[Reply, ...]
    dialogue: str | None = None
    """What any bot needs to go on from here, for the next request; opaque to everyone but a bot."""


# --- JSON -----------------------------------------------------------------------------------------------


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ContractError(f"{where} must be an object")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ContractError(f"{where} must be a string")
    return value


def _optional_text(value: Any, where: str) -> str | None:
    return None if value is None else _text(value, where)


def _integer(value: Any, where: str, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ContractError(f"{where} must be a whole number of at least {least}")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ContractError(f"{where} must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ContractError(f"{where} must be a finite number")
    return number


def _items(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ContractError(f"{where} must be a list")
    return value


def _choice(value: Any) -> Choice:
    raw = _mapping(value, "choice")
    return Choice(_text(raw.get("id"), "choice.id"), _text(raw.get("label"), "choice.label"))


def request_to_json(request: TurnRequest) -> dict[str, Any]:
    """The body of `POST /bot/turns`."""
    context = request.context
    return {
        "conversation_id": request.conversation_id,
        "episode": request.episode,
        "turn": request.turn,
        "text": request.text,
        "choice": request.choice,
        "locale": request.locale,
        "customer": dict(request.customer),
        "release_id": request.release_id,
        "context": {
            "handback": None
            if context.handback is None
            else {"outcome": context.handback.outcome, "note": context.handback.note},
            "said_since_last_turn": [
                {"actor": s.actor, "text": s.text} for s in context.said_since_last_turn
            ],
            "discarded_turns": list(context.discarded_turns),
        },
        "dialogue": request.dialogue,
    }


def request_from_json(body: Any) -> TurnRequest:
    """Check and unpack the body of `POST /bot/turns`.

    Raises:
        ContractError: a field is missing or has the wrong type; the message names it.
    """
    raw = _mapping(body, "body")
    text = _text(raw.get("text"), "text")
    if not 1 <= len(text) <= MAX_TEXT:
        raise ContractError(f"text must have 1 to {MAX_TEXT} characters")
    context = _mapping(raw.get("context") or {}, "context")
    handback = context.get("handback")
    said = []
    for item in _items(context.get("said_since_last_turn") or [], "context.said_since_last_turn"):
        entry = _mapping(item, "said_since_last_turn")
        actor = entry.get("actor")
        if actor not in ("customer", "agent"):
            raise ContractError("said_since_last_turn.actor must be customer or agent")
        said.append(Said(actor, _text(entry.get("text"), "said_since_last_turn.text")))
    return TurnRequest(
        conversation_id=_text(raw.get("conversation_id"), "conversation_id"),
        episode=_integer(raw.get("episode"), "episode", least=1),
        turn=_integer(raw.get("turn"), "turn", least=1),
        text=text,
        choice=_optional_text(raw.get("choice"), "choice"),
        locale=_text(raw.get("locale", "en"), "locale"),
        customer=_mapping(raw.get("customer") or {}, "customer"),
        release_id=_optional_text(raw.get("release_id"), "release_id"),
        context=TurnContext(
            handback=None
            if handback is None
            else Handback(
                _optional_text(_mapping(handback, "context.handback").get("outcome"), "handback.outcome"),
                _optional_text(handback.get("note"), "handback.note"),
            ),
            said_since_last_turn=tuple(said),
            discarded_turns=tuple(
                _integer(t, "discarded_turns", least=1)
                for t in _items(context.get("discarded_turns") or [], "context.discarded_turns")
            ),
        ),
        dialogue=_dialogue(raw.get("dialogue")),
    )


def _dialogue(value: Any) -> str | None:
    dialogue = _optional_text(value, "dialogue")
    if dialogue is not None and len(dialogue) > MAX_DIALOGUE:
        raise ContractError(f"dialogue must have at most {MAX_DIALOGUE} characters")
    return dialogue


def decision_to_json(decision: Decision) -> dict[str, Any]:
    """The `decision` object of a turn's answer; also what `baton explain` prints."""
    return {
        "kind": decision.kind,
        "reason": decision.reason,
        "confidence": decision.confidence,
        "threshold": decision.threshold,
        "answerable": decision.answerable,
        "frustration": decision.frustration,
        "frustration_threshold": decision.frustration_threshold,
        "signals": [{"name": s.name, "weight": s.weight} for s in decision.signals],
        "intent": decision.intent,
        "passages": [
            {"article_id": p.article_id, "title": p.title, "score": p.score} for p in decision.passages
        ],
        "slots": dict(decision.slots),
        "revision": decision.revision,
    }


def decision_from_json(body: Any) -> Decision:
    """Check and unpack a decision. Raises `ContractError`."""
    raw = _mapping(body, "decision")
    kind = raw.get("kind")
    if kind not in get_args(DecisionKind):
        raise ContractError(f"decision.kind must be one of {', '.join(get_args(DecisionKind))}")
    reason = _text(raw.get("reason"), "decision.reason")
    if kind == "escalate" and reason not in get_args(EscalationReason):
        raise ContractError("decision.reason must name a handoff reason when the kind is escalate")
    passages = []
    for item in _items(raw.get("passages") or [], "decision.passages"):
        passage = _mapping(item, "passage")
        passages.append(
            Passage(
                _text(passage.get("article_id"), "passage.article_id"),
                _text(passage.get("title"), "passage.title"),
                _number(passage.get("score"), "passage.score"),
            )
        )
    signals = []
    for item in _items(raw.get("signals") or [], "decision.signals"):
        signal = _mapping(item, "signal")
        signals.append(
            Signal(_text(signal.get("name"), "signal.name"), _number(signal.get("weight"), "signal.weight"))
        )
    return Decision(
        kind=cast("DecisionKind", kind),
        reason=reason,
        confidence=_number(raw.get("confidence"), "decision.confidence"),
        threshold=_number(raw.get("threshold"), "decision.threshold"),
        frustration=_number(raw.get("frustration", 0.0), "decision.frustration"),
        frustration_threshold=_number(
            raw.get("frustration_threshold", 1.0), "decision.frustration_threshold"
        ),
        signals=tuple(signals),
        intent=_optional_text(raw.get("intent"), "decision.intent"),
        passages=tuple(passages),
        slots=_mapping(raw.get("slots") or {}, "decision.slots"),
        answerable=None
        if raw.get("answerable") is None
        else _number(raw.get("answerable"), "decision.answerable"),
        revision=_integer(raw.get("revision", 0), "decision.revision", least=0),
    )


def outcome_to_json(outcome: TurnOutcome) -> dict[str, Any]:
    """The answer of `POST /bot/turns`."""
    return {
        "turn": outcome.turn,
        "release_id": outcome.release_id,
        "decision": decision_to_json(outcome.decision),
        "replies": [
            {
                "text": reply.text,
                "choices": [{"id": c.id, "label": c.label} for c in reply.choices],
                "article_id": reply.article_id,
            }
            for reply in outcome.replies
        ],
        "dialogue": outcome.dialogue,
    }


def outcome_from_json(body: Any) -> TurnOutcome:
    """Check and unpack the answer of `POST /bot/turns`.

    Raises:
        ContractError: a field is missing or wrong, or there is no reply: an empty success is a failure.
    """
    raw = _mapping(body, "body")
    replies = []
    for item in _items(raw.get("replies"), "replies"):
        reply = _mapping(item, "reply")
        text = _text(reply.get("text"), "reply.text")
        if not text.strip():
            raise ContractError("reply.text must not be blank")
        replies.append(
            Reply(
                text=text,
                choices=tuple(_choice(c) for c in _items(reply.get("choices") or [], "reply.choices")),
                article_id=_optional_text(reply.get("article_id"), "reply.article_id"),
            )
        )
    if not replies:
        raise ContractError("replies must not be empty")
    return TurnOutcome(
        turn=_integer(raw.get("turn"), "turn", least=1),
        release_id=_text(raw.get("release_id"), "release_id"),
        decision=decision_from_json(raw.get("decision")),
        replies=tuple(replies),
        dialogue=_dialogue(raw.get("dialogue")),
    )
