"""Frames to send at a socket: right ones from the frame models, the same with something wrong, and no frames at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from types import UnionType
from typing import Any, Final, Literal, get_args

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bench.fuzz.schemas import ANYTHING, values_for
from handoff.wire.frames import AgentFrame, CustomerFrame

Side = Literal["customer", "agent"]
FRAMES: Final[dict[Side, UnionType]] = {"customer": CustomerFrame, "agent": AgentFrame}
MUTATIONS_OF_EACH: Final = 3
"""Frames made of each drawn one by changing its characters; drawing costs far more than sending."""


@dataclass(frozen=True, slots=True)
class Known:
    """What exists in the relay, so that frames are about something: without it each would be `not_found`."""

    conversations: Sequence[str]
    choices: Sequence[str] = ("human", "relay:ask_bot", "relay:wait")


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


def messages(side: Side, known: Known) -> st.SearchStrategy[str | bytes]:
    """What to send: right frames, wrong ones, text and bytes."""
    right = st.builds(_about, right_frames(side), st.randoms(use_true_random=False), st.just(known))
    return st.one_of(
        right.map(_text),
        right.map(_text),
        wrong_frames(side).map(_text),
        wrong_frames(side).map(_text),
        st.text(max_size=200),
        st.binary(max_size=200),
    )


def _about(frame: dict[str, Any], rng: Random, known: Known) -> dict[str, Any]:
    if "conversation_id" in frame and rng.random() < 0.8:
        frame["conversation_id"] = rng.choice(known.conversations)
    if frame.get("choice") is not None and rng.random() < 0.8:
        frame["choice"] = rng.choice(known.choices)
    if "client_id" in frame and rng.random() < 0.1:
        # Few enough that some commands meet their own client_id again.
        frame["client_id"] = f"client-id-{rng.randrange(50):08}"
    return frame


def _text(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False)


def draw_messages(side: Side, known: Known, count: int, from_seed: int) -> list[str | bytes]:
    """At least `count` messages, the same ones for the same seed: drawn ones, each followed by mutations of it."""
    drawn: list[str | bytes] = []

    @seed(from_seed)
    @settings(
        max_examples=max(count // (10 * (1 + MUTATIONS_OF_EACH)), 1),
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(messages(side, known), min_size=10, max_size=20))
    def collect(some: list[str | bytes]) -> None:
        drawn.extend(some)

    collect()
    rng = Random(from_seed)
    made: list[str | bytes] = []
    while len(made) < count:
        for message in drawn:
            made.append(message)
            made += (mutated(message, rng) for _ in range(MUTATIONS_OF_EACH))
    return made


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
