"""A language that the articles do not cover: told, handed over, and never seen where it is not."""

from __future__ import annotations

import pytest

from tests.integration.bot.running_bot import Bot, Talk


@pytest.mark.parametrize(
    ("text", "locale", "words"),
    [
        ("Guten Tag, ich möchte einen Artikel zurückgeben, der mir zu klein ist.", "en", "auf Deutsch"),
        ("Bonjour, je voudrais annuler ma commande passée hier soir.", "en-GB", "en français"),
        ("Gdzie jest moja paczka? Czekam już drugi tydzień.", "en", "po polsku"),
        ("我的包裹在哪里, 我已经等了两个星期", "en", "中文"),
        # There is a text in no Swahili, so it is said in the page's language.
        ("Ninataka kurudisha bidhaa hii kwa sababu ni ndogo sana kwangu.", "fr", ""),
    ],
)
def test_it_is_told_and_handed_over(talk: Talk, text: str, locale: str, words: str) -> None:
    body = talk.say(text, locale=locale)
    assert (body["decision"]["kind"], body["decision"]["reason"]) in {
        ("escalate", "policy"),
        *([] if words else [("escalate", "low_confidence")]),
    }
    assert words in body["replies"][0]["text"]
    assert body["replies"][0]["choices"] == []
    assert not words or "language" in body["decision"]["slots"]


@pytest.mark.parametrize(
    "text",
    ["ok", "👍", "FG-1000645", "merci beaucoup", "my name is Jürgen Großmann", "hola, where is my parcel"],
)
def test_it_is_not_seen_where_it_is_not(talk: Talk, text: str) -> None:
    assert talk.decide(text)[1] != "policy"


def test_it_closes_an_open_form_unless_it_fills_it(bot: Bot) -> None:
    filling = bot.talk()
    filling.say("can you check my order status")
    assert filling.decide("Meine Bestellnummer lautet FG-1000645, vielen Dank.") == ("task", "order_number")
    leaving = bot.talk()
    leaving.say("can you check my order status")
    assert leaving.decide("Das weiß ich leider nicht, ich finde die Nummer nirgends.") == (
        "escalate",
        "policy",
    )
    assert leaving.decide("FG-1000645") == ("task", "order_number")


def test_explain_tells_the_language(bot: Bot) -> None:
    body = {"text": "Bonjour, je voudrais annuler ma commande passée hier soir."}
    found = bot.request("POST", "/bot/explain", json=body).json()
    assert found["language"]["found"] == "fr"
    assert not found["language"]["covered"]
    assert found["rule"] == "No article covers the language of the message."
