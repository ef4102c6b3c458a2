"""`python -m bot.group`: questions that got no answer, grouped by meaning, each group with the article that comes nearest.

The vectors are those of the untuned encoder: a group stays what it is when another release goes live. They are cached by
text on disk, so that grouping again encodes what is new alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from bot.answering import PLAUSIBLE
from bot.editions import now_utc
from bot.encoders import embeddings_of, encoder_of, remembering
from bot.load import edition_of
from bot.programs import (
    BadRows,
    Progress,
    optional_text_of,
    report_progress,
    rows_of,
    run,
    text_of,
    write_whole,
)
from bot.settings import ENCODER_FOLDER, INDEX_FOLDER, Settings, from_environment
from kb_index.embedding_cache import CachedEncoder
from kb_index.encoder import Encoder, Vectors, load_encoder
from kb_index.grouping import Group, grouped, name_of, plain
from kb_index.knowledge import Knowledge
from kb_index.languages import language_of
from kb_index.releases import ReleaseStore
from kb_index.settled import like_settled

MOST_TEXTS: Final = 30_000
"""Distinct questions in one grouping: some 20 s and 0.3 GB beside encoding. Those that come last in the file are left out."""

MOST_EXEMPLARS: Final = 10_000

MOST_ASKED: Final = 3_000
"""Questions asked of the articles, 1.5 ms each; the largest groups first."""

ASKED_OF_GROUP: Final = 5
"""Its most central ones, which say what a group is about."""

MAX_KEY: Final = 200
MAX_TEXT: Final = 4_000
MAX_LOCALE: Final = 35

_CHUNK: Final = 512


@dataclass(slots=True)
class Asked:
    """One distinct question of a language: as customers wrote it, with the keys of all who did."""

    spelling: str
    locale: str
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A question that somebody has settled, and how."""

    key: str
    text: str
    settled: str


@dataclass(slots=True)
class Questions:
    """What is to be grouped, by language: distinct questions by their plain text, exemplars, and how many rows were left out."""

    asked: dict[str, dict[str, Asked]] = field(default_factory=dict)
    exemplars: dict[str, list[Exemplar]] = field(default_factory=dict)
    left_out: int = 0


def read(path: Path) -> Questions:
    """The file's rows. Raises `BadRows`."""
    found = Questions()
    texts = exemplars = 0
    seen: set[str] = set()
    for number, row in rows_of(path):
        where = f"{path.name} line {number}"
        key = text_of(row, "key", MAX_KEY, where)
        if key in seen:
            raise BadRows(f"{where}: the key {key!r} is given twice")
        seen.add(key)
        text = text_of(row, "text", MAX_TEXT, where)
        locale = text_of(row, "locale", MAX_LOCALE, where, default="en")
        settled = optional_text_of(row, "settled", 50, where)
        language = language_of(locale)
        if settled is not None:
            if exemplars < MOST_EXEMPLARS:
                exemplars += 1
                found.exemplars.setdefault(language, []).append(Exemplar(key, plain(text), settled))
            else:
                found.left_out += 1
            continue
        known = found.asked.setdefault(language, {})
        bare = plain(text)
        if bare not in known:
            if texts == MOST_TEXTS:
                found.left_out += 1
                continue
            texts += 1
            known[bare] = Asked(text, locale)
        known[bare].keys.append(key)
    return found


class Suggestions:
    """The articles of a release, asked what a group asks."""

    def __init__(self, knowledge: Knowledge, encoder: Encoder) -> None:
        self._knowledge = knowledge
        self._encoder = encoder

    def of(
        self, questions: Sequence[tuple[str, str]], by: Encoder, vectors: Vectors
    ) -> dict[str, Any] | None:
        """The article most likely right for `questions` (text, locale): None where none is plausible. `vectors` are
        theirs `by` an encoder; they are encoded anew where the articles have another one.

        Its score is the mean probability that it is right: the confidence where it comes first, and its share of the
        probability that any article is right where it does not.
        """
        if not questions:
            return None
        totals: defaultdict[str, float] = defaultdict(float)
        if by is not self._encoder:
            vectors = self._encoder.encode([text for text, _ in questions])
        for (text, locale), vector in zip(questions, vectors, strict=True):
            ranking = self._knowledge.search(text, vector, locale=locale, k=5)
            for place, candidate in enumerate(ranking.candidates):
                totals[candidate.article_id] += (
                    ranking.confidence if place == 0 else ranking.answerable * candidate.score
                )
        if not totals:
            return None
        article_id, total = min(totals.items(), key=lambda entry: (-entry[1], entry[0]))
        score = total / len(questions)
        if score < PLAUSIBLE:
            return None
        title = self._knowledge.article(article_id).title
        return {"article_id": article_id, "title": title, "score": round(score, 4)}


def group(
    questions: Questions, encoder: CachedEncoder, suggestions: Suggestions | None, progress: Progress
) -> dict[str, Any]:
    """The result as JSON values, `encoded` the number of texts that the cache did not have. Without `suggestions` none."""
    total = sum(map(len, questions.asked.values())) + sum(map(len, questions.exemplars.values()))
    made: list[tuple[Group, list[Asked], list[str], Vectors]] = []
    settled: list[dict[str, Any]] = []
    done = 0
    before = encoder.made
    for language, known in sorted(questions.asked.items()):
        exemplars = questions.exemplars.get(language, [])
        texts = list(known)
        vectors = _encoded([*texts, *(e.text for e in exemplars)], encoder, progress, done, total)
        done += len(vectors)
        own, theirs = vectors[: len(texts)], vectors[len(texts) :]
        settled_rows = set()
        for like in like_settled(own, theirs, [e.settled for e in exemplars]):
            settled_rows.add(like.row)
            exemplar = exemplars[like.exemplar].key
            settled += [
                {"key": key, "exemplar_key": exemplar, "score": round(like.score, 4)}
                for key in known[texts[like.row]].keys
            ]
        kept = [row for row in range(len(texts)) if row not in settled_rows]
        own = own[kept]
        left = [texts[row] for row in kept]
        asked = [known[text] for text in left]
        progress("group", done, total, language)
        counts = np.array([len(one.keys) for one in asked], dtype=np.int64)
        made += [(found, asked, left, own) for found in grouped(left, own, counts, language)]
    sizes = {found.id: sum(len(asked[row].keys) for row in found.members) for found, asked, _, _ in made}
    made.sort(key=lambda entry: (-sizes[entry[0].id], entry[0].id))
    groups = []
    budget = MOST_ASKED
    for number, (found, asked, left, vectors) in enumerate(made):
        if number % 50 == 0:
            progress("suggest", number, len(made), "")
        some = found.members[: min(ASKED_OF_GROUP, budget)] if suggestions is not None else ()
        budget -= len(some)
        suggested = (
            None
            if suggestions is None
            else suggestions.of([(left[r], asked[r].locale) for r in some], encoder, vectors[list(some)])
        )
        groups.append(
            {
                "id": found.id,
                "name": name_of(asked[found.members[0]].spelling),
                "keys": [key for row in found.members for key in asked[row].keys],
                "suggested": suggested,
            }
        )
    progress("suggest", len(made), len(made), "")
    return {
        "groups": groups,
        "like_settled": settled,
        "encoded": encoder.made - before,
        "left_out": questions.left_out,
    }


def _encoded(texts: Sequence[str], encoder: Encoder, progress: Progress, done: int, total: int) -> Vectors:
    """Vectors of `texts`, on all cores that this process may use: nobody waits for one of them, and it runs rarely."""
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    starts = range(0, len(texts), _CHUNK)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="encode") as pool:
        chunks = pool.map(lambda start: encoder.encode(texts[start : start + _CHUNK]), starts)
        for start, chunk in zip(starts, chunks, strict=True):
            progress("encode", done + start, total, "")
            vectors[start : start + len(chunk)] = chunk
    progress("encode", done + len(texts), total, "")
    return vectors


def suggestions_of(settings: Settings, release_id: str | None, base: CachedEncoder) -> Suggestions | None:
    """The articles that are live on the named release, or on the live one; None where none is live.

    Raises as `load_release` does.
    """
    store = ReleaseStore(settings.releases) if settings.releases.is_dir() else None
    wanted = release_id or (store.current() if store is not None else None)
    if store is None or wanted is None:
        return None
    release = store.verify(wanted)
    tuned = (release.path / ENCODER_FOLDER).is_dir()
    encoder = remembering(encoder_of(release.path, settings), settings) if tuned else base
    knowledge = Knowledge.load(release.path / INDEX_FOLDER, encoder)
    edition = edition_of(settings, wanted, "live")
    articles = knowledge.articles if edition is None else edition.applied_to(knowledge.articles)
    at = now_utc()
    valid = [article for article in articles if article.is_valid_at(at)]
    return Suggestions(knowledge.revised(valid, encoder), encoder)


def main(arguments: list[str] | None = None) -> int:
    """The program. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.group")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--in", type=Path, required=True, dest="file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--release", help="whose articles are suggested; the live one")
    given = parser.parse_args(arguments)

    def work() -> Mapping[str, Any]:
        began = time.monotonic()
        settings = from_environment(given.home)
        questions = read(given.file)
        encoder = CachedEncoder(
            load_encoder(settings.encoder), embeddings_of(settings, tuned=False), recent=0
        )
        suggestions = suggestions_of(settings, given.release, encoder)
        found = group(questions, encoder, suggestions, report_progress)
        found["seconds"] = round(time.monotonic() - began, 2)
        write_whole(given.out, json.dumps(found, ensure_ascii=False))
        return {name: len(value) if isinstance(value, list) else value for name, value in found.items()}

    return run(work, failed="grouping_failed")


if __name__ == "__main__":
    sys.exit(main())
