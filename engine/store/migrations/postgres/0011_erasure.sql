-- What was erased of a call: 0 nothing, 1 the flow's journal, 2 everything personal. An event that is added makes it 0 again.
ALTER TABLE calls ADD COLUMN erased BIGINT NOT NULL DEFAULT 0;

CREATE INDEX calls_unerased ON calls (created_ms) WHERE erased < 2;
CREATE INDEX calls_with_journal ON calls (created_ms) WHERE erased < 1;
CREATE INDEX customers_by_phone ON customers (phone);
CREATE INDEX customers_by_change ON customers (changed_ms);

-- Random keys of this database, in hexadecimal. `numbers` makes the hashes that stand in place of numbers whose persons were erased.
CREATE TABLE random_keys (
    name TEXT PRIMARY KEY,
    key  TEXT NOT NULL
);

-- Tasks that one node does at a time, until its time is over.
CREATE TABLE tasks (
    name     TEXT PRIMARY KEY,
    node     TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);
