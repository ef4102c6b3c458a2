"""What a client does about each error: the one part of the error table that code cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import handoff.accounts.errors
import handoff.content.errors
import handoff.studio.errors
import handoff.upkeep.errors  # noqa: F401 - so that their errors are known
from handoff.domain.errors import HandoffError

REMEDIES: Final = {
    "bad_json": "Fix the client; sending the same again fails again.",
    "bad_frame": "Fix the fields in `data.fields` (or `data.field`). A choice that is no longer offered: send the text without it.",
    "unknown_type": "Fix the client, or ask a newer server.",
    "too_large": "Shorten it to `data.limit` bytes.",
    "binary_refused": "Send text frames.",
    "unauthorized": "Log in, or open a new conversation. Do not retry with the same credentials.",
    "token_expired": "Renew the token, then connect again with the same `after`.",
    "forbidden": "Do not retry. With `data.must_change_password`: change the one-time password first.",
    "not_found": "Forget the id.",
    "wrong_state": "Take `data.state` for the truth and offer what it allows.",
    "already_claimed": "Show `data.holder`.",
    "not_holder": "Keep the text for its author; show `data.holder`.",
    "new_messages": "Show the new words (up to `data.last_customer_seq`), then ask again.",
    "client_id_reused": "Make a new `client_id`; one id stands for one command.",
    "rate_limited": "Send the same again after `data.retry_ms`.",
    "storage_unavailable": "Send the same again with the same `client_id`, with growing pauses.",
    "hello_timeout": "Connect again and say hello at once.",
    "too_slow": "Connect again with the last `seq` held.",
    "idle": "Connect again with the last `seq` held; ping at least once a minute.",
    "revoked": "Log in again.",
    "too_many_sockets": "Close a socket that is not needed; else connect again after `retry_ms`.",
    "shutting_down": "Connect again after `retry_ms`, with the last `seq` held.",
    "bot_unavailable": "Ask again in a moment.",
    "invalid_name": "Choose another name or label.",
    "invalid_password": "Choose another password; the message says what is asked of it.",
    "invalid_role": "Use one of `data.roles`.",
    "name_taken": "Choose another name.",
    "last_admin": "Make somebody else an administrator first.",
    "wrong_password": "Ask for the current password again.",
    "content_refused": "Fix the rows in `data.errors` (file, line, code); nothing was imported.",
    "content_moved": "Show a new preview of the same file; nothing was imported.",
    "import_expired": "Send the file again for a new preview.",
    "export_refused": "Export to another path.",
    "release_refused": "Read the message; what was live still is. The release's own code may stand here instead.",
    "edit_conflict": "Show `data.conflicts` (what was opened, what stands there now, what was sent), let the editor choose, and save on `data.version`.",
    "bad_article": "Fix the field `data.field`.",
    "cannot_publish": "Mark `data.article_id` as ready, or leave it out.",
    "article_exists": "Choose another id, or edit `data.article_id`.",
    "bad_incident": "Fix the field `data.field`.",
    "bad_intent": "Fix the field `data.field`.",
    "intent_exists": "Choose another name, or edit `data.name`.",
    "plan_decided": "Read the plan again.",
    "nothing_live": "Train and publish a first release.",
    "job_queue_full": "Wait for one of them, or cancel one.",
    "job_lost": "Look at the machine's memory and disk and at HOME/run, then ask again.",
    "report_missing": "Show the message; the release can be published without a report.",
    "canary_refused": "Read the message; every conversation goes on as before.",
    "no_canary": "Ask `GET /canary` again: somebody else has ended it.",
    "exam_refused": "Fix the rows in `data.errors` (line, code); nothing was added.",
    "bad_studio_setting": "Stay within `data.least` and `data.most`.",
    "already_settled": "Show `data` (by whom, when, how), and load the inbox again.",
    "personal_data": "Take out what `data.found` names (field, index, kinds).",
    "nothing_to_teach": "Send `texts` of your own.",
    "unknown_intent": "Use one of `data.known`.",
    "backup_refused": "Read the message; no backup was made.",
    "restore_refused": "Read the message; nothing was changed.",
    "home_busy": "Stop what runs on the home, or finish the restore that was interrupted.",
    "program_failed": "Read the message and `data.log`. The program's own code may stand here instead.",
    "training_failed": "Read the message and `data.log`; what was live still is. The trainer's own code may stand here instead.",
}


def all_errors() -> Iterator[type[HandoffError]]:
    """Every error of the product, each code once, those of the protocol first."""
    pending: list[type[HandoffError]] = HandoffError.__subclasses__()
    seen: set[str] = set()
    while pending:
        cls = pending.pop(0)
        pending += cls.__subclasses__()
        if cls.__module__.startswith("handoff.") and cls.code not in seen:
            seen.add(cls.code)
            yield cls


def error_rows() -> list[tuple[str, str, str, str]]:
    """`(code, HTTP status, meaning, what to do)` of each error."""
    rows = []
    # By module, not as they were imported: who else was loaded before must not change the page.
    for cls in sorted(
        all_errors(), key=lambda cls: (cls.__module__ != HandoffError.__module__, cls.__module__)
    ):
        meaning = " ".join((cls.__doc__ or "").split())
        rows.append((f"`{cls.code}`", str(cls.http_status), meaning, REMEDIES.get(cls.code, "")))
    return rows
