from __future__ import annotations

import pytest

from handoff.accounts.errors import InvalidName, InvalidPassword
from handoff.accounts.model import User, check_label, check_new_password, clean_name, name_key, rights


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("  Ada  ", "Ada"), ("Rene\u0301e", "Ren\u00e9e"), ("x" * 80, "x" * 80), ("李 小龙", "李 小龙")],
)
def test_names_are_trimmed_and_composed(typed: str, stored: str) -> None:
    assert clean_name(typed) == stored


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "x" * 81, "a\nb", "a\x00b", "a\u202eb", "a\u200bb", "a\u2028b", "a\ud800b", "ß" * 41],
    ids=ascii,
)
def test_names_that_cannot_be_told_apart_or_stored_are_refused(typed: str) -> None:
    with pytest.raises(InvalidName):
        clean_name(typed)


def test_names_that_differ_in_case_share_a_key() -> None:
    assert name_key("STRASSE") == name_key("Straße")
    assert name_key("\u00c9va") == name_key("e\u0301VA")
    assert name_key("Eva") != name_key("\u00c9va")


@pytest.mark.parametrize("password", ["x" * 12, "x" * 128, "correct horse battery"])
def test_passwords_of_12_to_128_characters_are_taken(password: str) -> None:
    check_new_password(password, "Ada")


@pytest.mark.parametrize(
    ("password", "name"),
    [
        ("x" * 11, "Ada"),
        ("x" * 129, "Ada"),
        ("tab\tin the middle", "Ada"),
        ("a\ud800bcdefghijklm", "Ada"),
        ("ADA LOVELACE ", "Ada Lovelace"),
    ],
    ids=ascii,
)
def test_passwords_that_break_a_rule_are_refused_and_not_repeated(password: str, name: str) -> None:
    with pytest.raises(InvalidPassword) as refused:
        check_new_password(password, name)
    assert password not in str(refused.value)


def test_labels_are_checked_like_names() -> None:
    assert check_label(" load test ") == "load test"
    for bad in ("", "x" * 81, "a\x1bb"):
        with pytest.raises(InvalidName):
            check_label(bad)


def test_an_editor_does_not_converse_and_an_agent_does_not_edit() -> None:
    assert "converse" in rights("agent")
    assert "edit_content" not in rights("agent")
    assert "converse" not in rights("editor")
    assert rights("agent") < rights("supervisor")
    assert all(rights(role) <= rights("admin") for role in ("agent", "supervisor", "editor"))


def test_a_disabled_user_may_nothing() -> None:
    assert User("u", "Ada", "admin", must_change_password=False, disabled=False).may("converse")
    assert not User("u", "Ada", "admin", must_change_password=False, disabled=True).may("converse")
