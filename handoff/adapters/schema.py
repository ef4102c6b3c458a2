"""The database schema, once, for SQLite and PostgreSQL. Migrations build it; a test holds the two together.

Times are whole milliseconds since the Unix epoch (UTC). The log is append-only: `events` says what happened,
`event_bodies` holds what people wrote and is the only part that erasure blanks.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = sa.String(64)
MILLIS = sa.BigInteger

# --- the log --------------------------------------------------------------------------------------------

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("client_id", ID, nullable=False, unique=True),
    sa.Column("opening_digest", sa.String(64), nullable=False),
    sa.Column("created_at", MILLIS, nullable=False),
    sa.Column("locale", sa.String(35), nullable=False),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("holder_id", ID, nullable=True),
    sa.Column("queue_rank", sa.Integer, nullable=False),
    sa.Column("waiting_since", MILLIS, nullable=True),
    # When the clock alone next changes this conversation (idle close, expiry of a handoff); null: never.
    sa.Column("due_at", MILLIS, nullable=True),
    sa.Column("updated_at", MILLIS, nullable=False),
    # Since when an address that the customer left waits for somebody to write to it.
    sa.Column("follow_up_since", MILLIS, nullable=True),
    sa.Index(None, "follow_up_since"),
    sa.Index(None, "state", "queue_rank", "waiting_since"),
    sa.Index(None, "holder_id"),
    sa.Index(None, "due_at"),
)

# The fold of a conversation's log up to `seq`, which may be behind that of the conversation: what has happened since
# is folded in by who reads it. A test folds the log anew and compares.
snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

# No foreign key and no index but the primary key: both would be looked up again for each message.
events = sa.Table(
    "events",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("id", ID, nullable=False),
    sa.Column("at", MILLIS, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("actor_type", sa.String(16), nullable=False),
    sa.Column("actor_id", ID, nullable=True),
    # The last seq before this one that the customer may see: the `prev` of the customer's copy.
    sa.Column("customer_prev", sa.Integer, nullable=False),
)

event_bodies = sa.Table(
    "event_bodies",
    metadata,
    # The event's, which grows with time: the bodies of all conversations go to one end of the index.
    sa.Column("id", ID, primary_key=True),
    sa.Column("actor_name", sa.String(200), nullable=True),
    sa.Column("data", sa.Text, nullable=False),
)

# A command's result, kept so that a repeat gets the same answer (P2).
commands = sa.Table(
    "commands",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("actor", sa.String(90), primary_key=True),
    sa.Column("client_id", ID, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("events", sa.Integer, nullable=False),
)

# Work that an event calls for, written in the event's transaction. Taken by lease, done once.
reactions = sa.Table(
    "reactions",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(24), primary_key=True),
    sa.Column("created_at", MILLIS, nullable=False),
    sa.Column("due_at", MILLIS, nullable=False),
    sa.Column("leased_by", ID, nullable=True),
    sa.Column("leased_until", MILLIS, nullable=False, server_default="0"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("done_at", MILLIS, nullable=True),
    sa.Index(
        "ix_reactions_open",
        "due_at",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    ),
)

# The waits that an agent's coming ended: from the latest of them the next ones are estimated.
pickups = sa.Table(
    "pickups",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", MILLIS, nullable=False),
    sa.Column("waiting_since", MILLIS, nullable=False),
    sa.Index(None, "at"),
)

# What a bot needs to go on with a conversation, written with its outcome: any bot can take the next turn.
bot_dialogues = sa.Table(
    "bot_dialogues",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("dialogue", sa.Text, nullable=True),
)

read_cursors = sa.Table(
    "read_cursors",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("actor", sa.String(90), primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False),
)

# An agent with an open socket renews this; when it runs out, the agent's conversations go back to the queue.
agent_leases = sa.Table(
    "agent_leases",
    metadata,
    sa.Column("agent_id", ID, primary_key=True),
    sa.Column("leased_until", MILLIS, nullable=False),
)

# --- people ---------------------------------------------------------------------------------------------

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("name_key", sa.String(80), nullable=False, unique=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("password_hash", sa.Text, nullable=True),
    sa.Column("must_change_password", sa.Boolean, nullable=False),
    sa.Column("created_at", MILLIS, nullable=False),
    sa.Column("disabled_at", MILLIS, nullable=True),
)

login_sessions = sa.Table(
    "login_sessions",
    metadata,
    sa.Column("token_digest", sa.String(64), primary_key=True),
    sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("csrf_token", sa.String(64), nullable=False),
    sa.Column("created_at", MILLIS, nullable=False),
    sa.Column("expires_at", MILLIS, nullable=False),
)

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("token_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("label", sa.String(80), nullable=False),
    sa.Column("created_at", MILLIS, nullable=False),
    sa.Column("revoked_at", MILLIS, nullable=True),
)

# Failed log-ins by throttle key (name or address), so that a restart or a second relay forgets nothing.
login_failures = sa.Table(
    "login_failures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("throttle_key", sa.String(160), nullable=False),
    sa.Column("at", MILLIS, nullable=False),
    sa.Index(None, "throttle_key", "at"),
)

# Networks from which a user logged in lately. They have a throttle of their own, so that strangers who guess
# at a name cannot keep its owner out.
known_networks = sa.Table(
    "known_networks",
    metadata,
    sa.Column("user_id", ID, sa.ForeignKey("users.id"), primary_key=True),
    sa.Column("network", sa.String(64), primary_key=True),
    sa.Column("seen_at", MILLIS, nullable=False),
)

# --- content --------------------------------------------------------------------------------------------

articles = sa.Table(
    "articles",
    metadata,
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("locale", sa.String(35), nullable=False),
    sa.Column("updated_at", MILLIS, nullable=False),
)

article_questions = sa.Table(
    "article_questions",
    metadata,
    sa.Column("article_id", sa.String(100), sa.ForeignKey("articles.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)

intent_examples = sa.Table(
    "intent_examples",
    metadata,
    sa.Column("intent", sa.String(100), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)
