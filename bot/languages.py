"""Which language a customer writes, and whether the articles cover it.

The detector is lingua's, with letter triples alone: 30 languages in 50 MB, loaded in a fifth of a second, where its
full models take 590 MB and 7 s. Triples alone would take "is my pin the same as my passcode" for Afrikaans. So a
message counts as foreign only if besides most of its words are none that the articles or the bot's own texts know
in a language they cover; that holds in any language, needs no list of stop words, and lets names, product codes,
"merci" and messages in two languages go the usual way.

Measured (tests/unit/bot/test_languages.py has the sentences): see ARCHITECTURE, "Languages".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from lingua import IsoCode639_1, Language, LanguageDetector, LanguageDetectorBuilder

from kb_index.languages import fold, is_unspaced, language_of, script_of, vocabulary, words

TOLD_APART: Final = (
    *(
        "en",
        "de",
        "fr",
        "es",
        "pt",
        "it",
        "nl",
        "pl",
        "sv",
        "da",
        "nb",
        "fi",
        "cs",
        "ro",
        "hu",
        "tr",
        "vi",
        "id",
    ),
    *("ru", "uk", "bg", "el", "ar", "he", "fa", "hi", "zh", "ja", "ko", "th"),
)
"""Languages that are looked for whatever the content is. All 75 of the library find no more and confuse more: Dutch
with Afrikaans, Polish with Welsh (94 instead of 98 % named rightly)."""

SIBLINGS: Final = (
    frozenset(("da", "nb", "nn", "sv")),
    frozenset(("cs", "sk")),
    frozenset(("bs", "hr", "sr")),
    frozenset(("ms", "id")),
    frozenset(("es", "ca", "gl", "pt")),
    frozenset(("ru", "uk", "bg", "be", "mk")),
)
"""Languages that short texts do not tell apart: where one is covered, none of its siblings is called foreign."""

READ: Final = 600
"""Characters that are looked at; words and detector are sure long before, and 4,000 would cost 6 ms."""

FOREIGN: Final = 0.05
"""A foreign message is of a covered language with at most this probability, ..."""
NAMED: Final = 0.6
"""... of one other with at least this (`NAMED_SHORT` with fewer than `SHORT` words), ..."""
NAMED_SHORT: Final = 0.9
SHORT: Final = 4
KNOWN: Final = 0.34
"""... at most this share of its words is known from covered languages, ..."""
FEWEST_WORDS: Final = 3
FEWEST_LETTERS: Final = 7
"""... and it has this many words, and letters in unknown words that are not names (do not begin with a capital)."""

EXPECTED: Final = 0.4
"""The same as `NAMED` where the page's own language is the one that is found: likely before a word is read."""

UNSPACED_LETTERS: Final = 4

COVERED: Final = 0.8
"""Among several covered languages one is taken for sure from this probability on."""

_NOT_WORDS: Final = re.compile(
    r"\w+://\S+|www\.\S+|\S+@\S+|<[^<>]{0,300}>|\S*\d\S*"  # addresses, marked-up text, codes
    r"|\"[^\"]*\"|«[^»]*»|“[^”]*”|„[^“”]*[“”]|「[^」]*」"  # what is quoted is not the customer's own
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message's language was found to be.

    `language` is its code where that is certain, else None; `covered` is False only where it is certain that no
    article has it, whatever its name. `locale` is where to look for articles and which words to reply in. `shares` are the likeliest
    languages and `known` the share of words known in covered ones, both for whoever asks why.
    """

    language: str | None
    covered: bool
    locale: str
    shares: tuple[tuple[str, float], ...] = ()
    known: float = 1.0


class Languages:
    """Reads messages for one release. Safe to call from several threads."""

    def __init__(self, texts: Mapping[str, Iterable[str]], *, always: Iterable[str] = TOLD_APART) -> None:
        """`texts`: for each language that the articles cover, texts in it. Its models are loaded here: 0.2 s.

        Without a language, or with one that the detector does not know, nothing is ever called foreign.
        """
        self._hold({language: vocabulary(lines) for language, lines in texts.items()}, tuple(always))

    @property
    def covered(self) -> frozenset[str]:
        """The languages that articles are in."""
        return self._covered

    def revised(self, texts: Mapping[str, Iterable[str]], covered: Collection[str]) -> Languages:
        """The reader for content that covers the languages `covered`, with the words of `texts` beside those known in them.

        Where they are told apart already nothing is loaded.
        """
        known = {
            language: self._known.get(language, frozenset()) | vocabulary(texts.get(language, ()))
            for language in covered
        }
        made = Languages.__new__(Languages)
        made._hold(known, self._always)  # noqa: SLF001
        return made

    def _hold(self, known: Mapping[str, frozenset[str]], always: tuple[str, ...]) -> None:
        self._covered = frozenset(known)
        self._known = known
        self._always = always
        wanted = {code: _language(code) for code in (*always, *sorted(self._covered))}
        able = bool(self._covered) and all(wanted[code] is not None for code in self._covered)
        self._siblings = self._covered.union(*(group for group in SIBLINGS if group & self._covered))
        languages = frozenset(language for language in wanted.values() if language is not None)
        self._detector = _detector(languages) if able else None

    def read(self, text: str, *, locale: str, earlier: str | None = None) -> Reading:
        """The language of `text`. `locale` is the page's, `earlier` what an earlier message was certain to be.

        Where the text says too little, what is in `earlier` counts, else `locale`.
        """
        assumed = locale if earlier is None or language_of(locale) == earlier else earlier
        if self._detector is None:
            return Reading(None, True, assumed)
        said = words(_NOT_WORDS.sub(" ", text[:READ]))
        if not said:
            return Reading(None, True, assumed)
        folded = [fold(word) for word in said]
        known = {name: sum(word in v for word in folded) / len(said) for name, v in self._known.items()}
        unknown = [
            word
            for word, key in zip(said, folded, strict=True)
            if not any(key in v for v in self._known.values())
        ]
        if len(self.covered) == 1 and len(unknown) < len(said) / 2:
            # Nearly every message: the words say it, a tenth of the time that the detector takes.
            (only,) = self.covered
            sure = only if len(said) >= FEWEST_WORDS else None
            return Reading(
                sure, True, assumed if sure is None else _where(only, locale), (), _known(said, unknown)
            )
        shares = _shares(self._detector, " ".join(said))
        told = tuple(
            (name, round(value, 3)) for name, value in sorted(shares.items(), key=lambda s: -s[1])[:3]
        )
        share = _known(said, unknown)
        language = self._covered_language(said, shares, known)
        if language is not None:
            return Reading(language, True, _where(language, locale), told, share)
        foreign = self._foreign_language(said, unknown, shares, language_of(locale))
        if foreign is None:
            return Reading(None, True, assumed, told, share)
        # That it is foreign is surer than what it is called: a doubtful name is not replied in.
        language = foreign if shares[foreign] >= NAMED_SHORT or foreign == language_of(locale) else None
        return Reading(language, False, locale if language is None else _where(language, locale), told, share)

    def _covered_language(
        self, said: list[str], shares: Mapping[str, float], known: Mapping[str, float]
    ) -> str | None:
        """The one covered language that detector and words agree on."""
        total = sum(shares.get(language, 0.0) for language in self.covered)
        if total <= FOREIGN or len(said) < FEWEST_WORDS:
            return None
        best = max(sorted(self.covered), key=lambda language: shares.get(language, 0.0))
        sure = shares.get(best, 0.0) >= COVERED * total and known[best] >= max(known.values())
        return best if sure and known[best] > KNOWN else None

    def _foreign_language(
        self, said: list[str], unknown: list[str], shares: Mapping[str, float], expected: str
    ) -> str | None:
        """The likeliest language where it is certain that no covered one is meant."""
        best = max(shares, key=lambda name: shares[name], default=None)
        if best is None or best in self._siblings or 1.0 - len(unknown) / len(said) > KNOWN:
            return None
        if sum(shares.get(language, 0.0) for language in self.covered) > FOREIGN:
            return None
        needed = NAMED if len(said) >= SHORT else NAMED_SHORT
        if best == expected:
            needed = EXPECTED
        if is_unspaced(script_of(unknown[0][0])):
            enough = sum(len(word) for word in unknown) >= UNSPACED_LETTERS
            needed = min(needed, NAMED)
        else:
            common = sum(len(word) for word in unknown if not word[0].isupper())
            enough = len(said) >= FEWEST_WORDS and common >= FEWEST_LETTERS
        return best if enough and shares[best] >= needed else None


def _known(said: Sequence[str], unknown: Sequence[str]) -> float:
    return round(1.0 - len(unknown) / len(said), 3)


def _where(language: str, locale: str) -> str:
    """`pt-BR` stays `pt-BR` for a message in Portuguese."""
    return locale if language_of(locale) == language else language


@lru_cache(maxsize=4)
def _detector(languages: frozenset[Language]) -> LanguageDetector:
    """One for all releases and editions that are in memory: 40 MB, and safe to call from several threads."""
    detector = LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()
    # Models are read at first use, half a second for all alphabets: here and not in front of a customer.
    for sample in ("the quick brown fox", "съешь же ещё этих", "مرحبا بك في", "नमस्ते आप कैसे"):
        detector.compute_language_confidence_values(sample)
    return detector


def _language(code: str) -> Language | None:
    iso = getattr(IsoCode639_1, code.upper(), None)
    return None if iso is None else Language.from_iso_code_639_1(iso)


def _shares(detector: LanguageDetector, text: str) -> dict[str, float]:
    return {
        value.language.iso_code_639_1.name.lower(): value.value
        for value in detector.compute_language_confidence_values(text)
        if value.value > 0.0
    }
