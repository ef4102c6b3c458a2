"""The home's content as files of a project: Markdown articles and Rasa's data, changed only where it changed.

Files that are there already are the ones that are updated, wherever they lie in the folder. Otherwise an article
is written as it was imported, and Rasa's data as it was imported or as it ships.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

import yaml

from handoff.content.bundle import BundleError, open_bundle
from handoff.content.errors import ExportRefused
from handoff.content.sources import ARTICLES, RASA, Sources, is_rasa, shipped_rasa
from handoff.content.store import Content
from handoff.settings import PROJECT_ROOT
from kb_index.article import Article
from kb_index.formats import write_text
from kb_index.rasa_rules import rasa_rules
from kb_index.rewriting import intents_of, read_article, rewrite_article, rewrite_intents
from kb_index.yaml_text import YamlError, front_matter_text, intents_text

NEW_INTENTS: Final = "intents.yml"
"""Where intents go that no file has."""

OWN_ENTITIES: Final = f"{RASA}/nlu/own_entities.yml"
OWN_RULES: Final = f"{RASA}/rules/own_rules.yml"
OWN_DOMAIN: Final = f"{RASA}/domain/own_intents.yml"
"""Where own intents and entities go beside their examples. These files are written, never read back."""

_LONGEST_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The time of a zip's entries: equal content is an equal file."""


@dataclass(slots=True)
class Plan:
    """What an export would do to a folder. Names are relative to it."""

    write: dict[str, str] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Files of articles that the home does not have."""

    def put(self, name: str, text: str, there: Mapping[str, str]) -> None:
        if there.get(name) == text:
            self.unchanged.append(name)
        else:
            self.write[name] = text


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder holds of a project: name -> text of articles' files and of Rasa's."""

    articles: Mapping[str, str]
    rasa: Mapping[str, str]


def read_folder(folder: Path) -> Folder:
    """The files of a project in `folder`; nothing if it is not there. Raises `ExportRefused`."""
    articles: dict[str, str] = {}
    rasa: dict[str, str] = {}
    if not folder.exists():
        return Folder(articles, rasa)
    try:
        bundle = open_bundle(folder, folder.name)
        for name in bundle.names:
            ending = PurePosixPath(name).suffix.lower()
            if ending not in (".md", ".yml", ".yaml"):
                continue
            try:
                text = bundle.read(name).decode("utf-8")
            except UnicodeDecodeError:
                continue
            if ending == ".md" and text.removeprefix("\ufeff").startswith("---"):
                articles[name] = text
            elif ending != ".md" and is_rasa(text):
                rasa[name] = text
    except BundleError as error:
        raise ExportRefused(f"{error.fault.name}: {error.fault.message}") from error
    return Folder(articles, rasa)


def plan_export(content: Content, there: Folder, sources: Sources | None, *, rasa: bool, locale: str) -> Plan:
    """What makes a folder say what `content` says.

    With `rasa` that is articles and Rasa's data, else articles alone. `locale` is that of articles which name none.

    Raises:
        ExportRefused: a Rasa file has faults, so that it cannot be said what would come of a change.
    """
    plan = Plan()
    _plan_articles(plan, content.articles, there, sources, rasa=rasa, locale=locale)
    if rasa:
        _plan_intents(plan, content, there, sources)
    plan.unchanged.sort()
    return plan


def carry_out(plan: Plan, folder: Path, *, prune: bool) -> list[str]:
    """Write what is planned. With `prune`, files of articles that the home does not have go; returns these.

    Raises:
        OSError: something cannot be written; each file is whole, the old one or the new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(plan.write.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    gone = plan.left if prune else []
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    return gone


def project_zip(content: Content, sources: Sources | None, *, rasa: bool, locale: str) -> bytes:
    """The same as a zip of a new folder; equal content gives equal bytes."""
    plan = plan_export(content, Folder({}, {}), sources, rasa=rasa, locale=locale)
    with tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024) as spool:
        with zipfile.ZipFile(spool, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in sorted(plan.write.items()):
                entry = zipfile.ZipInfo(name, _LONGEST_AGO)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, text.encode("utf-8"))
        spool.seek(0, io.SEEK_SET)
        return spool.read()


# --- articles -----------------------------------------------------------------------------------------------


def _plan_articles(
    plan: Plan,
    articles: Sequence[Article],
    there: Folder,
    sources: Sources | None,
    *,
    rasa: bool,
    locale: str,
) -> None:
    found: dict[str, str] = {}
    for name, text in sorted(there.articles.items()):
        article = read_article(text, stem=PurePosixPath(name).stem, locale=locale)
        if article is not None:
            # Of two files of one article the first is it; an import refuses the second, and says so.
            found.setdefault(article.id, name)
    above = _usual_folder(found.values()) if found else (ARTICLES if rasa else "")
    kept = sources.articles() if sources is not None else {}
    taken = {*there.articles, *there.rasa}
    for article in articles:
        if article.id in found:
            name = found[article.id]
            text = there.articles[name]
        else:
            was, text = kept.get(article.id, ("", ""))
            below = PurePosixPath(was).relative_to(ARTICLES).as_posix() if was else f"{article.id}.md"
            name = (PurePosixPath(above) / below).as_posix()
            if name in taken:
                name = (PurePosixPath(above) / f"{article.id}.md").as_posix()
            if name in taken:
                raise ExportRefused(f"{name} is there already and is not the article {article.id}.")
        taken.add(name)
        stem = PurePosixPath(name).stem
        written = (
            rewrite_article(text, article, stem=stem, locale=locale) if text else front_matter_text(article)
        )
        plan.put(name, written, there.articles)
    ids = {article.id for article in articles}
    plan.left += [name for article_id, name in found.items() if article_id not in ids]


def _usual_folder(names: object) -> str:
    """Where most of the files lie, for new ones beside them."""
    counted = Counter(PurePosixPath(str(name)).parent.as_posix() for name in names)  # type: ignore[attr-defined]
    most = max(sorted(counted), key=lambda folder: counted[folder])
    return "" if most == "." else most


# --- intents ------------------------------------------------------------------------------------------------


def _plan_intents(plan: Plan, content: Content, there: Folder, sources: Sources | None) -> None:
    imported = sources.rasa() if sources is not None else {}
    base = _all_intents(imported)
    start = dict(there.rasa or imported or shipped_rasa(PROJECT_ROOT))
    texts = dict(start)
    now = {name: intents_of(text) for name, text in texts.items()}
    for file, found in now.items():
        if found is None:
            raise ExportRefused(f"{file} has faults; `baton content validate` names them.")
    new: dict[str, list[str]] = {}
    for name, examples in content.intents.items():
        holders = [file for file, found in now.items() if found and name in found]
        if not holders:
            new[name] = list(examples)
            continue
        together = list(dict.fromkeys(e for file in holders for e in (now[file] or {})[name]))
        wanted = _merged(together, list(examples), base.get(name, []))
        _write_intent(texts, holders, name, wanted, now)
    if new:
        above = _usual_folder([file for file, found in now.items() if found] or [f"{RASA}/nlu/x"])
        file = (PurePosixPath(above) / NEW_INTENTS).as_posix()
        texts[file] = _rewritten(file, texts[file], new) if file in texts else intents_text(new)
    _write_rules(texts, content)
    for file, text in texts.items():
        plan.put(file, text, there.rasa)


def _write_rules(texts: dict[str, str], content: Content) -> None:
    """Own intents and entities as rules, domain and lookups: what whoever goes on with `rasa` alone needs of them."""
    found = rasa_rules(content.rules, content.intents, {article.id: article for article in content.articles})
    parts: dict[str, dict[str, object]] = {
        OWN_ENTITIES: {"nlu": found.nlu} if found.nlu else {},
        OWN_RULES: {"rules": found.rules} if found.rules else {},
        OWN_DOMAIN: dict(found.domain),
    }
    for file, body in parts.items():
        # A file of rules that are gone is emptied: they must not come back with the next training.
        if body or file in texts:
            dumped = yaml.safe_dump({"version": "3.1", **body}, allow_unicode=True, sort_keys=False)
            texts[file] = dumped


def _merged(there: list[str], home: list[str], base: Sequence[str]) -> list[str]:
    """The examples of a file after an export.

    What the home lost since the import goes, what it has besides is added. An example that the home never had, as
    those that ship, stays: a home's examples come on top of them.
    """
    lost = set(base) - set(home)
    kept = [example for example in there if example not in lost]
    if set(kept) <= set(home):
        return home
    known = set(kept)
    return [*kept, *(example for example in home if example not in known)]


def _write_intent(
    texts: dict[str, str],
    holders: Sequence[str],
    name: str,
    wanted: list[str],
    now: Mapping[str, dict[str, list[str]] | None],
) -> None:
    """Give each file that has the intent its own examples; what no file has goes to the last."""
    if len(holders) == 1:
        texts[holders[0]] = _rewritten(holders[0], texts[holders[0]], {name: wanted})
        return
    allowed = set(wanted)
    placed: set[str] = set()
    for file in holders:
        own = [example for example in (now[file] or {})[name] if example in allowed]
        placed |= set(own)
        if file == holders[-1]:
            own += [example for example in wanted if example not in placed]
        texts[file] = _rewritten(file, texts[file], {name: own})


def _rewritten(file: str, text: str, wanted: Mapping[str, Sequence[str]]) -> str:
    try:
        return rewrite_intents(text, wanted)
    except YamlError as error:
        raise ExportRefused(f"{file}:{error.line}: {error.message}") from error


def _all_intents(texts: Mapping[str, str]) -> dict[str, list[str]]:
    joined: dict[str, list[str]] = {}
    for text in texts.values():
        for name, examples in (intents_of(text) or {}).items():
            joined.setdefault(name, []).extend(examples)
    return joined
