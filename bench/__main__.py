"""`./baton bench NAME`: one module for each benchmark."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

from bench.programs import BenchError
from bench.report import say
from handoff.cli.arguments import split_home

BENCHMARKS: Final = {
    "turn": "a question to its answer through the whole product, beside two uses of Rasa",
    "relay": "a customer's words to the agent, durable, beside a bare websockets relay",
    "sockets": "the memory of idle customers' sockets, beside a bare websockets server",
    "kb": "single questions to an index of N passages, beside exact search",
    "retrain": "one example more, until intents and index both know it, beside `rasa train`; turns during the swap",
    "growth": "a turn in conversations of 10, 100 and 1,000 messages, beside Rasa",
    "studio": "what an editor waits for with thousands of articles, and everybody else during an import",
    "faults": "words while processes are killed and sockets cut: lost, doubled and out of order must be 0",
    "fuzz": "generated frames, right and wrong, at both sockets: nothing may break, leak or go wrong",
}
"""Names and what they measure; each is a module of this package with `run(arguments, home) -> exit code`."""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark that is named. Returns the exit code: 2 where none is."""
    home, rest = split_home(arguments)
    name = next((word for word in rest if not word.startswith("-")), None)
    if name not in BENCHMARKS:
        say(
            f"there is no benchmark {name!r}"
            if name
            else "which benchmark? ./baton bench NAME [--json] [--home DIR]"
        )
        for known, what in BENCHMARKS.items():
            say(f"  {known:10} {what}")
        return 2
    rest.remove(name)
    # Unhandled it would end this process alone: the servers under measurement would go on.
    signal.signal(signal.SIGTERM, _leave)
    run: Callable[[Sequence[str], Path | None], int] = import_module(f"bench.{name}").run
    try:
        return run(rest, None if home is None else Path(home))
    except BenchError as failure:
        say(str(failure))
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 1


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
