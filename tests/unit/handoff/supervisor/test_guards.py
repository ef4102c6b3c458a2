import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from handoff.supervisor.guards import PortTakenError, ServeRefusedError, claim_port, sole_serve


def test_a_second_serve_on_the_same_home_is_refused_by_name(tmp_path: Path) -> None:
    with sole_serve(tmp_path) as note_port:
        note_port(4711)
        with (
            pytest.raises(ServeRefusedError, match=rf"process {os.getpid()} on port 4711"),
            sole_serve(tmp_path),
        ):
            pass


def test_a_home_is_free_again_after_a_serve_that_ended(tmp_path: Path) -> None:
    with sole_serve(tmp_path) as note_port:
        note_port(1)
    with sole_serve(tmp_path) as note_port:
        note_port(2)
        assert '"port": 2' in (tmp_path / "run" / "serve.lock").read_text()


def test_a_killed_serve_leaves_no_stale_lock(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from handoff.supervisor.guards import sole_serve\n"
        "with sole_serve(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ServeRefusedError), sole_serve(tmp_path):
            pass
        holder.kill()
    with sole_serve(tmp_path):
        pass


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServeRefusedError, match="cannot write in the home"), sole_serve(tmp_path / "file"):
        pass


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=re.escape(f"port {port}")) as caught:
            claim_port("127.0.0.1", port)
    assert "--port" in str(caught.value)


def test_port_zero_is_any_free_one() -> None:
    port = claim_port("127.0.0.1", 0)
    assert port > 0
    assert claim_port("127.0.0.1", port) == port


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ServeRefusedError, match="cannot listen on"):
        claim_port("192.0.2.1", 0)


def test_a_home_that_was_restored_by_half_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "restoring").write_text("before-restore-1 ")
    with pytest.raises(ServeRefusedError, match="interrupted"), sole_serve(tmp_path):
        pass
