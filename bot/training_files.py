"""The files that Rasa is trained on: the project's own, with what the snapshot adds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from bot.training_data import background
from bot.voice import load as load_voice
from kb_index.article import Article
from kb_index.encoder import Encoder
from kb_index.rasa_rules import RasaRules, rasa_rules
from kb_index.rules import MARK, Rules, plain

PROJECT: Final = Path(__file__).parent.parent
CONFIG: Final = PROJECT / "config.yml"
NLU_DATA: Final = PROJECT / "nlu_data"
DOMAIN: Final = Path(__file__).parent / "domain"
QUESTION: Final = "question"
TASK_INTENTS: Final = ("order_status", "cancel_form")
ORDER_NUMBER: Final = "order_number"
ENCODER_COMPONENT: Final = "bot.components.encoder.SentenceEncoder"
ENTITY_COMPONENT: Final = "RegexEntityExtractor"
SYNONYM_COMPONENT: Final = "EntitySynonymMapper"

_ENTITY: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARKUP: Final = re.compile(r"\](?=[(\[{])")


class TrainingError(RuntimeError):
    """Training cannot go on. `code` is stable; the message says what to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is trained: articles, examples of intents that the site added or extended, and the rules of the added ones."""

    articles: tuple[Article, ...]
    intents: dict[str, list[str]]
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True)
class Written:
    """`examples` counts those of all intents; `intents` names the site's own that are trained."""

    examples: int
    intents: list[str]
    warnings: list[str]


def check_names(rules: Rules) -> None:
    """Raises `TrainingError` where an own intent has the name of one that ships: their rules would contradict each other."""
    shipped = {intent for path in (NLU_DATA / "nlu").glob("*.yml") for intent, _ in _examples(path)}
    taken = sorted({intent.name for intent in rules.intents} & shipped)
    if taken:
        raise TrainingError(
            "rule_conflict",
            f"{', '.join(taken)}: the bot has an intent of this name that does something else. Choose another name.",
        )


def write_training_files(work: Path, snapshot: Snapshot, encoder: Encoder) -> Written:
    """Copy the project's data into `work`; add the snapshot's intents, entities and rules and the articles' questions."""
    data = work / "data"
    data.mkdir()
    for part in ("nlu", "rules", "stories"):
        shutil.copytree(NLU_DATA / part, data / part)
    shipped: dict[str, list[str]] = {}
    for path in sorted((data / "nlu").glob("*.yml")):
        for intent, examples in _examples(path):
            shipped.setdefault(intent, []).extend(examples)
    own = _own(snapshot, shipped)
    untrained = {intent.name for intent in snapshot.rules.intents} - {intent.name for intent in own.intents}
    added = {name: texts for name, texts in snapshot.intents.items() if name not in untrained}
    asked = background(
        snapshot.articles,
        _vectors_of(
            [t for article in snapshot.articles for t in (article.title, *article.questions)], encoder
        ),
        _stacked([t for i, ts in shipped.items() if i not in (QUESTION, *TASK_INTENTS) for t in ts], encoder),
        # An article's question that is nearly an example of a rule is the rule's, as it is with a task.
        _stacked(
            [
                *(t for i in TASK_INTENTS for t in shipped.get(i, [])),
                *(plain(t) for intent in own.intents for t in added[intent.name]),
            ],
            encoder,
        ),
    )
    if asked:
        added[QUESTION] = [*added.get(QUESTION, []), *asked]
    entities = {ORDER_NUMBER, *own.domain.get("entities", ())}
    nlu = [
        {"intent": intent, "examples": "".join(f"- {_one_line(t, entities)}\n" for t in texts)}
        for intent, texts in sorted(added.items())
        if texts
    ]
    _write_yaml(data / "nlu" / "snapshot.yml", "nlu", [*nlu, *own.nlu])
    _write_yaml(data / "rules" / "snapshot.yml", "rules", own.rules)
    _write_domain(work, own, sorted(set(added) - set(shipped)))
    _write_config(work, encoder, with_words=any("lookup" in entry or "synonym" in entry for entry in own.nlu))
    return Written(
        examples=sum(len(t) for t in shipped.values()) + sum(len(t) for t in added.values()),
        intents=[intent.name for intent in own.intents],
        warnings=own.warnings,
    )


def _own(snapshot: Snapshot, shipped: Mapping[str, Sequence[str]]) -> RasaRules:
    if not snapshot.rules:
        return RasaRules((), [], {}, [], [])
    examples = {
        name: [*shipped.get(name, ()), *snapshot.intents.get(name, ())]
        for name in dict.fromkeys((*shipped, *snapshot.intents))
    }
    return rasa_rules(snapshot.rules, examples, {article.id: article for article in snapshot.articles})


def _write_domain(work: Path, own: RasaRules, new: Sequence[str]) -> None:
    shutil.copytree(DOMAIN, work / "domain")
    added: dict[str, Any] = {
        "version": "3.1",
        "responses": {**_responses(), **own.domain.get("responses", {})},
    }
    if new:
        added["intents"] = list(new)
    added |= {name: own.domain[name] for name in ("entities", "slots") if name in own.domain}
    (work / "domain" / "snapshot.yml").write_text(yaml.safe_dump(added, allow_unicode=True), encoding="utf-8")


def _write_config(work: Path, encoder: Encoder, *, with_words: bool) -> None:
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    pipeline = []
    for component in config["pipeline"]:
        if component["name"] == ENCODER_COMPONENT:
            component["fingerprint"] = encoder.fingerprint
        pipeline.append(component)
        if component["name"] == ENTITY_COMPONENT and with_words:
            component["use_lookup_tables"] = True
            pipeline.append({"name": SYNONYM_COMPONENT})
    config["pipeline"] = pipeline
    (work / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def _write_yaml(path: Path, key: str, entries: Sequence[Any]) -> None:
    if entries:
        body = {"version": "3.1", key: list(entries)}
        path.write_text(yaml.safe_dump(body, allow_unicode=True, sort_keys=key != "rules"), encoding="utf-8")


def _vectors_of(texts: list[str], encoder: Encoder) -> dict[str, NDArray[np.float32]]:
    unique = list(dict.fromkeys(texts))
    return dict(zip(unique, encoder.encode(unique), strict=True)) if unique else {}


def _stacked(texts: list[str], encoder: Encoder) -> NDArray[np.float32]:
    return encoder.encode(texts) if texts else np.zeros((0, encoder.dimension), dtype=np.float32)


def _responses() -> dict[str, list[dict[str, Any]]]:
    """A response for each `utter_` action, so that Rasa's own checks and tools know it; bot/nlg.py says the real one."""
    actions = yaml.safe_load((DOMAIN / "domain.yml").read_text(encoding="utf-8"))["actions"]
    texts = load_voice("formal").for_locale("en").texts
    return {
        action: [{"text": texts.get(action, action)}] for action in actions if action.startswith("utter_")
    }


def _examples(path: Path) -> list[tuple[str, list[str]]]:
    """Intents of a file of ours with their examples, entity markup taken out."""
    found = []
    for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
        if "intent" in block:
            lines = [line.removeprefix("- ") for line in block["examples"].splitlines()]
            found.append((block["intent"], [_ENTITY.sub(r"\1", line) for line in lines if line]))
    return found


def _one_line(text: str, entities: set[str]) -> str:
    """A text as an example in Rasa's format, in which a line is an example.

    `[word](entity)` stays where the entity is known; other text that Rasa would take for markup is no markup.
    """
    line, known, done = " ".join(text.split()), [], 0
    for match in MARK.finditer(line):
        if match[2] in entities:
            known += [_MARKUP.sub("] ", line[done : match.start()]), match[0]]
            done = match.end()
    return "".join([*known, _MARKUP.sub("] ", line[done:])])
