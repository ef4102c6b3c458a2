from __future__ import annotations

from pathlib import Path

from handoff.content.intents import known_intents


def test_known_intents_are_those_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "talk.yml").write_text(
        'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n- synonym: credit\n  examples: |\n    - card\n'
    )
    (tmp_path / "task.yml").write_text(
        'version: "3.1"\nnlu:\n- intent: order_status\n  examples: |\n    - "[7](order)"\n'
    )
    (tmp_path / "empty.yml").write_text("")
    assert known_intents(tmp_path) == {"greet", "order_status"}
