"""The decision on one message: evidence in, verdict out. Pure; the only place where the bot makes up its mind.

Order of precedence, first match wins:

1. a choice of the last reply that is still valid;
2. asking for a person (a sentence that an article's own questions match better is a question, not a wish);
3. frustration;
4. a language that no article covers, unless the message fills the open form or is surely a courtesy;
5. an open form: its slot, its end, a confident article or small talk in between, else "I could not use that";
6. a task;
7. an intent of the site's own, by its rule; beside a confident article where it is surely meant, or the surer of the two.
   No rule of an editor stands in the way of 2 to 4, and while a form is open the form's question follows its reply;
8. talk, unless an article is confident;
9. a confident article, a rejected answer, two articles that compete or a best one that is only likely, and at last
   what is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from bot.contract import DecisionKind, DecisionReason, Passage
from bot.frustration import Mood
from bot.memory import Memory, Option, pair_of
from bot.mood.history import History
from kb_index.rasa_rules import ARTICLE, HAND_OVER, SAY
from kb_index.rules import Does

LowConfidence = Literal["handoff", "offer"]

ASK_HUMAN: Final = "ask_human"
AFFIRM: Final = "affirm"
DENY: Final = "deny"
REJECT: Final = "reject_answer"
ORDER_STATUS: Final = "order_status"
CANCEL_FORM: Final = "cancel_form"
QUESTION: Final = "question"
TALK: Final = ("greet", "thanks", "goodbye", "complain", "bot_challenge", AFFIRM, DENY)
COURTESIES: Final = ("greet", "thanks", "goodbye")

FORM: Final = "order_status_form"
LISTEN: Final = "action_listen"

LIKELY: Final = 0.5
"""Least probability at which an intent is acted on when no article is confident."""
CERTAIN: Final = 0.9
"""Least probability at which an intent may stand against a confident article, and only if it is the surer one."""
TASK_CERTAIN: Final = 0.8
"""Least probability at which a task starts although an article is confident: a site that has the form wants "where is
my order" to look it up, and not an article on where to look."""
RULE_CERTAIN: Final = 0.8
"""Least probability at which an own intent that is surer than a confident article goes before it. From `CERTAIN` on it goes
before any: an editor who has a rule for what an article answers too wants the rule. With five rules, two of them on
topics of articles, 10 of 1,648 questions of the demo's articles were taken so, all of them on those two topics."""
FORM_HINT: Final = 0.2
"""With an order number in the message, this much of the intent is enough."""

COMPETING: Final = 0.35
"""Two articles compete when the second's score is at least this share of the first's, ..."""
TOGETHER: Final = 0.6
"""... both together hold this much of the belief, so that the right one is likely among them, ..."""
PLAUSIBLE: Final = 0.3
"""... and the first is right with at least this probability: below, offering both would be a guess."""

WORTH_ASKING: Final = 0.5
"""An article that is right more likely than not, and yet not surely enough to be said, is offered beside the next
best: one tap for the customer, and never a wrong answer."""

INTENT_MARK: Final = "intent:"
"""Before an own intent's name where answers are remembered by their article's id, which holds no colon."""

MAX_FAILURES: Final = 2
"""Failures in one episode that end it with a person."""


@dataclass(frozen=True, slots=True)
class Form:
    """The order form: `active` before this message; `number` is what the extractor found in the message."""

    active: bool = False
    number: str | None = None
    number_only: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one message.

    `confidence` is the probability that the best of `passages` is right, `threshold` the least at which it is
    said, `intents` the probabilities of the classifier, `repeated` how far the message repeats an earlier
    question (0..1), `choice` the id of a chosen option, `turn` the message's number, `history` what messages have shown of
    the mood, this one included. `language` is the language that the message is certain to be in, `covered` False where it
    is certain that no article is in it.
    """

    turn: int
    text: str
    confidence: float
    threshold: float
    passages: Sequence[Passage]
    intents: Mapping[str, float]
    mood: Mood
    history: History = field(default_factory=History)
    form: Form = field(default_factory=Form)
    repeated: float = 0.0
    choice: str | None = None
    language: str | None = None
    covered: bool = True
    rules: Mapping[str, Does] = field(default_factory=dict)
    """What Baton does on each own intent that this release can act on."""
    tied: bool = False
    """Whether the two best articles are believed alike and say different things."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do. `actions` are Rasa actions in order, empty where the rules and the form know the way.

    `intent` is what the message counts as for the rules; `article_id` the answer to give; `options` what the
    reply offers; `closes_form` ends an open form, `clears_number` forgets an earlier order number.
    """

    kind: DecisionKind
    reason: DecisionReason
    intent: str
    actions: tuple[str, ...]
    memory: Memory
    article_id: str | None = None
    options: tuple[Option, ...] = ()
    closes_form: bool = False
    clears_number: bool = False


def decide(evidence: Evidence, memory: Memory, low_confidence: LowConfidence) -> Verdict:
    """The verdict on one message, given what the episode remembers."""
    memory = replace(
        memory,
        level=evidence.mood.level,
        tripped=evidence.mood.tripped,
        mood=evidence.history,
        language=evidence.language or memory.language,
    )
    chosen = _chosen(evidence, memory)
    if chosen is not None:
        return chosen
    if _asks_for_person(evidence, memory):
        return _escalate(evidence, memory, "asked", intent=ASK_HUMAN)
    if evidence.mood.escalate:
        return _escalate(evidence, memory, "frustration", intent="complain")
    if _is_foreign(evidence):
        return _escalate(evidence, memory, "policy", intent=QUESTION, action="utter_escalate_language")
    if evidence.form.active:
        return _in_form(evidence, memory)
    if _starts_task(evidence):
        return _task(evidence, memory)
    ruled = _ruled(evidence)
    if ruled is not None:
        return _by_rule(evidence, memory, ruled)
    return _open(evidence, memory, low_confidence)


# --- parts of the decision ------------------------------------------------------------------------------


def _chosen(evidence: Evidence, memory: Memory) -> Verdict | None:
    if evidence.choice is None:
        return None
    option = next((o for o in memory.options if o.id == evidence.choice), None)
    if option is None:
        return None  # stale or unknown: its label is read like any other message
    if option.article_id is None:
        return _failed(evidence, memory, "rejected", intent=REJECT)
    return _answer(evidence, memory, option.article_id, "chosen")


def _asks_for_person(evidence: Evidence, memory: Memory) -> bool:
    likely = _p(evidence, ASK_HUMAN) >= LIKELY and not _outweighed(evidence, ASK_HUMAN)
    agrees = memory.offers_person and _p(evidence, AFFIRM) >= LIKELY and not _sure(evidence)
    return likely or agrees


def _is_foreign(evidence: Evidence) -> bool:
    """Whether the message is in a language that no article covers and asks for something that articles are for."""
    if evidence.covered or (evidence.form.active and evidence.form.number is not None):
        return False
    return max(_p(evidence, courtesy) for courtesy in COURTESIES) < CERTAIN


def _in_form(evidence: Evidence, memory: Memory) -> Verdict:
    if evidence.form.number is not None:
        return _step(replace(memory, form_failures=0), "task", "order_number", ORDER_STATUS, ())
    ends = max(_p(evidence, CANCEL_FORM), _p(evidence, DENY))
    if ends >= LIKELY and not _sure(evidence):
        verdict = _step(memory, "task", "cancelled", CANCEL_FORM, ("utter_form_cancelled", LISTEN))
        return replace(
            verdict, closes_form=True, clears_number=True, memory=replace(verdict.memory, form_failures=0)
        )
    ruled = _ruled(evidence)
    if ruled is not None and evidence.rules[ruled].kind != "order_status":
        verdict = _by_rule(evidence, memory, ruled)
        if verdict.kind == "escalate":
            return verdict
        return replace(verdict, actions=(_action(evidence, ruled), FORM, LISTEN))
    talk = _talk(evidence, without=(AFFIRM, DENY))
    if talk is not None:
        return _step(memory, "chat", talk, talk, (f"utter_{talk}", FORM, LISTEN))
    if _sure(evidence) and _p(evidence, ORDER_STATUS) < TASK_CERTAIN:
        verdict = _answer(evidence, memory, evidence.passages[0].article_id, "confident")
        return replace(verdict, actions=("utter_answer", FORM, LISTEN))
    failures = memory.form_failures + 1
    if failures >= MAX_FAILURES:
        return _escalate(evidence, memory, "repeated_failure", intent=QUESTION)
    kept = replace(memory, form_failures=failures)
    return _step(kept, "task", "not_understood", QUESTION, ("utter_order_number_unclear", LISTEN))


def _starts_task(evidence: Evidence) -> bool:
    wish = _p(evidence, ORDER_STATUS)
    if evidence.form.number is not None:
        return evidence.form.number_only or wish >= FORM_HINT
    return wish >= (TASK_CERTAIN if _sure(evidence) else LIKELY)


def _task(evidence: Evidence, memory: Memory) -> Verdict:
    reason = "order_status" if evidence.form.number is None else "order_number"
    # A number from an earlier task would fill the form at once with the wrong order.
    return replace(
        _step(replace(memory, form_failures=0), "task", reason, ORDER_STATUS, ()),
        clears_number=evidence.form.number is None,
    )


def _ruled(evidence: Evidence) -> str | None:
    """The own intent that the message is, if its rule counts here."""
    best = max(evidence.rules, key=lambda name: _p(evidence, name), default=None)
    if best is None or _p(evidence, best) < LIKELY:
        return None
    surely = min(CERTAIN, max(RULE_CERTAIN, evidence.confidence))
    if _sure(evidence) and _p(evidence, best) < surely:
        return None
    return best


def _by_rule(evidence: Evidence, memory: Memory, intent: str) -> Verdict:
    """What the site's editors want done; Rasa's rule of the same intent carries out what has no actions here."""
    does = evidence.rules[intent]
    if does.kind == "person":
        return _escalate(evidence, memory, "policy", intent=intent, action=f"{HAND_OVER}{intent}")
    if does.kind == "order_status":
        return replace(_task(evidence, memory), intent=intent, reason="rule")
    said = does.article_id or f"{INTENT_MARK}{intent}"
    reason = "rule"
    if said in memory.answered and evidence.repeated > 0.0:
        # As with a confident article: the same words again did not help, and once more is the last time.
        failures = memory.failures + 1
        if failures >= MAX_FAILURES:
            return _escalate(evidence, memory, "repeated_failure", intent=intent)
        memory, reason = replace(memory, failures=failures), "repeated"
    kept = memory.with_question(evidence.text).with_answer(said)
    return replace(_step(kept, "answer", reason, intent, ()), article_id=does.article_id)


def _action(evidence: Evidence, intent: str) -> str:
    return f"{ARTICLE if evidence.rules[intent].kind == 'article' else SAY}{intent}"


def _open(evidence: Evidence, memory: Memory, low_confidence: LowConfidence) -> Verdict:
    after_options = memory.last_kind == "clarify"
    if after_options and _p(evidence, AFFIRM) >= LIKELY and not _sure(evidence):
        first = next((o.article_id for o in memory.options if o.article_id), None)
        if first is not None:
            return _answer(evidence, memory, first, "affirmed")
    rejects = _p(evidence, REJECT) + (_p(evidence, DENY) if after_options else 0.0)
    if rejects >= LIKELY and memory.last_kind in ("answer", "clarify", "unsure") and not _sure(evidence):
        return _failed(evidence, memory, "rejected", intent=REJECT)
    talk = _talk(evidence)
    if talk is not None:
        return _step(memory, "chat", talk, talk, ())
    if _sure(evidence):
        return _confident(evidence, memory)
    pair = _worth_offering(evidence, memory)
    if pair is not None:
        return _clarify(evidence, memory, pair)
    if low_confidence == "handoff":
        return _escalate(evidence, memory, "low_confidence", intent=QUESTION)
    return _failed(evidence, memory, "low_confidence", intent=QUESTION)


def _confident(evidence: Evidence, memory: Memory) -> Verdict:
    best = evidence.passages[0].article_id
    if best not in memory.answered or evidence.repeated == 0.0:
        return _answer(evidence, memory, best, "confident")
    # The same question after its answer: the answer did not help. Once more is the last time.
    failures = memory.failures + 1
    if failures >= MAX_FAILURES:
        return _escalate(evidence, memory, "repeated_failure", intent=QUESTION)
    return _answer(evidence, replace(memory, failures=failures), best, "repeated")


def _worth_offering(evidence: Evidence, memory: Memory) -> tuple[Passage, Passage] | None:
    if len(evidence.passages) < 2 or evidence.confidence < PLAUSIBLE:
        return None
    first, second = evidence.passages[:2]
    compete = second.score >= COMPETING * first.score and first.score + second.score >= TOGETHER
    if not compete and evidence.confidence < WORTH_ASKING:
        return None
    if pair_of(first.article_id, second.article_id) in memory.clarified:
        return None
    return first, second


def _clarify(evidence: Evidence, memory: Memory, pair: tuple[Passage, Passage]) -> Verdict:
    first, second = pair
    options = (
        Option(f"{evidence.turn}.1", first.article_id),
        Option(f"{evidence.turn}.2", second.article_id),
        Option(f"{evidence.turn}.0", None),
    )
    kept = memory.with_pair(pair_of(first.article_id, second.article_id)).with_question(evidence.text)
    reason = "likely" if evidence.confidence >= WORTH_ASKING else "competing"
    verdict = _step(kept, "clarify", reason, QUESTION, ("utter_clarify", LISTEN))
    return replace(verdict, options=options, memory=replace(verdict.memory, options=options))


# --- endings --------------------------------------------------------------------------------------------


def _step(
    memory: Memory,
    kind: DecisionKind,
    reason: DecisionReason,
    intent: str,
    actions: tuple[str, ...],
) -> Verdict:
    offers = kind == "unsure" or (kind == "chat" and intent == "complain")
    after = replace(memory, last_kind=kind, options=(), offers_person=offers)
    return Verdict(kind=kind, reason=reason, intent=intent, actions=actions, memory=after)


def _answer(evidence: Evidence, memory: Memory, article_id: str, reason: str) -> Verdict:
    kept = memory.with_question(evidence.text).with_answer(article_id)
    verdict = _step(kept, "answer", reason, QUESTION, ("utter_answer", LISTEN))
    return replace(verdict, article_id=article_id)


def _failed(evidence: Evidence, memory: Memory, reason: str, *, intent: str) -> Verdict:
    failures = memory.failures + 1
    if failures >= MAX_FAILURES:
        return _escalate(evidence, memory, "repeated_failure", intent=intent)
    kept = replace(memory, failures=failures)
    if reason == "low_confidence":
        kept = kept.with_question(evidence.text)
    action = "utter_unsure_rejected" if reason == "rejected" else "utter_unsure"
    return _step(kept, "unsure", reason, intent, (action, LISTEN))


def _escalate(
    evidence: Evidence, memory: Memory, reason: str, *, intent: str, action: str | None = None
) -> Verdict:
    kept = replace(memory.with_question(evidence.text), form_failures=0)
    verdict = _step(kept, "escalate", reason, intent, (action or f"utter_escalate_{reason}", LISTEN))
    return replace(verdict, closes_form=evidence.form.active, clears_number=evidence.form.active)


# --- readings of the evidence ---------------------------------------------------------------------------


def _p(evidence: Evidence, intent: str) -> float:
    return evidence.intents.get(intent, 0.0)


def _sure(evidence: Evidence) -> bool:
    # Confidence says that the best article fits, and of two that ask the same each fits as well as the other.
    return bool(evidence.passages) and evidence.confidence >= evidence.threshold and not evidence.tied


def _outweighed(evidence: Evidence, intent: str) -> bool:
    """Whether a confident article stands in the way: it gives way only to an intent that is surer than it."""
    p = _p(evidence, intent)
    return _sure(evidence) and not (p >= CERTAIN and p > evidence.confidence)


def _talk(evidence: Evidence, without: tuple[str, ...] = ()) -> str | None:
    names = [name for name in TALK if name not in without]
    best = max(names, key=lambda name: _p(evidence, name))
    if _p(evidence, best) < LIKELY or _outweighed(evidence, best):
        return None
    return best
