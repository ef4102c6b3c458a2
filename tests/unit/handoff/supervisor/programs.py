"""Small real programs to supervise, and an ear for what their keeper says."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SERVER = """
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/fall":
            os._exit(7)
        self.send_response(200 if self.headers.get("X-Key", "") == os.environ.get("KEY", "") else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *words):
        pass
http.server.HTTPServer.allow_reuse_address = True
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer)
print("listening", os.getpid(), flush=True)
server.serve_forever()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


@dataclass
class Told:
    """What a keeper said, and what its parts did."""

    said: list[str] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    on_line: Callable[[str, str], None] = lambda name, line: None
    on_say: Callable[[str], None] = lambda line: None

    def say(self, line: str) -> None:
        self.said.append(line)
        self.on_say(line)

    def forward(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self.on_line(name, line)

    def lines_of(self, name: str) -> list[str]:
        return [line for of, line in self.lines if of == name]


def is_running(pid: int) -> bool:
    """Whether a process runs; one that ended but was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
