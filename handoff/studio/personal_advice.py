"""A doubt about an article that is being written: somebody's personal data in what everybody may be asked or shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from handoff.studio.advice import Advice
from handoff.studio.masking import Kind, find_personal
from kb_index.article import Article

_WORDS: Final[dict[Kind, str]] = {
    "email": "an e-mail address",
    "phone": "a telephone number",
    "card": "the number of a payment card",
    "iban": "a bank account",
    "link": "a link that may open something of somebody's",
    "name": "somebody's name",
    "address": "an address",
}


def personal_data(article: Article) -> Iterator[Advice]:
    """Personal data in the title or a question. The answer may well name the site's own address and number."""
    for index, text in enumerate((article.title, *article.questions)):
        found = find_personal(text, locale=article.locale)
        if found:
            told = " and ".join(dict.fromkeys(_WORDS[span.kind] for span in found))
            field, place = ("title", None) if index == 0 else ("questions", index - 1)
            yield Advice(
                "personal_data", f"This holds {told}. Write it as anybody would ask it.", field, index=place
            )
