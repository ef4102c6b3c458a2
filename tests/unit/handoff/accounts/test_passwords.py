from __future__ import annotations

import re
from dataclasses import replace

import argon2
import pytest

from handoff.accounts.passwords import PARAMETERS, Passwords, one_time_password
from tests.unit.handoff.accounts.conftest import CHEAP


async def test_the_right_password_alone_matches() -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash("correct horse battery")
    assert (await passwords.verify(stored, "correct horse battery")).matches
    assert not (await passwords.verify(stored, "correct horse batterY")).matches
    assert not (await passwords.verify(stored, "")).matches


async def test_hashes_are_argon2id_with_the_stated_parameters() -> None:
    stored = await Passwords().hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")


async def test_equal_passwords_have_different_hashes() -> None:
    passwords = Passwords(CHEAP)
    assert await passwords.hash("correct horse battery") != await passwords.hash("correct horse battery")


async def test_composed_and_decomposed_letters_are_one_password() -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash("caf\u00e9 au lait, please")
    assert (await passwords.verify(stored, "cafe\u0301 au lait, please")).matches


async def test_a_hash_of_older_parameters_is_reported() -> None:
    stored = await Passwords(CHEAP).hash("correct horse battery")
    dearer = Passwords(replace(CHEAP, time_cost=2))
    assert (await dearer.verify(stored, "correct horse battery")).outdated
    assert not (await Passwords(CHEAP).verify(stored, "correct horse battery")).outdated


async def test_nobody_costs_the_same_hash_as_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash("correct horse battery")
    checked: list[argon2.Parameters] = []
    real = argon2.PasswordHasher.verify

    def counting(self: argon2.PasswordHasher, encoded: str, password: bytes) -> bool:
        checked.append(argon2.extract_parameters(encoded))
        return real(self, encoded, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)
    assert not (await passwords.verify(None, "whatever it may be")).matches
    assert not (await passwords.verify(stored, "whatever it may be")).matches
    assert checked == [CHEAP, CHEAP]


async def test_a_broken_hash_in_the_database_matches_nothing() -> None:
    assert not (await Passwords(CHEAP).verify("not a hash", "whatever it may be")).matches


def test_one_time_passwords_are_legible_and_different() -> None:
    made = {one_time_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        assert re.fullmatch(r"[A-Z0-9]{5}(-[A-Z0-9]{5}){3}", password)
        assert not set(password) & set("01258BILOSUVZ")


def test_parameters_are_those_of_rfc_9106_with_one_lane() -> None:
    assert (PARAMETERS.memory_cost, PARAMETERS.time_cost, PARAMETERS.parallelism) == (65_536, 3, 1)
