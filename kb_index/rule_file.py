"""A site's rules as they lie in a snapshot and in a release. Standard library only."""

from __future__ import annotations

from pathlib import Path

from kb_index.rules import RuleError, Rules, rules_of


def read_rules(path: Path) -> Rules:
    """The rules in a file; none where there is no file. Raises `RuleError`."""
    try:
        return rules_of(path.read_text(encoding="utf-8"), path.name)
    except FileNotFoundError:
        return Rules()
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError("bad_rules", f"{path.name} cannot be read: {error}", "file") from error
