"""deploy/ names settings, commands and services that exist, and its systemd unit is one that systemd takes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from handoff.settings import PROJECT_ROOT, Settings
from tests.architecture.generate_docs import leaf_commands

DEPLOY = PROJECT_ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "baton"}


def test_settings_that_are_named_exist() -> None:
    named = {word for path in DEPLOY.iterdir() for word in re.findall(r"BATON_[A-Z_]+", path.read_text())}
    assert named <= {f"BATON_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_each_service_are_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in OURS[name]["environment"].items():
        monkeypatch.setenv(variable, re.sub(r"\$\{\w+:\?[^}]*\}", "x" * 32, value))
    settings = Settings()
    assert settings.database.startswith("postgresql+asyncpg://")
    services = COMPOSE["services"]
    for url in (settings.database, settings.redis_url or "", *settings.bot_urls):
        assert re.split(r"[:/]", re.sub(r"^\w[\w+]*://(.*@)?", "", url))[0] in services


@pytest.mark.parametrize("name", OURS)
def test_commands_exist_and_nothing_runs_as_more_than_it_must(name: str) -> None:
    service = OURS[name]
    assert service["command"][0] in {path for path, _ in leaf_commands()}
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True


def test_what_a_service_refers_to_is_there() -> None:
    for service in COMPOSE["services"].values():
        assert set(service.get("depends_on", [])) <= set(COMPOSE["services"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).is_file()


def test_only_the_proxy_is_reached_from_outside_and_relays_trust_it_alone() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["back"]["internal"] is True
    assert {name for name, service in OURS.items() if "front" in service["networks"]} == {
        "relay-1",
        "relay-2",
    }
    address = COMPOSE["services"]["proxy"]["networks"]["front"]["ipv4_address"]
    assert OURS["relay-1"]["environment"]["BATON_TRUSTED_PROXIES"] == f'["{address}"]'


def test_every_secret_is_asked_for() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
    lines = (DEPLOY / "example.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert set(given) == asked
    # None is there to be forgotten.
    assert {name for name, value in given.items() if value} == {"SITE"}


def test_the_image_is_built_from_what_is_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER baton"]
    for words in re.findall(r"\./baton (\w+)", "\n".join(lines)):
        assert words in {path for path, _ in leaf_commands()}


def test_the_proxy_reaches_every_relay_and_keeps_figures_inside() -> None:
    text = (DEPLOY / "Caddyfile").read_text()
    assert set(re.findall(r"(\S+):8420", text)) == {"relay-1", "relay-2"}
    assert "@private path /metrics /health/ready" in text


def test_the_unit_has_a_unit_s_form() -> None:
    lines = [
        line
        for line in (DEPLOY / "baton.service").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert [line for line in lines if line.startswith("[")] == ["[Unit]", "[Service]", "[Install]"]
    assert all(re.fullmatch(r"\[\w+\]|[A-Z]\w+=.*", line) for line in lines)


@pytest.mark.needs_systemd
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    # The program is looked for, so the copy names this checkout's.
    text = (DEPLOY / "baton.service").read_text().replace("/opt/baton/", f"{PROJECT_ROOT}/")
    unit = tmp_path / "baton.service"
    unit.write_text(text.replace("User=baton", "User=root").replace("Group=baton", "Group=root"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []


def test_the_unit_stops_later_than_its_parts() -> None:
    text = (DEPLOY / "baton.service").read_text()
    (limit,) = re.findall(r"TimeoutStopSec=(\d+)", text)
    # The supervisor gives relay and bot 10 s each.
    assert int(limit) > 20
    assert "ExecStart=/opt/baton/baton serve" in text
