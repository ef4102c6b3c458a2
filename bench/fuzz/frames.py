"""Frames to send at a socket: right ones from the frame models, the same with something wrong, and no frames at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from types import UnionType
from typing import Any, Final, Literal, get_args

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bench.fuzz.schemas import ANYTHING, values_for
from handoff.wire.frames import AgentFrame, CustomerFrame

Side = Literal["customer", "agent"]
FRAMES: Final[dict[Side, UnionType]] = {"customer": CustomerFrame, "agent": AgentFrame}
MUTATIONS_OF_EACH: Final = 9
"""Frames made of each drawn one by changing its characters; drawing costs far more than sending."""


@dataclass(frozen=True, slots=True)
class Known:
    """What exists in the relay, so that frames are about something: without it each would be `not_found`."""

    conversations: Sequence[str]
    choices: Sequence[str] = ("human", "relay:ask_bot", "relay:wait")


@cache
def right_frames(side: Side) -> st.SearchStrategy[dict[str, Any]]:
    """Frames that the models of one side allow, any type but `hello`."""
    models = [m for m in get_args(FRAMES[side]) if get_args(m.model_fields["type"].annotation)[0] != "hello"]
    return st.one_of(*(_of_model(model) for model in models))


def _of_model(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    schema = model.model_json_schema()
    frames: st.SearchStrategy[dict[str, Any]] = values_for(schema, schema.get("$defs", {}))
    return frames


@st.composite
def wrong_frames(draw: st.DrawFn, side: Side) -> Any:
    """A right frame with one thing wrong, or JSON that is no frame."""
    frame = draw(right_frames(side))
    match draw(st.integers(0, 4)):
        case 0:
            del frame[draw(st.sampled_from(sorted(frame)))]
        case 1:
            frame[draw(st.text(max_size=12))] = draw(ANYTHING)
        case 2:
            frame[draw(st.sampled_from(sorted(frame)))] = draw(ANYTHING)
        case 3:
            frame["type"] = draw(st.sampled_from(("hello", "welcome", "ack", "event", "claim", "end", "")))
        case _:
            return draw(ANYTHING)
    return frame


def right_messages(side: Side) -> st.SearchStrategy[str | bytes]:
    """Right frames as text."""
    return right_frames(side).map(_text)


def any_messages(side: Side) -> st.SearchStrategy[str | bytes]:
    """Right frames, wrong ones, text and bytes."""
    return st.one_of(
        right_messages(side),
        wrong_frames(side).map(_text),
        wrong_frames(side).map(_text),
        st.text(max_size=200),
        st.binary(max_size=200),
    )


def _about(text: str | bytes, rng: Random, known: Known) -> str | bytes:
    """A right frame about something that exists, and now and then under a `client_id` that was used before."""
    frame = json.loads(text)
    if "conversation_id" in frame and rng.random() < 0.8:
        frame["conversation_id"] = rng.choice(known.conversations)
    if frame.get("choice") is not None and rng.random() < 0.8:
        frame["choice"] = rng.choice(known.choices)
    if "client_id" in frame:
        number = rng.randrange(50) if rng.random() < 0.1 else rng.getrandbits(64)
        frame["client_id"] = f"client-id-{number:020}"
    return _text(frame)


def _text(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False)


def draw_messages(side: Side, known: Known, count: int, from_seed: int, *, right: bool) -> list[str | bytes]:
    """`count` messages, the same ones for the same seed, each drawn one followed by variants of it.

    The variants of right frames are right: about other conversations, under other ids. The others' are mutations.
    """
    drawn: list[str | bytes] = []
    most = max(count // (1 + MUTATIONS_OF_EACH), 1)

    @seed(from_seed)
    @settings(
        max_examples=max(most // 10, 1),
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(right_messages(side) if right else any_messages(side), min_size=10, max_size=12))
    def collect(some: list[str | bytes]) -> None:
        drawn.extend(some)

    collect()
    rng = Random(from_seed)
    made: list[str | bytes] = []
    while len(made) < count:
        for message in drawn:
            if not right:
                made.append(message)
            made += (
                _about(message, rng, known) if right else mutated(message, rng)
                for _ in range(MUTATIONS_OF_EACH)
            )
    return made[:count]


def mutated(message: str | bytes, rng: Random) -> str | bytes:
    """The message with some of its characters removed, repeated, swapped, or changed."""
    if isinstance(message, bytes):
        return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 40)))
    if not message:
        return "{"
    start = rng.randrange(len(message))
    end = min(len(message), start + rng.choice((1, 1, 2, 8, 64)))
    part = message[start:end]
    match rng.randrange(5):
        case 0:
            return message[:start] + message[end:]
        case 1:
            return message[:end] + part + message[end:]
        case 2:
            return message[:start]
        case 3:
            return (
                message[:start]
                + rng.choice(('"', "{", "}", "\\", "\x00", "\ud800", "9" * 30, "😀", "null"))
                + message[end:]
            )
        case _:
            return message[:start] + part[::-1] + message[end:]
