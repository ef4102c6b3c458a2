"""`./baton bench faults`: nothing acked is lost, doubled or out of order, while processes are killed and sockets cut.

`command.py` puts the parts together, `run.py` makes them fail while people talk (`talk.py`, `clients.py`) through
proxies (`proxy.py`), and `checker.py` gives the verdict.
"""

from bench.faults.command import run

__all__ = ["run"]
