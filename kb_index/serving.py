"""With which values a release serves: chosen after training, stored beside what was trained. Standard library only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

SERVING_FILE: Final = "serving.json"

Voice = Literal["formal", "casual"]
VOICES: Final[tuple[Voice, ...]] = get_args(Voice)
"""How a bot may address customers."""


class ServingError(ValueError):
    """The values cannot be used. `code` is `bad_serving`; the message names the one."""

    code = "bad_serving"


@dataclass(frozen=True, slots=True)
class Serving:
    """None: as it was trained, or as every release has it.

    `risk` is the share of wrong answers that may be given, `unanswerable_share` the share of questions without an article
    that this counts on; the threshold of confidence follows from both. `threshold` in their place is one that somebody
    chose. `frustration_threshold` is the score from which on a conversation goes to a person. `voice` is how customers are
    addressed; None: as the installation's settings say.
    """

    risk: float | None = None
    unanswerable_share: float | None = None
    threshold: float | None = None
    frustration_threshold: float | None = None
    voice: Voice | None = None

    def as_dict(self) -> dict[str, float | str | None]:
        """JSON form, every field present."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: object) -> Serving:
        """What `as_dict` gave, checked; absent fields are None. Raises `ServingError`."""
        if not isinstance(raw, Mapping):
            raise ServingError(f"{SERVING_FILE} must hold an object")
        for name in raw:
            if name not in _RANGES and name != "voice":
                raise ServingError(
                    f"there is no value {str(name)[:50]!r}; known: {', '.join(_RANGES)}, voice"
                )
        numbers = {name: _checked(raw.get(name), name) for name in _RANGES}
        return cls(**numbers, voice=_voice(raw.get("voice")))


_RANGES: Final[Mapping[str, tuple[float, bool, float, bool]]] = {
    "risk": (0.0, False, 1.0, False),
    "unanswerable_share": (0.0, True, 1.0, False),
    "threshold": (0.0, True, 1.0, True),
    "frustration_threshold": (0.0, False, 1.0, True),
}
"""Of each value: its least, whether that is allowed, its greatest, whether that is. A frustration of 1 is never reached."""


def read_serving(folder: Path) -> Serving:
    """The values of the release in `folder`; all None where it has none. Raises `ServingError`."""
    try:
        raw = json.loads((folder / SERVING_FILE).read_bytes())
    except FileNotFoundError:
        return Serving()
    except OSError as error:
        raise ServingError(f"{SERVING_FILE} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise ServingError(f"{SERVING_FILE} is not valid JSON") from None
    return Serving.from_dict(raw)


def serving_text(serving: Serving) -> str:
    """What stands in the file."""
    return json.dumps(serving.as_dict(), indent=2, sort_keys=True) + "\n"


def _voice(value: Any) -> Voice | None:
    if value is None:
        return None
    for voice in VOICES:
        if value == voice:
            return voice
    raise ServingError(f"voice must be one of {', '.join(VOICES)}, not {value!r:.40}")


def _checked(value: Any, name: str) -> float | None:
    if value is None:
        return None
    low, with_low, high, with_high = _RANGES[name]
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not (low <= number <= high) or (number == low and not with_low) or (number == high and not with_high):
        least = "at least" if with_low else "above"
        most = "at most" if with_high else "below"
        raise ServingError(f"{name} must be a number {least} {low:g} and {most} {high:g}, not {value!r:.40}")
    return number
