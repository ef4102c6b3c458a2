"""The runner gives what Rasa's own gives, for the graphs a model has: shared parents, several targets, inputs."""

from __future__ import annotations

from typing import Any

import pytest
from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema, SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage

from bot.graph import InOrderRunner

RUNS: list[str] = []


class Adder(GraphComponent):
    """Adds what it is given and remembers that it ran."""

    def __init__(self, name: str, more: int) -> None:
        self._name = name
        self._more = more

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Adder:
        return cls(execution_context.node_name, config["more"])

    def add(self, first: int, second: int = 0) -> int:
        RUNS.append(self._name)
        return first + second + self._more


def node(needs: dict[str, str], more: int) -> SchemaNode:
    return SchemaNode(
        needs=needs, uses=Adder, constructor_name="create", fn="add", config={"more": more}, eager=True
    )


SCHEMA = GraphSchema(
    {
        # Named so that alphabetical order is not the order they depend on each other.
        "z": node({"first": "given"}, 1),
        "a": node({"first": "z"}, 10),
        "b": node({"first": "z", "second": "a"}, 100),
        "target": node({"first": "b", "second": "a"}, 1000),
        "aside": node({"first": "other"}, 5),
    }
)


@pytest.fixture
def runners(tmp_path: Any) -> tuple[InOrderRunner, DaskGraphRunner]:
    RUNS.clear()
    storage = LocalModelStorage(tmp_path)
    context = ExecutionContext(SCHEMA, "test")
    return (
        InOrderRunner.create(SCHEMA, storage, context),
        DaskGraphRunner.create(SCHEMA, storage, context),
    )


@pytest.mark.parametrize("targets", [["target"], ["a"], ["b", "target"], ["target", "z"]])
def test_it_gives_what_rasas_runner_gives(
    runners: tuple[InOrderRunner, DaskGraphRunner], targets: list[str]
) -> None:
    ours, rasas = runners
    for given in (1, 7):
        assert ours.run({"given": given}, targets) == rasas.run({"given": given}, targets)


def test_each_node_runs_once_and_none_that_is_not_needed(
    runners: tuple[InOrderRunner, DaskGraphRunner],
) -> None:
    assert runners[0].run({"given": 1}, ["target"]) == {"target": 1 + 1 + 1 + 12 - 1 + 100 + 12 + 1000}
    assert RUNS == ["z", "a", "b", "target"]


def test_a_missing_input_is_named(runners: tuple[InOrderRunner, DaskGraphRunner]) -> None:
    with pytest.raises(GraphRunError, match="other"):
        runners[0].run({"given": 1}, ["aside"])
