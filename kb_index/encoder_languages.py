"""Which languages an encoder was made for, as far as it says so, and what to tell an editor who needs others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import yaml

from kb_index.languages import language_of

BUNDLED: Final = ("bundled", "bundled-torch")
"""Names of the bundled encoder, all-MiniLM-L6-v2, whose model card says English."""

CARD: Final = "README.md"
_FENCE: Final = "---"


def encoder_languages(spec: str) -> frozenset[str] | None:
    """The languages of the encoder that `spec` names (see `load_encoder`); None where it says nothing.

    A folder's model card names them under `language`, as sentence-transformers and the hubs write it.
    """
    if spec in BUNDLED:
        return frozenset(("en",))
    try:
        card = (Path(spec) / CARD).read_text(encoding="utf-8")
        head = card.split(f"\n{_FENCE}", 1)[0].removeprefix(_FENCE)
        said = (yaml.safe_load(head) or {}).get("language") if card.startswith(_FENCE) else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError):
        return None
    listed = [said] if isinstance(said, str) else said
    if not isinstance(listed, list) or not listed or "multilingual" in listed:
        return None
    return frozenset(language_of(str(name)) for name in listed)


def beyond_encoder(spec: str, locales: Iterable[str]) -> str | None:
    """A warning where articles are in languages that the encoder was not made for; None where all is well.

    It finds their words again and names and loan words, but it does not know that two of their sentences mean the
    same; so it abstains much more, as the threshold is measured on the articles' own questions.
    """
    made_for = encoder_languages(spec)
    if made_for is None:
        return None
    beyond = sorted({language_of(locale) for locale in locales} - made_for)
    if not beyond:
        return None
    return (
        f"There are articles in {', '.join(beyond)}, but the encoder {spec!r} was made for "
        f"{', '.join(sorted(made_for))}: it recognises their words, hardly their meaning, and more will be handed "
        "over. Set BATON_ENCODER to a multilingual sentence-transformers model and train again."
    )
