"""Waiting is honest: pick-ups to estimate waits from, addresses to write to, a ladder for those who wait already."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LADDER = {"wake_agents": 30_000, "wake_supervisors": 120_000}
"""The rungs as of this revision: it must do the same whatever later code makes of them."""


def upgrade() -> None:
    op.create_table(
        "pickups",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("waiting_since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name=op.f("pk_pickups")),
    )
    op.create_index(op.f("ix_pickups_at"), "pickups", ["at"], unique=False)
    # Not in a batch: SQLite adds a column that may be null in place, without copying every conversation.
    op.add_column("conversations", sa.Column("follow_up_since", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_conversations_follow_up_since"), "conversations", ["follow_up_since"], unique=False
    )
    _set_timers_of_those_who_wait()
    _open_follow_ups()


def _set_timers_of_those_who_wait() -> None:
    for kind, after_ms in LADDER.items():
        op.execute(
            sa.text(
                "INSERT INTO reactions (conversation_id, seq, kind, created_at, due_at) "
                "SELECT id, seq, :kind, waiting_since, waiting_since + :after_ms FROM conversations "
                "WHERE state = 'waiting' AND waiting_since IS NOT NULL"
            ).bindparams(kind=kind, after_ms=after_ms)
        )


def _open_follow_ups() -> None:
    """Addresses were taken before, and nobody was told: those with whom nothing happened since are shown now."""
    connection = op.get_bind()
    left = connection.execute(
        sa.text(
            "SELECT c.id, c.snapshot, e.at, b.data FROM events e "
            "JOIN conversations c ON c.id = e.conversation_id AND c.state = 'closed' AND c.seq = e.seq + 1 "
            "JOIN event_bodies b ON b.conversation_id = e.conversation_id AND b.seq = e.seq "
            "WHERE e.kind = 'customer.left_contact'"
        )
    ).all()
    for row in left:
        contact = json.loads(row.data)
        if "email" not in contact:
            continue
        snapshot = json.loads(row.snapshot)
        snapshot["follow_up"] = {"at": row.at, "email": contact["email"], "text": contact.get("text")}
        connection.execute(
            sa.text("UPDATE conversations SET snapshot = :snapshot, follow_up_since = :at WHERE id = :id"),
            {"snapshot": json.dumps(snapshot), "at": row.at, "id": row.id},
        )
