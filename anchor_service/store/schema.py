"""The tables. Times are unix seconds; hashes and addresses raw bytes; fees wei per gas.

Migrations in `anchor_service.migrations` build what stands here; a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

# The newest migration's revision.
HEAD = "0009"

metadata = MetaData()

# SQLite gives out row numbers by itself only for a column that is exactly INTEGER.
_Id = BigInteger().with_variant(Integer, "sqlite")

# The batch that takes credentials.
_OPEN = "state = 'OPEN' AND closed IS NULL"

batch = Table(
    "batch",
    metadata,
    Column("id", _Id, primary_key=True),
    # The handle of the issuer whose batch it is, as the workspace's settings have it.
    Column("issuer", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("created", BigInteger, nullable=False),
    # When the state was last written: what waits for a batch to become FINAL or BLOCKED asks so.
    Column("changed", BigInteger, nullable=False),
    # When a person asked for its seal before the schedule does.
    Column("seal_asked", BigInteger),
    # Since when an OPEN batch takes no more credentials: its seal is being made.
    Column("closed", BigInteger),
    # How often it was BLOCKED in a row, and when it is tried again.
    Column("tries", Integer, nullable=False),
    Column("retry_at", BigInteger),
    # From here on set by the seal, once.
    Column("chain", BigInteger),
    Column("registry", LargeBinary),
    Column("issuer_id", LargeBinary),
    Column("root", LargeBinary, unique=True),
    Column("size", BigInteger),
    Column("meta_hash", LargeBinary),
    Column("sealed", BigInteger),
    # Last, because it is large: SQLite reads the columns before it without it.
    Column("leaves", LargeBinary),
    CheckConstraint("state = 'OPEN' OR leaves IS NOT NULL", name="sealed_is_whole"),
    Index("batch_by_state", "issuer", "state"),
    Index(
        "one_open_batch",
        "issuer",
        unique=True,
        sqlite_where=text(_OPEN),
        postgresql_where=text(_OPEN),
    ),
)

credential = Table(
    "credential",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("batch", _Id, ForeignKey("batch.id"), nullable=False, index=True),
    Column("issuer", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    # The document's own id; two different documents may share one.
    Column("credential_id", Text, index=True),
    # For people only, never hashed: whom or what the credential is about. NULL once erased.
    Column("label", Text),
    Column("digest", LargeBinary, nullable=False),
    # Encoded by `documents`; NULL once erased.
    Column("document", LargeBinary),
    UniqueConstraint("issuer", "digest", name="one_digest_an_issuer"),
    # Pages of one issuer's credentials, however many another has.
    Index("credential_by_issuer", "issuer", "id"),
)

# Apart from `credential`, so that sealing rewrites no document, and deleting one row here and one
# document there is all that erasure takes: the leaf then means nothing to anybody.
placement = Table(
    "placement",
    metadata,
    Column("credential", _Id, ForeignKey("credential.id"), primary_key=True, autoincrement=False),
    Column("leaf_index", BigInteger, nullable=False),
    Column("salt", LargeBinary, nullable=False),
)

intent = Table(
    "intent",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("chain", BigInteger, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("batch", _Id, ForeignKey("batch.id"), index=True),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("chain", "sender", "nonce", name="one_intent_a_nonce"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("intent", _Id, ForeignKey("intent.id"), nullable=False, index=True),
    Column("raw", LargeBinary, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", BigInteger, nullable=False),
    Column("tip", BigInteger, nullable=False),
    Column("signed", BigInteger, nullable=False),
    Column("last_sent", BigInteger),
    Column("error", Text),
    # A transfer of nothing to ourselves: what the nonce was for is not wanted any more.
    Column("cancels", Boolean, nullable=False),
)

# Where the chain holds what an intent or a batch asked for; replaced when a block vanishes.
inclusion = Table(
    "inclusion",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("intent", _Id, ForeignKey("intent.id"), unique=True),
    Column("batch", _Id, ForeignKey("batch.id"), unique=True),
    Column("tx_hash", LargeBinary, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary, nullable=False),
    Column("block_time", BigInteger, nullable=False),
    # NULL for a deployment, which emits none.
    Column("log_index", BigInteger),
    # What the transaction cost: gas, and wei per gas. NULL where another account paid.
    Column("gas_used", BigInteger),
    Column("gas_price", BigInteger),
    # An adopted anchor has a batch and no intent; everything else of ours has an intent.
    CheckConstraint("intent IS NOT NULL OR batch IS NOT NULL", name="included_something"),
)

signer_lease = Table(
    "signer_lease",
    metadata,
    Column("chain", BigInteger, primary_key=True, autoincrement=False),
    Column("sender", LargeBinary, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

# What the worker that holds the lease saw last, so that no other process asks the chain for it.
account_state = Table(
    "account_state",
    metadata,
    Column("chain", BigInteger, primary_key=True, autoincrement=False),
    Column("sender", LargeBinary, primary_key=True),
    # Handles, separated by spaces.
    Column("issuers", Text, nullable=False),
    # In wei, decimal: no database's integers hold every balance.
    Column("balance", Text),
    # JSON: a list of {name, height, fault}; names hold no keys.
    Column("endpoints", Text, nullable=False),
    # Why nothing goes on for this account now; NULL while all is well.
    Column("trouble", Text),
    Column("seen", BigInteger, nullable=False),
)

status_change = Table(
    "status_change",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("credential", _Id, ForeignKey("credential.id"), nullable=False, index=True),
    Column("change", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("intent", _Id, ForeignKey("intent.id"), index=True),
    Column("created", BigInteger, nullable=False),
    # Why it was DROPPED.
    Column("reason", Text),
    # Why it can't be sent now, which a person must mend.
    Column("blocked", Text),
    # Sent at once, not gathered.
    Column("urgent", Boolean, nullable=False),
    # Why a person asked for it, and who: kept here, never on the chain.
    Column("reason_code", Text),
    Column("note", Text),
    Column("asked_by", Text),
    Column("changed", BigInteger, nullable=False),
)
# What is not finished is little beside what is.
Index("status_change_unfinished", status_change.c.state)

# Of a FINAL change that no transaction of ours made: the final block that was seen to show it.
shown_change = Table(
    "shown_change",
    metadata,
    Column("change", _Id, ForeignKey("status_change.id"), primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary, nullable=False),
    Column("block_time", BigInteger, nullable=False),
)

# A sealed batch's leaves cut into subtrees, so that a receipt needs a few of them: `tree_parts`.
tree_part = Table(
    "tree_part",
    metadata,
    Column("batch", _Id, ForeignKey("batch.id"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    # Separated by spaces.
    Column("scopes", Text, nullable=False),
    # SHA-256 of 256 random bits; the secret itself is nowhere.
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
)

# What requests with an Idempotency-Key were answered, written in the transaction of their effect.
idempotency = Table(
    "idempotency",
    metadata,
    Column("issuer", Text, primary_key=True),
    # The name of the API key, which outlives a rotation.
    Column("client", Text, primary_key=True),
    Column("key_hash", LargeBinary, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False, index=True),
)

# What webhooks are told, written in the transaction in which it happened.
notice = Table(
    "notice",
    metadata,
    Column("id", _Id, primary_key=True),
    # What receivers know a repeated delivery by.
    Column("name", Text, nullable=False, unique=True),
    Column("issuer", Text, nullable=False),
    Column("event", Text, nullable=False),
    # NULL where it is of no one batch.
    Column("batch", _Id, ForeignKey("batch.id"), index=True),
    # The kind of reason why something is blocked: the same one is told once a day.
    Column("reason", Text),
    Column("body", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    # Whether `delivery` has a row for each endpoint that was configured then.
    Column("spread", Boolean, nullable=False),
    Index("notice_to_spread", "spread"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("notice", _Id, ForeignKey("notice.id"), nullable=False),
    # The endpoint's name in the settings; its URL and secret are only there.
    Column("endpoint", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # When to try next; NULL once delivered or given up.
    Column("due", BigInteger, index=True),
    Column("delivered", BigInteger),
    Column("error", Text),
    UniqueConstraint("notice", "endpoint", name="one_delivery_an_endpoint"),
)

# Files of the drop folder that were taken in, in the transaction of their credentials. No name:
# it may be a person's.
inbox_file = Table(
    "inbox_file",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("achievement", Text, nullable=False),
    # SHA-256 of the file's bytes; random once everybody in it is erased.
    Column("digest", LargeBinary, nullable=False),
    # As `created` of its credentials.
    Column("taken", BigInteger, nullable=False),
    Column("credentials", BigInteger, nullable=False),
    UniqueConstraint("issuer", "achievement", "digest", name="one_file_an_achievement"),
)

# Who approved that a batch be sealed with exactly these credentials.
batch_approval = Table(
    "batch_approval",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("batch", _Id, ForeignKey("batch.id"), nullable=False),
    Column("name", Text, nullable=False),
    # The operating system's account that said so.
    Column("account", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    # SHA-256 of the batch's credential digests, sorted, one after the other.
    Column("covers", LargeBinary, nullable=False),
    UniqueConstraint("batch", "name", "covers", name="one_approval_a_person"),
)

# Who, besides the person who asked for it, approved a change of status.
change_approval = Table(
    "change_approval",
    metadata,
    Column("change", _Id, ForeignKey("status_change.id"), primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# A mended credential and the one that it replaces, which is revoked once the new one is final.
replacement = Table(
    "replacement",
    metadata,
    Column("old", _Id, ForeignKey("credential.id"), primary_key=True, autoincrement=False),
    Column("new", _Id, ForeignKey("credential.id"), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
)
