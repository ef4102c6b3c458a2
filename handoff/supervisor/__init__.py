"""`baton serve`: everything on one machine, kept running, and gone when it is stopped."""

from handoff.adapters.tether import tethered
from handoff.supervisor.guards import PortTakenError, ServeRefusedError
from handoff.supervisor.keeper import Keeper, Part, Step
from handoff.supervisor.serve import first_start_is_due, serve, settle_first_start

__all__ = [
    "Keeper",
    "Part",
    "PortTakenError",
    "ServeRefusedError",
    "Step",
    "first_start_is_due",
    "serve",
    "settle_first_start",
    "tethered",
]
