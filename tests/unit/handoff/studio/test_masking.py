"""What is personal in a text, what is not, and that looking takes no longer than the text is long."""

from __future__ import annotations

import time

import pytest

from handoff.studio.masking import MOST, PLACEHOLDERS, find_personal, mask, without_placeholders

MASKED = [
    ("en", "mail me at anna.müller+x@exämple.co.uk, please", "mail me at [email], please"),
    ("de", "write to bob (at) web.de!", "write to [email]!"),
    ("de", "call +49 30 901820 now", "call [phone] now"),
    ("de", "call 0049 30 901820 now", "call [phone] now"),
    ("de", "Telefon 030/901820-12", "Telefon [phone]"),
    ("en", "ring 07911 123456", "ring [phone]"),
    ("en", "it is (415) 555-2671", "it is [phone]"),
    ("en", "card 4111 1111 1111 1111.", "card [card]."),
    ("ar", "٤١١١١١١١١١١١١١١١", "[card]"),
    ("de", "IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [account] please"),
    ("en", "iban gb82west12345698765432", "iban [account]"),
    ("en", "see https://shop.example/reset?token=abc.", "see https://shop.example/reset[…]."),
    ("en", "https://me:secret@shop.example/a", "https://[…]shop.example/a"),
    ("en", "https://shop.example/t/9f8a7b6c5d4e3f2a1b0c9d", "https://shop.example/t/[…]"),
    ("en", "Hi, my name is Anna Müller and I wait", "Hi, my name is [name] and I wait"),
    ("en", "my name is anna, where is it", "my name is [name], where is it"),
    ("de", "Ich heiße Peter von der Heide. Wo", "Ich heiße [name]. Wo"),
    ("fr", "Je m\u2019appelle Zoé, bonjour", "Je m\u2019appelle [name], bonjour"),
    ("ru", "меня зовут Иван Петров.", "меня зовут [name]."),
    ("ar", "اسمي محمد وأريد", "اسمي [name] وأريد"),
    ("ja", "私の名前は田中、はい", "私の名前は[name]、はい"),
    ("de", "Wo ist es?\nViele Grüße\nAnna Schmidt", "Wo ist es?\nViele Grüße\n[name]"),
    ("de", "an Marktstraße 5, 10115 Berlin bitte", "an [address] bitte"),
    ("en", "to 221B Baker Street, London", "to [address], London"),
    ("fr", "12 bis, rue de la Paix", "[address]"),
    ("es", "Calle de Alcalá 50", "[address]"),
    ("en", "SW1A 1AA", "[address]"),
]

KEPT = [
    ("de", "order 4711-12345678"),
    ("en", "order 12345678901234"),
    ("en", "order #0301234567"),
    ("en", "order 100-200-3000"),
    ("en", "card 4111 1111 1111 1112"),
    ("de", "DE88 3704 0044 0532 0130 00"),
    ("en", "ZZ89 3704 0044 0532 0130 00"),
    ("en", "2026-11-30 at 12:30 for 12.99, 3 of 1000"),
    ("en", "https://shop.example/returns"),
    ("en", "a@b and @anna"),
    ("en", "my name is wrong on the invoice"),
    ("de", "Das Paket ist seit 5 Tagen weg 5 Stück"),
    ("en", "Thanks, how do I return this?"),
    ("en", "I am waiting for 2 Big parcels"),
    ("en", ""),
]


@pytest.mark.parametrize(("locale", "text", "masked"), MASKED)
def test_what_proves_itself_is_masked(locale: str, text: str, masked: str) -> None:
    assert mask(text, locale=locale) == masked


@pytest.mark.parametrize(("locale", "text"), KEPT)
def test_what_may_be_something_else_is_kept(locale: str, text: str) -> None:
    assert find_personal(text, locale=locale) == []
    assert mask(text, locale=locale) == text


def test_places_are_those_of_the_text() -> None:
    text = "Anna: a@b.de, +49 30 901820"
    assert [(span.kind, text[span.start : span.end]) for span in find_personal(text)] == [
        ("email", "a@b.de"),
        ("phone", "+49 30 901820"),
    ]


def test_whoever_is_known_is_masked_by_name() -> None:
    text = "I am rose miller. Rose again, and a rose for Mrs Miller"
    known = ("Rose Miller",)
    assert mask(text, known=known) == "I am [name]. [name] again, and a rose for Mrs [name]"


def test_what_overlaps_is_covered_whole() -> None:
    assert mask("https://shop.example/?mail=a@b.de&x=1 end") == "https://shop.example/[…] end"


def test_a_masked_text_is_left_as_it_is() -> None:
    for placeholder in PLACEHOLDERS.values():
        assert mask(f"at {placeholder}, yes") == f"at {placeholder}, yes"


def test_placeholders_can_be_taken_out() -> None:
    assert without_placeholders("My name is [name], where is it? [phone]") == "My name is, where is it?"
    assert without_placeholders("[email]") == ""


@pytest.mark.parametrize(
    "part",
    ["a", "1", "1 ", "@", "a@", "Aa ", "my name is ", "A-", "www.", "http://a/", "a.", "Rue ", "1 A ", "straße",
     "DE89", "\u0660", "a(at)", "Straße 1 ", "+1 ", "5 Aaa ", "0301234567 ", "+4930901820 ", "Thanks\n", "(", "[name]"],
)  # fmt: skip
def test_hostile_texts_take_no_longer_than_others(part: str) -> None:
    text = part * (2 * MOST // len(part))
    began = time.process_time()
    find_personal(text, known=("A A", "Aa Bb"))
    # Some milliseconds. Backtracking would take minutes.
    assert time.process_time() - began < 2.0
