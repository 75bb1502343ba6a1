-- Events of calls, one row each; rows are added and not changed, except that `payload`, the event's
-- kind and data as JSON, may be erased (set to NULL). Its hash (SHA-256, in hexadecimal) stays.
--
-- `calls` is a projection of these rows: `last_ms` and `last_id` name the newest event in the
-- record, `node` the node that holds the call or waits for its stream. Rows of `calls` without
-- `last_id` are from an engine version without events.
CREATE TABLE call_events (
    id           TEXT PRIMARY KEY,
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

-- Nodes, each a process. A node whose lease has expired counts as dead.
CREATE TABLE nodes (
    node           TEXT PRIMARY KEY,
    started_ms     BIGINT NOT NULL,
    heartbeat_ms   BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL
);
