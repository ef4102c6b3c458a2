"""What tests may need of the machine, in one place: a test that needs it says so, and says how to get it when it is missing.

`./baton test` names what was not run at its end; `./baton test --all` counts it as failed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

BROWSER_TESTS = Path(__file__).parent / "browser"

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def missing_needs() -> dict[str, str]:
    """Marker -> what to do about it, for each need that this machine does not meet."""
    missing: dict[str, str] = {}
    if not any(shutil.which(name) for name in CHROMIUM):
        missing["needs_chromium"] = "Chromium not found: apt-get install chromium"
    if shutil.which("systemd-analyze") is None:
        missing["needs_systemd"] = "systemd-analyze not found: apt-get install systemd"
    if not os.environ.get("BATON_TEST_DATABASE_URL"):
        missing["needs_postgres"] = (
            "no PostgreSQL given: bash .ci/run brings one, or set BATON_TEST_DATABASE_URL to an empty test database"
        )
    if not os.environ.get("BATON_TEST_REDIS_URL"):
        missing["needs_redis"] = (
            "no Redis given: bash .ci/run brings one, or set BATON_TEST_REDIS_URL to an empty test server"
        )
    return missing


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, which --strict-markers asks for."""
    for marker, need in (
        ("needs_chromium", "Chromium"),
        ("needs_postgres", "PostgreSQL"),
        ("needs_redis", "Redis"),
        ("needs_systemd", "systemd"),
    ):
        config.addinivalue_line("markers", f"{marker}: needs {need} on this machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, by name and with the remedy, what this machine cannot run."""
    missing = missing_needs()
    for item in items:
        if BROWSER_TESTS in item.path.parents:
            item.add_marker("needs_chromium")
        for marker, remedy in missing.items():
            if item.get_closest_marker(marker) is not None:
                item.add_marker(pytest.mark.skip(reason=remedy))
