"""What a site teaches beside articles: intents of its own with what Baton does, and entities. Standard library only.

An intent's examples are kept apart, in Rasa's notation (`[word](entity)`), as Rasa's own files keep them. What stands here is
the rest: "when a customer means X, Baton does Y", and what the marked words are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args

from kb_index.article import MAX_ANSWER, MAX_QUESTION, ArticleError, check_id, check_locale, clean_text

FILE: Final = "rules.json"
"""In a snapshot and in a release; there where there is something in it."""
FORMAT: Final = 1

MAX_DESCRIPTION: Final = 200
MAX_REASON: Final = 200
MAX_EXAMPLES: Final = 2_000
MAX_INTENTS: Final = 200
MAX_ENTITIES: Final = 100
MAX_WORDS: Final = 2_000
MAX_WORD: Final = 100
MAX_LOCALES: Final = 50
MAX_PREFIX: Final = 12
MAX_DIGITS: Final = 20

DoesKind = Literal["say", "article", "person", "order_status", "nothing"]
EntityKind = Literal["words", "number", "amount", "email", "date", "phone", "code"]

RESERVED_ENTITIES: Final = frozenset(
    (
        "order_number",
        "requested_slot",
        "session_started_metadata",
        "language",
        "rule",
        "intent",
        "entity",
        "text",
    )
)
"""Names that slots of the bot, or Rasa's notation, have already."""
RESERVED_INTENTS: Final = frozenset(("restart", "back", "session_start", "nlu_fallback", "out_of_scope"))
"""Names that mean something to Rasa."""

MARK: Final = re.compile(r"\[([^\[\]]+)\]\(([^()\s]+)\)")
"""A marked word and its entity."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
_PREFIX: Final = re.compile(r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9-])?")

# Each bounded and without a repetition in a repetition, so that no message makes one slow.
_BEFORE: Final = r"(?<![\w.,+@-])"
_AFTER: Final = r"(?![\w@])(?![.,]\d)"
_AMOUNT: Final = r"\d{1,3}(?:[.,' ]\d{3}){0,3}(?:[.,]\d{1,2})?|\d{1,12}(?:[.,]\d{1,2})?"
_PATTERNS: Final[Mapping[str, str]] = {
    "number": _BEFORE + r"\d{1,15}(?:[.,]\d{1,6})?" + _AFTER,
    "amount": rf"(?<![\w.,])(?:(?:[$€£¥]|EUR|USD|GBP|CHF) ?(?:{_AMOUNT})|(?:{_AMOUNT}) ?(?:[$€£¥]|EUR|USD|GBP|CHF|euros?|dollars?|pounds?))(?!\w)",
    "email": r"(?<![\w.+@-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![\w@-])",
    "date": _BEFORE
    + r"(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2})|\d{1,2}[./]\d{1,2}\.?)(?![\w/])",
    "phone": r"(?<![\w+])(?:\+|00|0)\d(?:[ ()/-]{0,2}\d){6,14}(?!\w)",
}


class RuleError(ValueError):
    """An intent or an entity is refused. `code` is stable, `field` names the field, the message says what to change."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class Does:
    """What Baton does: `say` a text (Markdown by locale), answer with the `article`, hand over to a `person`, ask for an
    order (`order_status`), or `nothing` yet: such an intent is a draft and is not trained.

    `reason` is what the agent reads who gets the conversation.
    """

    kind: DoesKind = "nothing"
    texts: Mapping[str, str] = field(default_factory=dict)
    article_id: str | None = None
    reason: str = ""

    def text_for(self, locale: str) -> str:
        """The text in the locale, else in its language, else the first."""
        language = locale.partition("-")[0].lower()
        exact = self.texts.get(locale)
        near = (text for tag, text in self.texts.items() if tag.partition("-")[0].lower() == language)
        return exact or next(near, "") or next(iter(self.texts.values()), "")

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape: `kind` and what that kind has."""
        match self.kind:
            case "say":
                return {"kind": self.kind, "texts": dict(self.texts)}
            case "article":
                return {"kind": self.kind, "article_id": self.article_id}
            case "person":
                return {"kind": self.kind, "reason": self.reason}
            case _:
                return {"kind": self.kind}


@dataclass(frozen=True, slots=True)
class Intent:
    """An intent of the site. `description` ends the sentence "When a customer ..."."""

    name: str
    description: str
    does: Does

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        return {"name": self.name, "description": self.description, "does": self.does.as_dict()}


@dataclass(frozen=True, slots=True)
class Word:
    """One value of an entity, and other words for it."""

    value: str
    synonyms: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        return {"value": self.value, "synonyms": list(self.synonyms)}


@dataclass(frozen=True, slots=True)
class Entity:
    """What a marked word is: one of the `words`, or something of a known form.

    A `code` is `prefix` and then `least` to `most` digits.
    """

    name: str
    description: str
    kind: EntityKind
    words: tuple[Word, ...] = ()
    prefix: str = ""
    least: int = 0
    most: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        shape: dict[str, Any] = {"name": self.name, "description": self.description, "kind": self.kind}
        if self.kind == "words":
            shape["words"] = [word.as_dict() for word in self.words]
        if self.kind == "code":
            shape |= {"prefix": self.prefix, "least": self.least, "most": self.most}
        return shape

    def pattern(self) -> str | None:
        """The regular expression that finds it, None for words. Matching takes time linear in the message's length."""
        if self.kind == "code":
            # "RMA-1234", "RMA 1234" and "RMA1234" are one code.
            start = re.escape(self.prefix.rstrip("-"))
            return rf"(?<!\w){start}[- ]?\d{{{self.least},{self.most}}}(?!\w)"
        return _PATTERNS.get(self.kind)


@dataclass(frozen=True, slots=True)
class Rules:
    """All of a site, each in name order."""

    intents: tuple[Intent, ...] = ()
    entities: tuple[Entity, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.intents or self.entities)

    def intent(self, name: str) -> Intent | None:
        """The intent of this name."""
        return next((intent for intent in self.intents if intent.name == name), None)

    def text(self) -> str:
        """The file; equal rules are equal bytes."""
        body = {
            "format": FORMAT,
            "intents": [intent.as_dict() for intent in sorted(self.intents, key=lambda i: i.name)],
            "entities": [entity.as_dict() for entity in sorted(self.entities, key=lambda e: e.name)],
        }
        return json.dumps(body, ensure_ascii=False, indent=2) + "\n"


def rules_of(text: str, name: str = FILE) -> Rules:
    """The rules in what `Rules.text` gave; `name` is the file's, for messages. Raises `RuleError`."""
    try:
        raw = json.loads(text)
        found = raw["format"]
        intents, entities = list(raw["intents"]), list(raw["entities"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RuleError("bad_rules", f"{name} cannot be read: {error}", "file") from error
    if found != FORMAT:
        raise RuleError("bad_rules", f"{name} has format {found}, this version reads {FORMAT}.", "file")
    return Rules(tuple(map(check_intent, intents)), tuple(map(check_entity, entities)))


# --- checks ---------------------------------------------------------------------------------------------


def check_intent(raw: Any) -> Intent:
    """The intent that `raw` (`{name, description, does}`) describes, normalised. Raises `RuleError`."""
    fields = _fields(raw, ("name", "description", "does"), "intent")
    return Intent(
        name=check_name(fields.get("name"), RESERVED_INTENTS),
        description=_line(fields.get("description", ""), "description", MAX_DESCRIPTION),
        does=check_does(fields.get("does")),
    )


def check_does(raw: Any) -> Does:
    """What Baton does. Raises `RuleError`."""
    fields = _fields(raw, ("kind", "texts", "article_id", "reason"), "does")
    kind = fields.get("kind")
    if kind not in get_args(DoesKind):
        raise RuleError("bad_does", f"does.kind must be one of {', '.join(get_args(DoesKind))}.", "does")
    if kind == "say":
        return Does("say", texts=_texts(fields.get("texts")))
    if kind == "article":
        try:
            return Does("article", article_id=check_id(fields.get("article_id")))
        except ArticleError as error:
            raise RuleError("bad_does", "Choose the article that is the answer.", "does") from error
    if kind == "person":
        reason = _line(fields.get("reason", ""), "does", MAX_REASON)
        if not reason:
            raise RuleError("missing_reason", "Say why a person takes over; the agent reads it.", "does")
        return Does("person", reason=reason)
    return Does(cast("DoesKind", kind))


def check_entity(raw: Any) -> Entity:
    """The entity that `raw` describes, normalised. Raises `RuleError`."""
    known = ("name", "description", "kind", "words", "prefix", "least", "most")
    fields = _fields(raw, known, "entity")
    kind = fields.get("kind")
    if kind not in get_args(EntityKind):
        raise RuleError("bad_kind", f"kind must be one of {', '.join(get_args(EntityKind))}.", "kind")
    name = check_name(fields.get("name"), RESERVED_ENTITIES)
    description = _line(fields.get("description", ""), "description", MAX_DESCRIPTION)
    if kind == "words":
        return Entity(name, description, "words", words=_words(fields.get("words") or []))
    if kind != "code":
        return Entity(name, description, cast("EntityKind", kind))
    prefix, least, most = fields.get("prefix"), _whole(fields.get("least")), _whole(fields.get("most"))
    if not isinstance(prefix, str) or len(prefix) > MAX_PREFIX or not _PREFIX.fullmatch(prefix):
        raise RuleError(
            "bad_prefix",
            f"The start of a code is 1 to {MAX_PREFIX} letters, digits and '-', beginning with a letter.",
            "prefix",
        )
    if not 1 <= least <= most <= MAX_DIGITS:
        raise RuleError("bad_digits", f"A code ends in 1 to {MAX_DIGITS} digits, least before most.", "least")
    return Entity(name, description, "code", prefix=prefix, least=least, most=most)


def check_examples(texts: Iterable[object], entities: Iterable[str]) -> tuple[str, ...]:
    """Examples, normalised; of repeated ones the first stays. Raises `RuleError`.

    `entities` are the names that may be marked. A mark is `[word](entity)`, nothing within another.
    """
    known = frozenset(entities)
    found: dict[str, None] = {}
    for text in texts:
        cleaned = _line(text, "examples", MAX_QUESTION)
        if not cleaned:
            continue
        for _, name in marks(cleaned):
            if name not in known:
                raise RuleError("unknown_entity", f"There is no entity {name[:50]!r}.", "examples")
        if not plain(cleaned).strip():
            raise RuleError("empty_entry", "An example has no words.", "examples")
        found.setdefault(cleaned)
    if len(found) > MAX_EXAMPLES:
        raise RuleError("too_many", f"An intent has at most {MAX_EXAMPLES} examples.", "examples")
    return tuple(found)


def check_name(value: object, reserved: frozenset[str]) -> str:
    """`value` if it may name an intent or an entity. Raises `RuleError`."""
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise RuleError(
            "bad_name",
            f"The name {str(value)[:50]!r} is not allowed: 1 to 50 of a-z, 0-9 and '_', beginning with a letter.",
            "name",
        )
    if value in reserved:
        raise RuleError("reserved_name", f"The name {value} has a meaning already; choose another.", "name")
    return value


# --- examples -------------------------------------------------------------------------------------------


def marks(example: str) -> Iterator[tuple[str, str]]:
    """The marked words of an example, each with its entity."""
    for match in MARK.finditer(example):
        yield match[1], match[2]


def plain(example: str) -> str:
    """An example as customers write it, without marks."""
    return MARK.sub(r"\1", example)


def marked_words(examples: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Entity -> the words that are marked with it anywhere."""
    found: dict[str, set[str]] = {}
    for texts in examples.values():
        for text in texts:
            for word, name in marks(text):
                found.setdefault(name, set()).add(word)
    return found


# --- parts ----------------------------------------------------------------------------------------------


def _fields(raw: Any, known: Sequence[str], what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise RuleError("bad_type", f"{what} must be an object.", what)
    for name in raw:
        if name not in known:
            raise RuleError("unknown_field", f"{what} has no field {str(name)[:50]!r}.", what)
    return raw


def _line(value: object, field: str, longest: int) -> str:
    try:
        return clean_text(value, field, longest, line_breaks=False)
    except ArticleError as error:
        raise RuleError(error.code, error.message, error.field) from error


def _texts(raw: Any) -> dict[str, str]:
    if not isinstance(raw, Mapping) or not raw or len(raw) > MAX_LOCALES:
        raise RuleError("missing_text", "Write what Baton says.", "does")
    found: dict[str, str] = {}
    for locale, value in raw.items():
        try:
            text = clean_text(value, "does", MAX_ANSWER, line_breaks=True)
            tag = check_locale(locale)
        except ArticleError as error:
            raise RuleError(error.code, error.message, "does") from error
        if not text:
            raise RuleError("missing_text", f"Write what Baton says ({tag}).", "does")
        found[tag] = text
    return found


def _words(raw: Any) -> tuple[Word, ...]:
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise RuleError("bad_type", "words must be a list.", "words")
    found: list[Word] = []
    owners: dict[str, str] = {}
    for entry in raw:
        fields = _fields(entry, ("value", "synonyms"), "words")
        synonyms = fields.get("synonyms") or []
        if not isinstance(synonyms, Sequence) or isinstance(synonyms, str):
            raise RuleError("bad_type", "synonyms must be a list.", "words")
        value, *others = (_line(text, "words", MAX_WORD) for text in (fields.get("value"), *synonyms))
        if not value:
            raise RuleError("empty_entry", "A word is empty.", "words")
        kept = tuple(dict.fromkeys(text for text in others if text and text.casefold() != value.casefold()))
        for text in (value, *kept):
            other = owners.setdefault(text.casefold(), value)
            if other != value:
                raise RuleError("word_twice", f"{text!r} stands for {other!r} and for {value!r}.", "words")
        found.append(Word(value, kept))
    if len(owners) > MAX_WORDS:
        raise RuleError("too_many", f"An entity has at most {MAX_WORDS} words.", "words")
    return tuple(found)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
