"""The texts that say which words belong to the languages that a release covers."""

from __future__ import annotations

from collections.abc import Iterable
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
    texts: dict[str, list[str]] = {}
    for article in articles:
        lines = texts.setdefault(language_of(article.locale), [])
        lines += [article.title, *article.questions, article.answer]
    for language in texts.keys() & wording.languages.keys():
        texts[language] += wording.languages[language].texts.values()
    if OWN_LANGUAGE in texts:
        files = (path for path in sorted(NLU_DATA.rglob("*")) if path.suffix in (".yml", ".jsonl"))
        # Word lists are in several languages; `en.yml` holds nothing that conversations do not.
        files = (path for path in files if path.parent.name not in ("lexicon", "follow_ups", "courtesies"))
        texts[OWN_LANGUAGE] += [path.read_text(encoding="utf-8") for path in files]
    return Languages(texts)
