"""Runs the nodes of a loaded model one after another, in an order worked out once.

Rasa hands its graph to dask for every parse and every prediction; dask orders, schedules and wraps some twenty
small calls anew each time, which costs more than most of the calls themselves. The nodes are the same objects
here, called with the same arguments.
"""

from __future__ import annotations

from typing import Any

from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import ExecutionContext, GraphNode, GraphNodeHook, GraphSchema
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.runner.interface import GraphRunner
from rasa.engine.storage.storage import ModelStorage

Step = tuple[str, GraphNode, tuple[str, ...]]
"""A node's name, the node, and the names of what it needs."""


class InOrderRunner(GraphRunner):
    """A `GraphRunner` for prediction: no parallel branches, one plan for each set of targets."""

    def __init__(self, schema: GraphSchema, nodes: dict[str, GraphNode]) -> None:
        self._schema = schema
        self._nodes = nodes
        self._plans: dict[tuple[str, ...], list[Step]] = {}

    @classmethod
    def create(
        cls,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: list[GraphNodeHook] | None = None,
    ) -> InOrderRunner:
        """A runner with nodes of its own."""
        return cls.over(DaskGraphRunner.create(graph_schema, model_storage, execution_context, hooks))

    @classmethod
    def over(cls, loaded: DaskGraphRunner) -> InOrderRunner:
        """A runner for the nodes that Rasa has loaded; it offers no other way to choose the runner of a model."""
        return cls(loaded._graph_schema, loaded._instantiated_nodes)  # noqa: SLF001

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        """The output of each target.

        Raises:
            GraphRunError: a node needs an input that was not given.
        """
        wanted = tuple(targets or self._schema.target_names)
        plan = self._plans.get(wanted)
        if plan is None:
            plan = self._plans[wanted] = self._plan(wanted)
        results: dict[str, tuple[str, Any]] = {name: (name, value) for name, value in (inputs or {}).items()}
        for name, node, needs in plan:
            try:
                received = [results[need] for need in needs]
            except KeyError as missing:
                raise GraphRunError(f"node '{name}' needs {missing}, which is not among the inputs") from None
            results[name] = node(*received)
        return {name: results[name][1] for name in wanted}

    def _plan(self, targets: tuple[str, ...]) -> list[Step]:
        schema = self._schema.minimal_graph_schema(list(targets))
        plan: list[Step] = []
        placed: set[str] = set()

        def place(name: str) -> None:
            if name in placed or name not in schema.nodes:
                return
            placed.add(name)
            needs = tuple(dict.fromkeys(schema.nodes[name].needs.values()))
            for need in needs:
                place(need)
            plan.append((name, self._nodes[name], needs))

        for target in targets:
            place(target)
        return plan
