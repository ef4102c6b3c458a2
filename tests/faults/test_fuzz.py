"""One in a hundred of `bench fuzz`'s frames: nothing breaks, leaks or goes wrong."""

from __future__ import annotations

from pathlib import Path

from bench.fuzz.command import is_clean, measure


async def test_ten_thousand_frames_break_nothing(tmp_path: Path) -> None:
    figures = await measure(tmp_path, 10_000, 1)
    assert is_clean(figures), figures
    assert figures["sent"] >= 10_000
    # The frames were read, and some of them were commands that were run.
    assert figures["answers"]["ack"] > 100, figures
    assert figures["answers"]["bad_json"] > 100, figures
    assert figures["answers"]["bad_frame"] > 100, figures
