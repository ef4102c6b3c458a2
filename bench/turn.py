"""`bench turn`: a customer's frame in to the answer's frame out, through the whole product, beside two uses of Rasa.

Three systems run at once on the same articles; one at a time is measured, in rounds that begin with another system
each. In a round every system is asked the same questions, first by one customer, then by 32 at once; no question
comes twice in a run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from bench import product
from bench.bot_time import BotTurns, read_bot_turns
from bench.load import Outcome, Plan, from_json
from bench.programs import BOT_PYTHON, BenchError, Program, answers, free_port, generated, used_between
from bench.questions import Question, endless, read_questions
from bench.rasa_project import RASA_INIT, RASA_LR, Peer, read_articles, trained
from bench.report import machine, percentile, ratio, result, rounded, say, spread
from handoff.settings import PROJECT_ROOT

STORE: Final = PROJECT_ROOT / ".envs" / "bench"
MANY: Final = 32
TURNS: Final = 4
"""Questions of one conversation: a fresh one and three that follow."""

ALONE_CONVERSATIONS: Final = 10
MANY_CONVERSATIONS: Final = 96
WARM_UP_CONVERSATIONS: Final = 8
ROUNDS: Final = 5
SEED: Final = 20
READY_LIMIT_S: Final = 180.0


@dataclass
class Measured:
    """What one system did at one number of customers, one entry a round."""

    outcomes: list[Outcome] = field(default_factory=list)
    cpu_s: float = 0.0
    bot: BotTurns = field(default_factory=BotTurns)

    @property
    def latencies(self) -> list[float]:
        return [turn.ms for outcome in self.outcomes for turn in outcome.turns]

    @property
    def asked(self) -> int:
        return sum(len(outcome.turns) + len(outcome.failures) for outcome in self.outcomes)


@dataclass
class System:
    """A running system under measurement."""

    name: str
    kind: Literal["baton", "rasa"]
    url: str
    program: Program
    alone: Measured = field(default_factory=Measured)
    many: Measured = field(default_factory=Measured)
    expected: dict[str, str] = field(default_factory=dict)
    """The article of each text that was asked."""

    def ask(self, questions: Sequence[Question], customers: int, into: Measured) -> None:
        """Have a load generator ask. Raises `BenchError` where it could not run."""
        self.expected |= {question.text: question.article_id for question in questions}
        texts = [question.text for question in questions]
        scripts = [texts[start : start + TURNS] for start in range(0, len(texts), TURNS)]
        before, counted = self.program.usage(), self._bot_turns()
        into.outcomes.append(generate(Plan(self.kind, self.url, customers, scripts)))
        into.cpu_s += used_between(before, self.program.usage())
        into.bot += self._bot_turns() - counted

    def _bot_turns(self) -> BotTurns:
        return read_bot_turns(self.url) if self.kind == "baton" else BotTurns()


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command `bench turn`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="baton bench turn", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"rounds of measurement (default {ROUNDS})"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="decides the order of the questions")
    given = parser.parse_args(arguments)
    store = home if home is not None else STORE
    where = machine()
    with ExitStack() as stack:
        systems = start(store, stack)
        questions = endless(read_questions(), given.seed)
        for number in range(-1, given.rounds):
            measure(systems, questions, number)
        result(figures(systems, where), as_json=given.json)
    # A peer that failed some questions is still a figure; Baton may fail none.
    baton = systems[0]
    return 1 if any(outcome.failures for outcome in (*baton.alone.outcomes, *baton.many.outcomes)) else 0


def start(store: Path, stack: ExitStack) -> list[System]:
    """Train what is not trained, then start all three; `stack` stops them."""
    articles = read_articles()
    say("training, where nothing is kept from before (Rasa's DIET and TED take some minutes)")
    home = product.trained_home(store)
    peers = [(peer, trained(peer, articles, store)) for peer in (RASA_INIT, RASA_LR)]
    work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="baton-bench-")))
    logs = store / "logs"
    say("starting Baton and its peers")
    program, url = product.serve(home, work / "home", logs / "baton.log")
    stack.callback(program.stop)
    systems = [System("baton", "baton", url, program)]
    for peer, model in peers:
        rasa, url = serve_rasa(peer, model, work / peer.name, logs)
        stack.callback(rasa.stop)
        systems.append(System(peer.name, "rasa", url, rasa))
    product.wait_until_ready(program, systems[0].url)
    for system in systems[1:]:
        ready = f"{system.url}/status"
        system.program.wait_until(lambda ready=ready: answers(ready), READY_LIMIT_S)  # type: ignore[misc]
    return systems


def serve_rasa(peer: Peer, model: Path, folder: Path, logs: Path) -> tuple[Program, str]:
    """Start `rasa run` on the loopback with the peer's model and a tracker store of its own in `folder`."""
    folder.mkdir()
    port = free_port()
    argv = [
        str(BOT_PYTHON),
        "-P",
        "-m",
        "rasa",
        "run",
        "--quiet",
        "--enable-api",
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    for option, name in (
        ("-m", "model.tar.gz"),
        ("--endpoints", "endpoints.yml"),
        ("--credentials", "credentials.yml"),
    ):
        argv += [option, str(model / name)]
    return Program(peer.title, argv, cwd=folder, log=logs / f"{peer.name}.log"), f"http://127.0.0.1:{port}"


def measure(systems: Sequence[System], questions: Iterator[Question], number: int) -> None:
    """One round; round -1 warms everything up and is forgotten."""
    if number < 0:
        conversations = ((WARM_UP_CONVERSATIONS, 1), (MANY, MANY))
    else:
        conversations = ((ALONE_CONVERSATIONS, 1), (MANY_CONVERSATIONS, MANY))
    turn = max(number, 0) % len(systems)
    order = [*systems[turn:], *systems[:turn]]
    for many, customers in conversations:
        asked = list(islice(questions, many * TURNS))
        if len(asked) < many * TURNS:
            raise BenchError(
                "there are not enough questions for so many rounds; add some to bench/questions.txt"
            )
        for system in order:
            into = Measured() if number < 0 else system.alone if customers == 1 else system.many
            system.ask(asked, customers, into)
            last = into.outcomes[-1]
            say(
                f"round {number + 1}, {customers:2} customers, {system.name:9}: "
                f"p50 {percentile([t.ms for t in last.turns], 0.5):6.1f} ms, {last.turns_per_s:6.1f} turns/s"
                + (f", {len(last.failures)} failed: {last.failures[0]}" if last.failures else "")
            )


def generate(plan: Plan) -> Outcome:
    """Run the load generator in a process of its own. Raises `BenchError` where it fails."""
    outcome = from_json(generated("bench.load", json.dumps(asdict(plan))))
    if not outcome.turns:
        raise BenchError(f"no question was answered; the first: {outcome.failures[0]}")
    return outcome


def figures(systems: Sequence[System], where: dict[str, Any]) -> dict[str, Any]:
    """The figures of docs/protocol.md and what explains them."""
    baton, *peers = systems
    answer_of = {_words(article.answer): article.id for article in read_articles()}
    each = {system.name: figures_of(system) for system in systems}
    return {
        "bench": "turn",
        **each,
        "ratio_p50": ratio(each[baton.name]["p50_ms"], min(each[p.name]["p50_ms"] for p in peers)),
        "ratio_turns_per_s": ratio(
            each[baton.name]["turns_per_s"], max(each[p.name]["turns_per_s"] for p in peers)
        ),
        "bot_within_25_ms": rounded(baton.alone.bot.within / max(1, baton.alone.bot.all)),
        "questions": baton.alone.asked + baton.many.asked,
        "answered_right": {s.name: answered_right(s, answer_of) for s in systems},
        "rounds": len(baton.alone.outcomes),
        "spread": {system.name: spreads(system) for system in systems},
        "customers": [1, MANY],
        "machine": where,
    }


def figures_of(system: System) -> dict[str, Any]:
    """One system's figures: latency at one customer, throughput at many, and what a turn cost in CPU time."""
    alone, many = system.alone, system.many
    turns = [turn for outcome in alone.outcomes for turn in outcome.turns]
    return {
        "p50_ms": rounded(percentile(alone.latencies, 0.5)),
        "p95_ms": rounded(percentile(alone.latencies, 0.95)),
        "turns_per_s": spread([outcome.turns_per_s for outcome in many.outcomes])["median"],
        "fresh_p50_ms": rounded(percentile([t.ms for t in turns if t.nth == 1], 0.5)),
        "following_p50_ms": rounded(percentile([t.ms for t in turns if t.nth > 1], 0.5)),
        "many_p50_ms": rounded(percentile(many.latencies, 0.5)),
        "many_p95_ms": rounded(percentile(many.latencies, 0.95)),
        "cpu_ms_per_turn": rounded(1000 * many.cpu_s / many.asked),
        "mb": [round(usage.rss / 1e6) for usage in system.program.usage().values() if usage.rss > 40e6],
        "decisions": decisions(system),
        "failed": sum(len(outcome.failures) for outcome in (*alone.outcomes, *many.outcomes)),
    }


def decisions(system: System) -> dict[str, float]:
    """What the turns came to, as shares: for Baton the kinds of docs/protocol.md, for Rasa `answer` and `none`."""
    kinds = Counter(turn.kind for o in (*system.alone.outcomes, *system.many.outcomes) for turn in o.turns)
    return {kind: rounded(count / kinds.total()) for kind, count in kinds.most_common()}


def spreads(system: System) -> dict[str, dict[str, float]]:
    """How far the rounds were apart."""
    p50 = [percentile([turn.ms for turn in outcome.turns], 0.5) for outcome in system.alone.outcomes]
    return {"p50_ms": spread(p50), "turns_per_s": spread([o.turns_per_s for o in system.many.outcomes])}


def answered_right(system: System, answer_of: dict[str, str]) -> dict[str, float]:
    """Of the questions: the share answered with the right article, with a wrong one, with none (asked back, handed over)."""
    counts = {"right": 0, "wrong": 0, "none": 0}
    for outcome in (*system.alone.outcomes, *system.many.outcomes):
        for turn in outcome.turns:
            article = answer_of.get(_words(turn.answer), "") if system.kind == "rasa" else turn.answer
            right = article == system.expected[turn.text]
            counts["none" if not article else "right" if right else "wrong"] += 1
    return {name: rounded(count / sum(counts.values())) for name, count in counts.items()}


def _words(text: str) -> str:
    """A text without its line breaks: Rasa sends each paragraph by itself."""
    return " ".join(text.split())
