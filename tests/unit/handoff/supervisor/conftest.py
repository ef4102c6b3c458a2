"""Parts that are real programs, and a keeper whose words can be read."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from handoff.supervisor.backoff import Backoff
from handoff.supervisor.health import Health
from handoff.supervisor.keeper import Keeper, Part, Step
from tests.unit.handoff.supervisor.programs import SERVER, Told, free_port, python


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def make_part() -> Callable[..., Part]:
    def make(name: str, code: str = SERVER, *, gives_up_after: int | None = None) -> Part:
        port = free_port()
        return Part(
            name=name,
            argv=python(code, str(port)),
            env=dict(os.environ),
            health=Health("127.0.0.1", port, "/"),
            ready=lambda seconds: (f"{name} is ready",),
            gives_up_after=gives_up_after,
        )

    return make


@pytest.fixture
def make_keeper(told: Told) -> Callable[..., Keeper]:
    def make(
        *parts: Part,
        steps: tuple[Step, ...] = (),
        steps_done: Callable[[], None] = lambda: None,
        grace: float = 5.0,
    ) -> Keeper:
        return Keeper(
            parts=parts,
            steps=steps,
            steps_done=steps_done,
            say=told.say,
            forward=told.forward,
            grace=grace,
            backoff=lambda: Backoff(first=0.01, last=0.05),
        )

    return make
