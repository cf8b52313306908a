"""The tables of an auditor's store, for SQLite. docs/auditing.md tells how to ask them.

Everything but `store` is a function of the chain's logs up to the cursor, so two stores at the same
block hold the same rows, however often one of them was stopped. Hashes, addresses and words are raw
bytes (`hex()` shows them), times Unix seconds, `id` the log's place in the whole history.
"""

from __future__ import annotations

VERSION = 2

TABLES = """
-- What the store is of; written once.
CREATE TABLE store (
    version INTEGER NOT NULL,
    chain INTEGER NOT NULL,
    registry BLOB NOT NULL,
    genesis BLOB NOT NULL          -- hash of the chain's block 0
);

-- How far it has come: every log up to `block` is here. One row.
CREATE TABLE cursor (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    first INTEGER NOT NULL,        -- block that reading began with: the registry's deployment
    block INTEGER NOT NULL,        -- first - 1 before anything was read
    block_hash BLOB,               -- NULL where no header was read for it
    logs INTEGER NOT NULL,
    registrations INTEGER NOT NULL,
    registrations_history BLOB NOT NULL,
    last_timestamp INTEGER NOT NULL
);

-- Blocks that hold a log.
CREATE TABLE block (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
);

-- One row a log: where it stands, and all that it says.
CREATE TABLE operation (
    id INTEGER PRIMARY KEY,        -- from 1, in the order of the chain
    block INTEGER NOT NULL REFERENCES block,
    log_index INTEGER NOT NULL,
    tx_hash BLOB NOT NULL,
    issuer BLOB NOT NULL,
    operation INTEGER NOT NULL,    -- its number in the issuer's history, from 1
    kind TEXT NOT NULL,            -- the event's name
    timestamp INTEGER NOT NULL,
    actor BLOB NOT NULL,           -- whose authority was used
    root BLOB,                     -- of the batch, for the kinds that have one
    change TEXT,                   -- SUSPEND, REINSTATE, REVOKE
    leaves INTEGER,                -- a batch's size; how many a status change names
    detail TEXT,                   -- JSON: what the event says beyond these columns
    history BLOB,                  -- the issuer's history hash after it; NULL if it cannot follow
    rest BLOB NOT NULL             -- the log's data behind operation, timestamp and actor
);
CREATE INDEX operation_issuer ON operation (issuer, operation);
-- Anchors and status changes are nearly all there is: the few others are found by themselves.
CREATE INDEX operation_rare ON operation (kind) WHERE leaves IS NULL;

-- One row a leaf that a status change names.
CREATE TABLE lane (
    id INTEGER NOT NULL REFERENCES operation,
    leaf INTEGER NOT NULL,         -- index in the batch
    PRIMARY KEY (id, leaf)
) WITHOUT ROWID;

-- From here on the registry's state after all that.
CREATE TABLE issuer (
    id BLOB PRIMARY KEY,
    registration INTEGER NOT NULL,
    owner BLOB NOT NULL,
    pending_owner BLOB NOT NULL,
    did_hash BLOB NOT NULL,
    profile_uri BLOB NOT NULL,     -- as sent, perhaps no UTF-8
    paused INTEGER NOT NULL,
    retired INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    distrust_after INTEGER NOT NULL,
    operations INTEGER NOT NULL,
    history BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE delegate (
    issuer BLOB NOT NULL,
    account BLOB NOT NULL,
    roles INTEGER NOT NULL,        -- 1 anchor, 2 status
    epoch INTEGER NOT NULL,
    expiry INTEGER NOT NULL,
    PRIMARY KEY (issuer, account)
) WITHOUT ROWID;

CREATE TABLE batch (
    issuer BLOB NOT NULL,
    root BLOB NOT NULL,
    anchored_at INTEGER NOT NULL,
    operation INTEGER NOT NULL,
    size INTEGER NOT NULL,         -- leaves, random filling included
    meta_hash BLOB NOT NULL,
    revoked INTEGER NOT NULL,      -- as a whole
    PRIMARY KEY (issuer, root)
) WITHOUT ROWID;

CREATE TABLE word (
    issuer BLOB NOT NULL,
    root BLOB NOT NULL,
    number INTEGER NOT NULL,       -- leaves 128 * number to 128 * number + 127
    lanes BLOB NOT NULL,           -- 128 lanes of two bits, as in the contract's storage
    PRIMARY KEY (issuer, root, number)
) WITHOUT ROWID;

CREATE TABLE nonce (
    issuer BLOB NOT NULL,
    signer BLOB NOT NULL,
    number BLOB NOT NULL,          -- 32 bytes: nonces 256 * number to 256 * number + 255
    used BLOB NOT NULL,
    PRIMARY KEY (issuer, signer, number)
) WITHOUT ROWID;

-- Issuers with an operation that cannot follow those before it: the first such.
CREATE TABLE broken (
    issuer BLOB PRIMARY KEY,
    id INTEGER NOT NULL REFERENCES operation,
    operation INTEGER NOT NULL,
    reason TEXT NOT NULL
) WITHOUT ROWID;
"""

STATE = ("issuer", "delegate", "batch", "word", "nonce", "broken")
"""Rebuilt from the operations where the chain was reorganised."""

ALL = ("cursor", "block", "operation", "lane", *STATE)
