"""The texts that say which words belong to the languages that a release covers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from bot.languages import Languages
from bot.voice import Wording
from kb_index.article import Article
from kb_index.languages import language_of

NLU_DATA: Final = Path(__file__).parent.parent / "nlu_data"
OWN_LANGUAGE: Final = "en"
"""What `nlu_data` is written in (`language` in config.yml): some 3,000 everyday words, for articles that have few."""


def read_languages(articles: Iterable[Article], wording: Wording) -> Languages:
    """The reader for a release: its articles by language, and what the bot itself was given in these languages."""
    texts = _by_language(articles)
    _add_own(texts, texts.keys(), wording)
    return Languages(texts)


def revised_languages(
    trained: Languages, articles: Iterable[Article], changed: Iterable[Article], wording: Wording
) -> Languages:
    """The reader for the `articles` that are live on a release whose own is `trained`; `changed` are those that differ.

    Words of articles that went stay known, since knowing too many costs nothing: the others need not be read again.
    """
    covered = {language_of(article.locale) for article in articles}
    texts = {language: lines for language, lines in _by_language(changed).items() if language in covered}
    _add_own(texts, covered - trained.covered, wording)
    return trained.revised(texts, covered)


def _by_language(articles: Iterable[Article]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for article in articles:
        lines = texts.setdefault(language_of(article.locale), [])
        lines += [article.title, *article.questions, article.answer]
    return texts


def _add_own(texts: dict[str, list[str]], languages: Collection[str], wording: Wording) -> None:
    """Add to `texts` what the bot itself was given in these `languages`."""
    for language in set(languages) & wording.languages.keys():
        texts.setdefault(language, []).extend(wording.languages[language].texts.values())
    if OWN_LANGUAGE in languages:
        files = (path for path in sorted(NLU_DATA.rglob("*")) if path.suffix in (".yml", ".jsonl"))
        # Word lists stand in a file for each language; what `en.yml` holds conversations hold too.
        files = (path for path in files if not (path.parent / "en.yml").exists())
        texts.setdefault(OWN_LANGUAGE, []).extend(path.read_text(encoding="utf-8") for path in files)
