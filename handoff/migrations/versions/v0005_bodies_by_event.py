"""Bodies are found by their event's id, which grows with time.

By conversation and `seq`, each conversation's newest body had a page of the index to itself, written anew with every
message. New ids begin with the time, so that the bodies of all conversations go to one end of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    at_once = op.get_bind().dialect.name == "sqlite"
    if not at_once:
        # A relay of the version before may run still: what it wrote between the copy and the drop would be lost.
        op.execute("LOCK TABLE conversations, events, event_bodies IN ACCESS EXCLUSIVE MODE")
    key = [sa.PrimaryKeyConstraint("id", name=op.f("pk_event_bodies"))]
    op.create_table(
        "event_bodies_rebuilt",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        # SQLite adds no key later; on PostgreSQL the old table's key still has the name.
        *(key if at_once else []),
    )
    op.execute(
        "INSERT INTO event_bodies_rebuilt (id, actor_name, data) SELECT e.id, b.actor_name, b.data FROM events e "
        "JOIN event_bodies b ON b.conversation_id = e.conversation_id AND b.seq = e.seq ORDER BY e.at"
    )
    op.drop_table("event_bodies")
    op.rename_table("event_bodies_rebuilt", "event_bodies")
    if not at_once:
        op.create_primary_key(op.f("pk_event_bodies"), "event_bodies", ["id"])
