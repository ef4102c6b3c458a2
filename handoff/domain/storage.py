"""What people are told of a disk that does not do its part."""

from __future__ import annotations

import errno
from typing import Final

_NO_ROOM: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
FULL: Final = "the disk is full; make room and try again"


def why(error: OSError) -> str:
    """What went wrong, and what to do where that is known. Ends without a full stop."""
    return FULL if error.errno in _NO_ROOM else str(error.strerror or error)


def why_there(error: OSError) -> str:
    """`why`, with the file where it is known."""
    return f"{error.filename}: {why(error)}" if error.filename else why(error)
