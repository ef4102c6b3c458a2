"""The Python environments: `.envs/uv` (the installer), `.envs/handoff`, `.envs/bot`, each as its lock file says.

An environment is current when its stamp is that of its lock file; the stamp is written last, so one whose installation
was interrupted is made anew. What tests need is a second layer over the same environment, with a stamp of its own.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from machine import (
    ENVS,
    ROOT,
    Command,
    SetupError,
    digest,
    need_room,
    read_stamp,
    remove,
    run,
    say,
    write_stamp,
)

REQUIREMENTS = ROOT / "requirements"
TORCH = "2.13.0"
"""Installed by itself as the CPU build: the default registry's build brings gigabytes of CUDA."""

BASE_PYTHON = Path(getattr(sys, "_base_executable", sys.executable))
"""The interpreter behind a virtual environment, if this one runs in one."""


@dataclass(frozen=True)
class Environment:
    """One environment: its folder's name in .envs, what people call it, and the room it takes."""

    name: str
    title: str
    gigabytes: float
    torch: bool = False

    @property
    def folder(self) -> Path:
        return ENVS / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def _stamp(self, lock_file: str) -> str:
        lock = (REQUIREMENTS / lock_file).read_bytes()
        return digest(lock, str(ENVS), TORCH if self.torch else "")

    def is_current(self, *, tests: bool) -> bool:
        """Whether the environment is whole and as its lock files say."""
        if not os.access(self.python, os.X_OK):
            return False
        if read_stamp(self.folder / "stamp") != self._stamp(f"{self.name}.txt"):
            return False
        return not tests or read_stamp(self.folder / "test-stamp") == self._stamp(f"{self.name}-test.txt")

    def make(self, *, tests: bool) -> None:
        """Make the environment, or add what tests need to one that is current without it."""
        if not self.is_current(tests=False):
            say(
                f"installing {self.title} into .envs/{self.name} (about {self.gigabytes:g} GB with its downloads)"
            )
            remove(self.folder)
            env = uv_environment()
            making = f"making the environment for {self.title}"
            run([uv(), "venv", "--no-project", "--python", BASE_PYTHON, self.folder], doing=making, env=env)
            self._install(f"{self.name}.txt", self.title, env)
            if self.torch:
                install_torch(self.python, env)
            write_stamp(self.folder / "stamp", self._stamp(f"{self.name}.txt"))
        if tests and not self.is_current(tests=True):
            title = f"what the tests of {self.title} need"
            say(f"installing {title}")
            self._install(f"{self.name}-test.txt", title, uv_environment())
            write_stamp(self.folder / "test-stamp", self._stamp(f"{self.name}-test.txt"))

    def _install(self, lock_file: str, title: str, env: Mapping[str, str]) -> None:
        # Bytecode is compiled now, once: without it every start would compile its imports again (9 s for the bot)
        # where Python may not write it (PYTHONDONTWRITEBYTECODE, read-only images).
        exact = ["--no-deps", "--require-hashes", "--compile-bytecode"]
        # Four small packages come as sources only: they are built with pinned tools, and without a compiler.
        tools: Command = ["--build-constraints", REQUIREMENTS / "build.txt"]
        install: Command = [uv(), "pip", "install", "--python", self.python, *exact, *tools]
        run([*install, "-r", REQUIREMENTS / lock_file], doing=f"installing {title}", env=env)


HANDOFF = Environment("handoff", "the relay", 0.5)
BOT = Environment("bot", "the bot", 5, torch=True)


def install_torch(python: Path, env: Mapping[str, str]) -> None:
    """Install the CPU build of torch: from a folder that pip was told of, where it lies ready, else from its makers."""
    install: Command = [uv(), "pip", "install", "--python", python, "--no-deps", "--compile-bytecode"]
    for place in pip_settings().get("find-links", "").split():
        if any(Path(place).glob(f"torch-{TORCH}+cpu-cp311-*.whl")):
            wheel = [*install, "--no-index", "--find-links", place, f"torch=={TORCH}+cpu"]
            run(wheel, doing="installing torch", env=env)
            return
    run([*install, "--torch-backend", "cpu", f"torch=={TORCH}"], doing="installing torch", env=env)


def uv() -> Path:
    """The installer's program."""
    return ENVS / "uv" / "bin" / "uv"


def uv_stamp() -> str:
    """The stamp of an installer that is as its lock file says."""
    return digest((REQUIREMENTS / "uv.txt").read_bytes(), str(ENVS))


def make_uv() -> None:
    """Install the installer itself, with pip, as its lock file says."""
    folder = ENVS / "uv"
    stamp = uv_stamp()
    if read_stamp(folder / "stamp") == stamp and os.access(uv(), os.X_OK):
        return
    if platform.libc_ver()[0] != "glibc":
        raise SetupError(
            "this Linux has no glibc (Alpine?), and TensorFlow has no build for it. Debian 12 or later will do."
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            f"{BASE_PYTHON} cannot make virtual environments (module venv or ensurepip is missing)."
            " Debian: apt-get install python3.11-venv"
        )
    say("installing the installer (uv) into .envs/uv")
    need_room(0.2, folder)
    remove(folder)
    run([BASE_PYTHON, "-m", "venv", folder], doing="making the environment for uv")
    pip: Command = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
    ]
    exact: Command = [
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        REQUIREMENTS / "uv.txt",
    ]
    run([*pip, *exact], doing="installing uv")
    write_stamp(folder / "stamp", stamp)


@functools.cache
def pip_settings() -> dict[str, str]:
    """What this machine told pip (files and PIP_* variables), by option name, as pip resolves it."""
    pip: Command = [
        ENVS / "uv" / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "config",
        "list",
    ]
    listed = subprocess.run(pip, capture_output=True, text=True, check=False).stdout
    found: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the later section wins, as in pip
        for line in listed.splitlines():
            name, separator, value = line.partition("=")
            if separator and name.startswith(f"{section}."):
                found[name.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    return found


def uv_environment() -> dict[str, str]:
    """The variables uv runs with: uv's own win, and what the machine told pip alone is passed on in uv's words."""
    pip = pip_settings()
    env = dict(os.environ)
    for option, variables in {
        "cert": ("SSL_CERT_FILE",),
        "proxy": ("ALL_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy"),
        "index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
        "extra-index-url": ("UV_EXTRA_INDEX_URL", "UV_INDEX"),
        "find-links": ("UV_FIND_LINKS",),
        "trusted-host": ("UV_INSECURE_HOST",),
    }.items():
        if option in pip and not any(variable in env for variable in variables):
            separator = "," if option == "find-links" else " "
            env[variables[0]] = separator.join(pip[option].split())
    # pip asks every index and takes the best; every file is pinned by its hash, so that is as safe here.
    env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    env["UV_PYTHON_DOWNLOADS"] = "never"
    env["MULTIDICT_NO_EXTENSIONS"] = "1"  # its build would need a C compiler on the user's machine
    env["UV_NO_PROGRESS"] = "1"
    return env


def cache_folder() -> Path:
    """Where uv keeps its downloads."""
    asked: Command = [uv(), "cache", "dir"]
    return Path(subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip())
