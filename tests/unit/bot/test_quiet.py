"""What a command of the bot lets through to standard error."""

from __future__ import annotations

import subprocess
import sys

# As Sanic does it while Rasa is imported: a filter of its own in front of all others.
WARNS = """
import warnings
from bot.quiet import hush
hush()
warnings.filterwarnings("always")
for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning, UserWarning):
    warnings.warn("noise", category)
warnings.warn("a real one", RuntimeWarning)
"""


def test_only_warnings_that_say_something_about_this_run_come_through() -> None:
    done = subprocess.run([sys.executable, "-c", WARNS], capture_output=True, text=True, check=True)
    assert "RuntimeWarning: a real one" in done.stderr
    assert "noise" not in done.stderr
