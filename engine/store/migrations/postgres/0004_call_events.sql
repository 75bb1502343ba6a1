-- What happened to calls, one row for each event; rows are added and never changed. `payload` is the event's kind and data as JSON.
-- It may be erased (set to NULL); its hash (SHA-256, hexadecimal) stays. `calls` is a projection of these rows: `last_ms` and `last_id`
-- name the newest event that is in it, `node` the node that holds the call or waits for its stream. Rows of `calls` without `last_id`
-- are of before there were events.
CREATE TABLE call_events (
    id           TEXT COLLATE "C" PRIMARY KEY,
    call_id      TEXT NOT NULL,
    node         TEXT NOT NULL,
    unix_ms      BIGINT NOT NULL,
    kind         TEXT NOT NULL,
    payload      TEXT,
    payload_hash TEXT NOT NULL
);

CREATE INDEX call_events_by_call ON call_events (call_id, unix_ms, id);

ALTER TABLE calls ADD COLUMN last_ms BIGINT;
ALTER TABLE calls ADD COLUMN last_id TEXT;
ALTER TABLE calls ADD COLUMN node TEXT;

CREATE INDEX calls_awaited ON calls (call_id) WHERE state = 'pending' AND node IS NOT NULL;

-- Nodes, each a process. One whose lease has run out counts as dead.
CREATE TABLE nodes (
    node           TEXT PRIMARY KEY,
    started_ms     BIGINT NOT NULL,
    heartbeat_ms   BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL
);
