"""Why a backup or a restore was not made."""

from __future__ import annotations

from handoff.domain.errors import HandoffError


class BackupRefused(HandoffError):
    """No backup was made; nothing stands at its path that was not there before."""

    code = "backup_refused"
    http_status = 409


class RestoreRefused(HandoffError):
    """Nothing was restored; the home and the database are as they were."""

    code = "restore_refused"
    http_status = 409


class HomeBusy(HandoffError):
    """The home is in use, or a restore into it was interrupted."""

    code = "home_busy"
    http_status = 409
