"""The programs that the relay starts on releases: judge, replay, group; and releases with values of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kb_index.releases import ReleaseStore
from tests.integration.bot.running_bot import AT, CONTENT, environment, home_with, publish, train

PAY_LATER = {
    "id": "pay-later",
    "title": "Can I pay later?",
    "answer": "Yes, by **invoice** within 14 days.",
    "questions": [
        *("pay by invoice", "payment after delivery", "is it possible to pay in 14 days"),
        *("buy now pay later", "can I settle the bill afterwards", "deferred payment"),
    ],
}
PASSING = (
    'version: "3.1"\nstories:\n'
    '- story: right\n  steps:\n  - user: "hi there"\n    intent: greet\n  - action: utter_greet\n'
)
FAILING = '- story: wrong\n  steps:\n  - user: "hi there"\n    intent: greet\n  - action: utter_goodbye\n'


def rows(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def program(name: str, home: Path, *arguments: object, code: int = 0) -> dict[str, Any]:
    """Its result; `progress` holds the stages that it told."""
    done = subprocess.run(
        [sys.executable, "-m", f"bot.{name}", "--home", str(home), *map(str, arguments)],
        cwd=home,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    (line,) = done.stdout.splitlines()
    result: dict[str, Any] = json.loads(line)
    assert result["ok"] is (code == 0)
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"stage"')]
    assert all(0 <= entry["done"] <= entry["total"] for entry in told)
    return {**result, "progress": told}


@pytest.fixture(scope="module")
def home(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where `r1` is live; `candidate` has an article less and another more, `calm` hands over sooner."""
    made = home_with(trained, tmp_path_factory.mktemp("judging"))
    snapshot = tmp_path_factory.mktemp("snapshot")
    kept = [row for row in read(CONTENT / "content.jsonl") if row["id"] != "gift-wrap"]
    rows(snapshot / "content.jsonl", *kept, PAY_LATER)
    result = train(tmp_path_factory.mktemp("candidate"), snapshot, made / "built")
    assert result["ok"], result
    publish(made, made / "built", "candidate", live=False)
    values = {"threshold": 1.0, "frustration_threshold": 0.3}
    ReleaseStore(made / "releases").derive("candidate", "strict", values, at=AT)
    return made


@pytest.fixture(scope="module")
def live(home: Path) -> str:
    current = ReleaseStore(home / "releases").current()
    assert current is not None
    return current


EXAM = (
    {"id": "q1", "text": "can I pay later", "article_id": "pay-later", "locale": "en", "set": "exam"},
    {"id": "q2", "text": "where do I find my invoice?", "article_id": "invoice-copy", "locale": "en"},
    {"id": "q3", "text": "do you offer gift paper", "article_id": "gift-wrap", "locale": "en"},
    {"id": "q4", "text": "how tall is mount everest", "article_id": None, "locale": "en"},
)
TALKS = (
    {
        "id": "c1",
        "locale": "en",
        "turns": [
            {"turn": 2, "text": "hello", "choice": None},
            {"turn": 5, "text": "do you offer gift paper", "choice": None},
        ],
    },
    {"id": "c2", "locale": "en", "turns": [{"turn": 1, "text": "can I pay later?", "choice": None}]},
)


def test_a_candidate_is_judged_beside_the_live_release(home: Path, live: str, tmp_path: Path) -> None:
    golden = tmp_path / "golden"
    golden.mkdir()
    (golden / "talk.yml").write_text(PASSING + FAILING)
    out = tmp_path / "report.json"
    done = program(
        *("judge", home, "--candidate", "candidate", "--against", live),
        *("--questions", rows(tmp_path / "exam.jsonl", *EXAM)),
        *("--conversations", rows(tmp_path / "talks.jsonl", *TALKS)),
        *("--golden", golden, "--out", out),
    )
    assert list(dict.fromkeys(entry["stage"] for entry in done["progress"])) == [
        *("load", "exam", "asked", "golden")
    ]
    report = json.loads(out.read_text())
    assert (report["candidate"], report["against"]) == ("candidate", live)
    exam = report["exam"]
    assert (exam["n"], exam["before"]["n"], exam["after"]["n"]) == (4, 4, 4)
    assert [(change["id"], change["verdict"]) for change in exam["changes"]] == [
        ("q3", "worse"),
        ("q1", "better"),
    ]
    worse = exam["changes"][0]
    assert worse["expected"] == worse["before"]["article_id"] == "gift-wrap"
    assert worse["before"]["kind"] == "answer"
    assert worse["before"]["title"] == "Can you gift wrap my order?"
    assert worse["after"]["kind"] != "answer"
    assert exam["counts"] == {"worse": 1, "better": 1}
    assert exam["before_curve"][0].keys() >= {"threshold", "coverage", "wrong"}
    assert exam["after_curve"]
    assert exam["reliability_after"][0].keys() >= {"confidence", "n", "right"}
    assert {entry["expected"] for entry in exam["confusions_after"]} == {"gift-wrap"}
    asked = report["asked"]
    assert (asked["n"], asked["same"]) == (3, 1)
    assert [(c["conversation_id"], c["turn"], c["verdict"]) for c in asked["changes"]] == [
        ("c1", 5, "no_longer_answered"),
        ("c2", 1, "now_answered"),
    ]
    assert asked["counts"] == {"no_longer_answered": 1, "now_answered": 1}
    assert sum(asked["before"].values()) == sum(asked["after"].values()) == 3
    assert report["golden"]["passed"] == 1
    (failed,) = report["golden"]["failed"]
    assert failed["name"] == "wrong"
    assert "utter_goodbye" in failed["problem"]
    for side in ("before", "after"):
        assert 0 < report["latency_ms"][side]["p50"] <= report["latency_ms"][side]["p95"]
    assert report["left_out"] == {"questions": 0, "conversations": 0, "turns": 0}


def test_the_first_candidate_has_nothing_beside_it(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    program(
        *("judge", home, "--candidate", "candidate", "--out", out),
        *("--questions", rows(tmp_path / "exam.jsonl", *EXAM)),
    )
    report = json.loads(out.read_text())
    assert report["against"] is None
    assert report["exam"]["before"] is None
    assert report["exam"]["after"]["n"] == 4
    assert report["exam"]["changes"] == []
    assert report["asked"]["n"] == 0
    assert report["golden"] == {"passed": 0, "failed": []}
    assert report["latency_ms"]["before"] is None


def test_a_candidate_that_cannot_be_loaded_leaves_no_report(
    home: Path, trained: Path, tmp_path: Path
) -> None:
    publish(home, trained, "broken", live=False)
    (home / "releases" / "broken" / "index" / "model.npz").write_bytes(b"x")
    junk = tmp_path / "junk"
    shutil.copytree(trained, junk)
    (junk / "model.tar.gz").write_bytes(b"no archive")
    publish(home, junk, "unreadable", live=False)
    shutil.rmtree(junk)
    out = tmp_path / "report.json"
    for name, code in (
        ("broken", "corrupt_release"),
        ("unknown", "unknown_release"),
        ("unreadable", "judging_failed"),
    ):
        result = program("judge", home, "--candidate", name, "--out", out, code=1)
        assert result["error"]["code"] == code
    bad = rows(tmp_path / "exam.jsonl", {"id": "1"})
    result = program("judge", home, "--candidate", "candidate", "--questions", bad, "--out", out, code=1)
    assert result["error"] == {
        "code": "bad_rows",
        "message": "exam.jsonl line 1: text must be text of 1 to 4,000 characters",
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "exam.jsonl"]


CHOOSING = {
    "id": "c3",
    "locale": "en",
    "turns": [
        {"turn": 4, "text": "what do I do about my membership card", "choice": None},
        # Then it stood in another place: what was chosen is known by its words.
        {"turn": 6, "text": "My membership card has been stolen", "choice": "4.7"},
        {"turn": 8, "text": "My membership card has been stolen", "choice": "4.7"},
    ],
}
UPSET = {
    "id": "c4",
    "locale": "en",
    "turns": [
        {"turn": 1, "text": "This is not what I asked!", "choice": None},
        {"turn": 2, "text": "where do I find my invoice?", "choice": None},
    ],
}


def test_conversations_are_held_again_with_their_own_memory(home: Path, live: str, tmp_path: Path) -> None:
    talks = rows(tmp_path / "talks.jsonl", *TALKS, CHOOSING)
    out = tmp_path / "out.jsonl"
    done = program("replay", home, "--release", live, "--in", talks, "--out", out)
    assert (done["conversations"], done["turns"], done["release_id"]) == (3, 6, live)
    found = read(out)
    assert [(row["conversation_id"], row["turn"]) for row in found] == [
        *(("c1", 2), ("c1", 5), ("c2", 1), ("c3", 4), ("c3", 6), ("c3", 8))
    ]
    assert found[1] | {"confidence": 0.0, "frustration": 0.0} == {
        "conversation_id": "c1",
        "turn": 5,
        "kind": "answer",
        "reason": "confident",
        "article_id": "gift-wrap",
        "title": "Can you gift wrap my order?",
        "confidence": 0.0,
        "frustration": 0.0,
    }
    assert [(row["kind"], row["reason"], row["article_id"]) for row in found[3:]] == [
        ("clarify", "likely", "card-lost"),
        ("answer", "chosen", "card-stolen"),
        ("answer", "confident", "card-stolen"),
    ]
    again = program("replay", home, "--in", talks, "--out", out)
    assert again["release_id"] == live
    assert read(out) == found


def test_other_values_are_tried_without_training(home: Path, tmp_path: Path) -> None:
    talks = rows(tmp_path / "talks.jsonl", UPSET)
    out = tmp_path / "out.jsonl"
    as_trained = program("replay", home, "--release", "candidate", "--in", talks, "--out", out)
    calm = read(out)
    assert (calm[1]["kind"], calm[1]["article_id"]) == ("answer", "invoice-copy")
    strict = program("replay", home, "--release", "strict", "--in", talks, "--out", out)
    served = read(out)
    assert (as_trained["threshold"], strict["threshold"]) == (0.9, 1.0)
    assert (served[0]["kind"], served[0]["reason"]) == ("escalate", "frustration")
    assert served[0]["frustration"] == calm[0]["frustration"]
    assert 0.3 <= served[0]["frustration"] < 0.7
    # A release that derives from another answers with its values until others are asked for.
    program(
        *("replay", home, "--release", "strict", "--in", talks, "--out", out),
        *("--frustration-threshold", 0.7, "--risk", 0.02),
    )
    assert read(out) == calm
    refused = program("replay", home, "--in", talks, "--out", out, "--risk", 2, code=1)
    assert refused["error"]["code"] == "bad_serving"


def test_unanswered_questions_are_grouped_and_known_again(home: Path, tmp_path: Path) -> None:
    asked = (
        *("Do you wrap presents?", "could you wrap it as a present", "do you wrap presents??"),
        *("Is there a discount for students?", "student discount code", "do students get a discount"),
        "what will the weather be like tomorrow",
    )
    entries = [{"key": str(n), "text": text, "locale": "en"} for n, text in enumerate(asked)]
    settled = {"key": "s", "text": "What's the weather going to be like tomorrow?", "locale": "en"}
    file = rows(tmp_path / "asked.jsonl", *entries, {**settled, "settled": "out_of_scope"})
    out = tmp_path / "groups.json"
    first = program("group", home, "--in", file, "--out", out)
    found = json.loads(out.read_text())
    assert found["encoded"] == first["encoded"] == 7
    assert len(found["groups"]) == 2
    by_keys = {frozenset(group["keys"]): group for group in found["groups"]}
    wrap, discount = by_keys[frozenset("012")], by_keys[frozenset("345")]
    assert wrap["suggested"]["article_id"] == "gift-wrap"
    assert wrap["suggested"]["title"] == "Can you gift wrap my order?"
    assert 0.3 <= wrap["suggested"]["score"] <= 1.0
    assert discount["suggested"] is None
    assert discount["name"] in asked
    (like,) = found["like_settled"]
    assert (like["key"], like["exemplar_key"]) == ("6", "s")
    entries.append(
        {"key": "new", "text": "which discount do students get in your shop on shoes", "locale": "en"}
    )
    program("group", home, "--in", rows(file, *entries), "--out", out, "--release", "candidate")
    again = json.loads(out.read_text())
    assert again["encoded"] == 1
    ids = {group["id"]: {*group["keys"]} for group in again["groups"]}
    assert ids[discount["id"]] == {"3", "4", "5", "new"}
    # The weather is a group of its own once nobody has settled it, and gift wrapping has no article any more.
    assert {*wrap["keys"]} == ids[wrap["id"]]
    assert len(again["groups"]) == 3
    assert next(g for g in again["groups"] if g["id"] == wrap["id"])["suggested"] is None


def test_values_that_cannot_be_are_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "content.jsonl").write_text("")
    out = tmp_path / "built"
    out.mkdir()
    result = program(
        *("train", tmp_path, "--snapshot", tmp_path / "snapshot", "--out", out),
        *("--frustration-threshold", 1.5),
        code=1,
    )
    assert result["error"]["code"] == "bad_serving"
    assert list(out.iterdir()) == []
