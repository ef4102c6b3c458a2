"""Numbers and addresses of the net that belong to a person: e-mail, links, cards, bank accounts, telephones. Pure.

Only what proves itself counts: a check sum, a country's numbering plan, an @. A bare row of digits may as well be an order's
number, which an editor needs to see, so it stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import phonenumbers

from handoff.studio.spans import Span

_LOCAL, _DOMAIN = 64, 255
"""Characters of an e-mail address before and after its @, by RFC 5321."""
_BEFORE_AT: Final = re.compile(r"[^\s@<>()\[\]{},;:\"'|\\/?&=]+\Z")
# The user of a link and not of an address.
_BEFORE_USER: Final = re.compile(r"://[^/\s@]*\Z")
_AFTER_AT: Final = re.compile(r"[^\W_](?:[\w-]{0,62}\.){1,8}[^\W\d_]{2,24}")
# Written so that programs do not find it; nothing else is written like that.
_HIDDEN_AT: Final = re.compile(
    r"\b[\w.+-]{1,64} ?(?:\(at\)|\[at\]|\{at\}) ?[\w-]{1,63}"
    r"(?: ?(?:\.|\(dot\)|\[dot\]|\(punkt\)) ?[\w-]{1,63}){1,4}",
    re.IGNORECASE,
)

_LINK: Final = re.compile(r"\b(?:https?://|www\.)[^\s<>\"']{1,2000}", re.IGNORECASE)
_USER_OF_LINK: Final = re.compile(r"(?<=://)[^/\s@]{1,200}@")
_SECRET_OF_LINK: Final = re.compile(r"[?#;].*|(?<=/)(?=[^/]*\d)(?=[^/]*[A-Za-z])[\w.~%+=-]{20,}.*", re.DOTALL)
_SENTENCE_END: Final = ".,;:!?)]}'\"*"

_DIGITS: Final = re.compile(r"(?<![\w+])\d(?:[ \u00a0-]?\d){11,18}(?![\w])")
_CARDS: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
    r"|(?:50|5[6-9]|6[0-9])\d{10,17}"
)

_IBAN: Final = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}")
# Registered lengths (ISO 13616). An account of a country that is not here is not certain.
_IBAN_LENGTHS: Final = dict(
    pair.split(":")
    for pair in [
        "AD:24",
        "AE:23",
        "AL:28",
        "AT:20",
        "AZ:28",
        "BA:20",
        "BE:16",
        "BG:22",
        "BH:22",
        "BR:29",
        "BY:28",
        "CH:21",
        "CR:22",
        "CY:28",
        "CZ:24",
        "DE:22",
        "DK:18",
        "DO:28",
        "EE:20",
        "EG:29",
        "ES:24",
        "FI:18",
        "FO:18",
        "FR:27",
        "GB:22",
        "GE:22",
        "GI:23",
        "GL:18",
        "GR:27",
        "GT:28",
        "HR:21",
        "HU:28",
        "IE:22",
        "IL:23",
        "IQ:23",
        "IS:26",
        "IT:27",
        "JO:30",
        "KW:30",
        "KZ:20",
        "LB:28",
        "LC:32",
        "LI:21",
        "LT:20",
        "LU:20",
        "LV:21",
        "LY:25",
        "MC:27",
        "MD:24",
        "ME:22",
        "MK:19",
        "MN:20",
        "MR:27",
        "MT:31",
        "MU:30",
        "NI:28",
        "NL:18",
        "NO:15",
        "PK:24",
        "PL:28",
        "PS:29",
        "PT:25",
        "QA:29",
        "RO:24",
        "RS:22",
        "RU:33",
        "SA:24",
        "SC:31",
        "SD:18",
        "SE:24",
        "SI:19",
        "SK:24",
        "SM:27",
        "SO:23",
        "ST:25",
        "SV:28",
        "TL:23",
        "TN:24",
        "TR:26",
        "UA:29",
        "VA:22",
        "VG:24",
        "XK:20",
        "YE:30",
    ]
)

_PHONE: Final = re.compile(r"(?<![\w/#.,-])(?:\+|\(\+?)?\d(?:[ \u00a0()/.-]{0,3}\d){6,16}(?![\w#])")
_AMERICAN: Final = re.compile(r"(?:\+?1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}")
_FEWEST_DIGITS: Final = 7
_MOST_LOOKED_UP: Final = 50
"""Numbers in one text that are looked up in the plans, 0.1 ms each; what follows in the form of one is taken for one."""
_REGIONS: Final = {
    "de": ("DE", "AT", "CH"),
    "en": ("GB", "AU", "NZ", "IE", "ZA"),
    "fr": ("FR", "BE", "CH"),
    "es": ("ES",),
    "it": ("IT",),
    "nl": ("NL", "BE"),
    "pt": ("PT", "BR"),
    "pl": ("PL",),
    "sv": ("SE",),
    "da": ("DK",),
    "tr": ("TR",),
    "ru": ("RU",),
    "ja": ("JP",),
    "zh": ("CN",),
}
"""Countries whose numbers are looked for in national form, by the language of the site or the conversation."""


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses, in any script, also with `(at)`."""
    at = text.find("@")
    while at != -1:
        before = _BEFORE_AT.search(text[max(0, at - _LOCAL) : at])
        after = _AFTER_AT.match(text[at + 1 : at + 1 + _DOMAIN])
        if before is not None and after is not None:
            start = at - len(before.group())
            if _BEFORE_USER.search(text[max(0, start - _LOCAL) : start]) is None:
                yield Span("email", start, at + 1 + after.end())
        at = text.find("@", at + 1)
    if "at" in text.casefold():
        for found in _HIDDEN_AT.finditer(text):
            yield Span("email", *found.span())


def links(text: str) -> Iterator[Span]:
    """What of a web address may open something: its user, query, fragment, and whatever looks drawn by lot in its path."""
    for found in _LINK.finditer(text):
        link = found.group().rstrip(_SENTENCE_END)
        start = found.start()
        user = _USER_OF_LINK.search(link)
        if user is not None:
            yield Span("link", start + user.start(), start + user.end())
        secret = _SECRET_OF_LINK.search(link)
        if secret is not None and secret.end() - secret.start() > 1:
            yield Span("link", start + secret.start(), start + secret.end())


def cards(text: str) -> Iterator[Span]:
    """Numbers of payment cards: a known issuer's, with the right check digit (Luhn)."""
    for found in _DIGITS.finditer(text):
        digits = _ascii_digits(found.group())
        if _CARDS.fullmatch(digits) and _luhn(digits):
            yield Span("card", *found.span())


def ibans(text: str) -> Iterator[Span]:
    """Bank accounts: of a country that has IBANs of that length, with the right check digits (mod 97)."""
    for found in _IBAN.finditer(text):
        length = int(_IBAN_LENGTHS.get(found.group()[:2].upper(), "0"))
        if not length:
            continue
        end = _end_of(found.group(), length)
        if end is None or text[found.start() + end : found.start() + end + 1].isalnum():
            continue
        code = re.sub(r"[ \u00a0-]", "", found.group()[:end]).upper()
        if int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1:
            yield Span("iban", found.start(), found.start() + end)


def phones(text: str, language: str) -> Iterator[Span]:
    """Telephone numbers: international ones, and national ones that their country's plan has and that are written as such."""
    looked_up = 0
    for found in _PHONE.finditer(text):
        shown = found.group()
        digits = _ascii_digits(shown)
        if len(digits) < _FEWEST_DIGITS:
            continue
        looked_up += 1
        if looked_up > _MOST_LOOKED_UP:
            is_phone = shown.lstrip("(").startswith(("+", "0"))
        elif shown.lstrip("(").startswith("+"):
            is_phone = _is_valid("+" + digits, None)
        elif digits.startswith("00"):
            is_phone = _is_valid("+" + digits[2:], None)
        elif digits.startswith("0"):
            is_phone = any(_is_valid(digits, region) for region in _REGIONS.get(language, ("DE", "GB", "FR")))
        else:
            is_phone = _AMERICAN.fullmatch(shown) is not None and _is_valid(digits, "US")
        if is_phone:
            yield Span("phone", *found.span())


def _end_of(shown: str, length: int) -> int | None:
    """Where `length` letters and digits of `shown` end."""
    seen = 0
    for place, sign in enumerate(shown):
        seen += sign.isalnum()
        if seen == length:
            return place + 1
    return None


def _ascii_digits(shown: str) -> str:
    # `\d` finds the digits of every script.
    return "".join(str(int(sign)) for sign in shown if sign.isdecimal())


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_valid(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
