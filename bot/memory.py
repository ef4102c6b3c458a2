"""What the bot keeps of an episode between two turns: counts, ids and the last questions, never a transcript.

It travels with the last utterance in Rasa's tracker, so it must stay small: at most about 2 kB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from bot.mood.history import History

KEPT_QUESTIONS: Final = 3
KEPT_ARTICLES: Final = 5
KEPT_PAIRS: Final = 10
KEPT_INCIDENTS: Final = 20
QUESTION_LENGTH: Final = 300


@dataclass(frozen=True, slots=True)
class Option:
    """A choice under the last reply. `article_id` is the article it stands for; None: none of those offered."""

    id: str
    article_id: str | None


@dataclass(frozen=True, slots=True)
class Memory:
    """State of one episode.

    `failures` counts unsure replies, rejected answers and repeats; `form_failures` the messages in a row that
    the open form could not use. `clarified` holds the pairs already asked about as "a|b" with a < b.
    `questions` are the last messages that asked something, newest last. `level` and `tripped` are the
    frustration level and whether it has already caused a handoff, `mood` what messages showed before. `language` is
    what the last message that told was certain to be written in. `told` are the incidents that the customer has been told of.
    """

    failures: int = 0
    form_failures: int = 0
    level: float = 0.0
    tripped: bool = False
    mood: History = field(default_factory=History)
    last_kind: str | None = None
    offers_person: bool = False
    options: tuple[Option, ...] = ()
    clarified: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    language: str | None = None
    told: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any] | None) -> Memory:
        """What `as_dict` gave; an empty memory for None."""
        if not raw:
            return cls()
        return cls(
            failures=int(raw["failures"]),
            form_failures=int(raw["form_failures"]),
            level=float(raw["level"]),
            tripped=bool(raw["tripped"]),
            mood=History(**raw["mood"]) if "mood" in raw else History(),
            last_kind=raw["last_kind"],
            offers_person=bool(raw["offers_person"]),
            options=tuple(Option(o["id"], o["article_id"]) for o in raw["options"]),
            clarified=tuple(raw["clarified"]),
            answered=tuple(raw["answered"]),
            questions=tuple(raw["questions"]),
            language=raw.get("language"),  # not in dialogues that an earlier version wrote
            told=tuple(raw.get("told", ())),
        )

    def handed_back(self) -> Memory:
        """After a person has settled things: old anger, failures and offers are over, answers stay known."""
        return replace(
            self,
            failures=0,
            form_failures=0,
            level=0.0,
            tripped=False,
            mood=History(),
            last_kind=None,
            offers_person=False,
            options=(),
            questions=(),
        )

    def with_question(self, text: str) -> Memory:
        """Remember `text` as the newest question."""
        return replace(self, questions=(*self.questions, text[:QUESTION_LENGTH])[-KEPT_QUESTIONS:])

    def with_answer(self, article_id: str) -> Memory:
        """Remember that `article_id` has been given."""
        known = tuple(a for a in self.answered if a != article_id)
        return replace(self, answered=(*known, article_id)[-KEPT_ARTICLES:])

    def with_incident(self, key: str) -> Memory:
        """Remember that the incident of this `key` has been told."""
        return replace(self, told=(*self.told, key)[-KEPT_INCIDENTS:])

    def with_pair(self, pair: str) -> Memory:
        """Remember that the two articles of `pair` have been offered against each other."""
        return replace(self, clarified=(*self.clarified, pair)[-KEPT_PAIRS:])


def pair_of(first: str, second: str) -> str:
    """The key of two competing articles, whichever comes first."""
    return "|".join(sorted((first, second)))
