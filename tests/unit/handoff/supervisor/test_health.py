import os
import subprocess

import pytest

from handoff.supervisor.health import Health
from tests.unit.handoff.supervisor.programs import SERVER, free_port, python


@pytest.mark.parametrize(("given", "well"), [("sesame", True), ("wrong", False)])
async def test_only_a_success_is_well(given: str, well: bool) -> None:
    port = free_port()
    with subprocess.Popen(
        python(SERVER, str(port)), stdout=subprocess.PIPE, env={**os.environ, "KEY": "sesame"}
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        assert await Health("127.0.0.1", port, "/", {"X-Key": given}).is_well() is well
        server.kill()


async def test_nobody_there_is_not_well() -> None:
    assert not await Health("127.0.0.1", free_port(), "/").is_well()


@pytest.mark.parametrize("words", ["", "hello\n", "HTTP/1.1 maybe\n"])
async def test_something_else_there_is_not_well(words: str) -> None:
    code = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True); "
    )
    code += "c = s.accept()[0]; c.recv(9999); c.sendall(sys.argv[2].encode())"
    port = free_port()
    with subprocess.Popen(python(code, str(port), words), stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        assert not await Health("127.0.0.1", port, "/").is_well()
