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
        _cluster_by_key()
    else:
        # An event's place is its conversation and `seq`; its id is drawn from 96 random bits, and nobody looks it up.
        op.drop_constraint(op.f("uq_events_id"), "events")
        # Events are written by one module, under the lock of their conversation's row, which is never deleted.
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


def _cluster_by_key() -> None:
    """SQLite keeps rows in the order of their key, instead of beside an index of the keys.

    The constraints that PostgreSQL drops are not made again.
    """
    _rebuilt(
        "events",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("actor_type", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=True),
        sa.Column("customer_prev", sa.Integer(), nullable=False),
        key=("conversation_id", "seq"),
    )
    _rebuilt(
        "event_bodies",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        key=("conversation_id", "seq"),
    )
    _rebuilt(
        "commands",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=90), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        key=("conversation_id", "actor", "client_id"),
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events "
            f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        )


def _rebuilt(name: str, *columns: sa.Column[object], key: tuple[str, ...]) -> None:
    names = ", ".join(column.name for column in columns)
    constraint = sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}"))
    op.create_table(f"{name}_rebuilt", *columns, constraint, sqlite_with_rowid=False)
    copied = f"INSERT INTO {name}_rebuilt ({names}) SELECT {names} FROM {name} ORDER BY {', '.join(key)}"  # noqa: S608 - names from here
    op.execute(copied)
    op.drop_table(name)
    op.rename_table(f"{name}_rebuilt", name)
