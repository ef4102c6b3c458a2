"""A message costs fewer pages: no index that nobody asks, no key looked up twice, and snapshots apart from heads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = "the log is append-only"


def upgrade() -> None:
    _keep_snapshots_apart()
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_events()
    else:
        op.drop_constraint(op.f("uq_events_id"), "events")
        op.drop_constraint(op.f("fk_events_conversation_id"), "events")
        # Heads are written with every message: room for the next version of a row on the page of the last.
        op.execute("ALTER TABLE conversations SET (fillfactor = 50)")


def _keep_snapshots_apart() -> None:
    """A snapshot is the largest part of a conversation's row and was written again with each message."""
    op.create_table(
        "snapshots",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_snapshots")),
    )
    op.execute(
        "INSERT INTO snapshots (conversation_id, seq, data) SELECT id, seq, snapshot FROM conversations"
    )
    # Not in a batch: SQLite drops a column in place.
    op.execute("ALTER TABLE conversations DROP COLUMN snapshot")


def _rebuild_events() -> None:
    """The table without what PostgreSQL drops in place: the uniqueness of ids and the foreign key.

    An event's place is its conversation and `seq`. Its id is drawn from 96 random bits and nobody looks it up; and
    events are written by one module, under the lock of their conversation's row, which is never deleted.
    """
    op.create_table(
        "events_rebuilt",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("actor_type", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=True),
        sa.Column("customer_prev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name=op.f("pk_events")),
    )
    op.execute(
        "INSERT INTO events_rebuilt (conversation_id, seq, id, at, kind, actor_type, actor_id, customer_prev) "
        "SELECT conversation_id, seq, id, at, kind, actor_type, actor_id, customer_prev FROM events ORDER BY rowid"
    )
    op.drop_table("events")
    op.rename_table("events_rebuilt", "events")
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events "
            f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        )
