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

_OPEN = sa.text("reasons > 0 AND settled_at IS NULL")
_SETTLED = sa.text("settled_at IS NOT NULL")

# What became of each turn, written with its outcome: what editors review and what releases are compared by. The
# question itself stands in its event alone, so that erasure has one place to blank.
asked = sa.Table(
    "asked",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True),
    sa.Column("at", MILLIS, nullable=False),
    sa.Column("episode", sa.Integer, nullable=False),
    sa.Column("locale", sa.String(35), nullable=False),
    sa.Column("release_id", sa.String(100), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("threshold", sa.Float, nullable=False),
    sa.Column("frustration", sa.Float, nullable=False),
    # The article ranked first, whether or not it was the answer.
    sa.Column("article_id", sa.String(100), nullable=True),
    # Where the outcome's events begin: thumbs name the reply.
    sa.Column("reply_seq", sa.Integer, nullable=False),
    # Whether it asks something that an article could answer, and which turn's answer it turns down.
    sa.Column("question", sa.Boolean, nullable=False),
    sa.Column("rejects", sa.Integer, nullable=True),
    # Why an editor should see it: bits of domain/asked.py. What happens later adds some.
    sa.Column("reasons", sa.Integer, nullable=False),
    # An agent's time for the handoff that it led to, once that is over.
    sa.Column("minutes", sa.Float, nullable=True),
    # What an editor did about it. A group that was dealt with is not shown again.
    sa.Column("group_id", ID, nullable=True),
    sa.Column("settled_at", MILLIS, nullable=True),
    sa.Column("settled_by", sa.String(80), nullable=True),
    sa.Column("settled_how", sa.String(16), nullable=True),
    sa.Index(None, "at"),
    # The review inbox, and what its list adds up. Most turns are in neither of these two, and cost them nothing.
    sa.Index(
        "ix_asked_open",
        "group_id",
        "at",
        "reasons",
        "minutes",
        # Always null here; without it SQLite looks at each row to find that.
        "settled_at",
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    sa.Index(
        "ix_asked_settled", "settled_how", "settled_at", sqlite_where=_SETTLED, postgresql_where=_SETTLED
    ),
)

# Thumbs of customers by the reply they stand under: the turn before `seq` is the one they are about.
reply_feedback = sa.Table(
    "reply_feedback",
    metadata,
    sa.Column("conversation_id", ID, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", MILLIS, nullable=False),
    sa.Column("helpful", sa.Boolean, nullable=False),
    sa.Index(None, "at"),
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
    # Each change makes the next version; `article_versions` has them all.
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    # 'ready' goes into the next training and may be published, 'draft' does not.
    sa.Column("status", sa.String(16), nullable=False, server_default="ready"),
    sa.Column("owner", sa.String(80), nullable=True),
    # RFC 3339, UTC, to the second: what a release's files say.
    sa.Column("valid_from", sa.String(20), nullable=True),
    sa.Column("valid_until", sa.String(20), nullable=True),
    sa.Column("updated_by", sa.String(80), nullable=False, server_default=sa.text("''")),
    sa.Index(None, "updated_at"),
)

# Who changed an article, when and to what; also of articles that are gone (`data` null: removed).
article_versions = sa.Table(
    "article_versions",
    metadata,
    sa.Column("article_id", sa.String(100), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at", MILLIS, nullable=False),
    sa.Column("by", sa.String(80), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("note", sa.String(500), nullable=True),
    sa.Column("data", sa.Text, nullable=True),
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

# What an intent is beside its examples; no row: one that ships and that nobody has changed since there are versions.
intents = sa.Table(
    "intents",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("description", sa.String(200), nullable=False, server_default=sa.text("''")),
    # What Baton does; null: it ships, and what it does is in the program.
    sa.Column("does", sa.Text, nullable=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated_at", MILLIS, nullable=False),
    sa.Column("updated_by", sa.String(80), nullable=False),
)

# Who changed an intent, when and to what; also of intents that are gone (`data` null: removed).
intent_versions = sa.Table(
    "intent_versions",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at", MILLIS, nullable=False),
    sa.Column("by", sa.String(80), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("data", sa.Text, nullable=True),
)

# What marked words in examples are.
entities = sa.Table(
    "entities",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated_at", MILLIS, nullable=False),
    sa.Column("updated_by", sa.String(80), nullable=False),
)

# --- the studio -----------------------------------------------------------------------------------------

# Long work in a process of its own: training, grouping. Whoever sees a row whose `beat_at` has stopped takes it up again.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("stage", sa.String(40), nullable=False, server_default=sa.text("''")),
    sa.Column("done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("total", sa.Integer, nullable=False, server_default="0"),
    sa.Column("message", sa.String(500), nullable=False, server_default=sa.text("''")),
    sa.Column("asked_by", sa.String(80), nullable=False),
    sa.Column("asked_at", MILLIS, nullable=False),
    sa.Column("started_at", MILLIS, nullable=True),
    sa.Column("ended_at", MILLIS, nullable=True),
    sa.Column("beat_at", MILLIS, nullable=True),
    sa.Column("worker", ID, nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cancel", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("params", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=True),
    sa.Index(None, "state"),
    sa.Index(None, "kind", "asked_at"),
)

# Questions that releases are compared on and that nothing is ever trained on.
exam = sa.Table(
    "exam",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    # Null: it should not be answered.
    sa.Column("article_id", sa.String(100), nullable=True),
    sa.Column("locale", sa.String(35), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("added_by", sa.String(80), nullable=False),
    sa.Column("added_at", MILLIS, nullable=False),
)

# A release that answers a share of new conversations.
canaries = sa.Table(
    "canaries",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("release_id", sa.String(100), nullable=False),
    sa.Column("against", sa.String(100), nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("salt", sa.String(64), nullable=False),
    sa.Column("started_at", MILLIS, nullable=False),
    sa.Column("started_by", sa.String(80), nullable=False),
    sa.Column("ended_at", MILLIS, nullable=True),
    sa.Column("ended_by", sa.String(80), nullable=True),
    sa.Column("outcome", sa.String(16), nullable=True),
    # True until it ends, then null: there is one at a time.
    sa.Column("running", sa.Boolean, nullable=True, unique=True),
)

# What is to be done once somebody else has agreed, or when its time has come.
plans = sa.Table(
    "plans",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("action", sa.String(24), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("params", sa.Text, nullable=False),
    sa.Column("why", sa.String(500), nullable=True),
    sa.Column("asked_by", sa.String(80), nullable=False),
    sa.Column("asked_at", MILLIS, nullable=False),
    sa.Column("due_at", MILLIS, nullable=False),
    # asked (waits for somebody's yes), due (waits for its time), running, done, refused, cancelled, failed.
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("decided_by", sa.String(80), nullable=True),
    sa.Column("decided_at", MILLIS, nullable=True),
    sa.Column("ended_at", MILLIS, nullable=True),
    sa.Column("problem", sa.String(500), nullable=True),
    sa.Column("leased_until", MILLIS, nullable=False, server_default="0"),
    sa.Index(None, "state", "due_at"),
)

# Who did what that customers can notice, and why.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", MILLIS, nullable=False),
    sa.Column("by", sa.String(80), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("why", sa.String(500), nullable=True),
    sa.Column("data", sa.Text, nullable=False),
)

studio_settings = sa.Table(
    "studio_settings",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("updated_at", MILLIS, nullable=False),
    sa.Column("updated_by", sa.String(80), nullable=False),
)

# Questions of the review inbox that mean the same, as last grouped. Their words stand in their events alone; `examples` are
# the keys of those nearest to what they mean together. A group that was settled stays for a while, to say by whom.
review_groups = sa.Table(
    "review_groups",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("examples", sa.Text, nullable=False),
    sa.Column("suggested_id", sa.String(100), nullable=True),
    sa.Column("suggested_score", sa.Float, nullable=True),
    sa.Column("made_at", MILLIS, nullable=False),
    sa.Column("settled_at", MILLIS, nullable=True),
    sa.Column("settled_by", sa.String(80), nullable=True),
    sa.Column("settled_how", sa.String(16), nullable=True),
    # The article or intent that it went to.
    sa.Column("settled_into", sa.String(200), nullable=True),
)
