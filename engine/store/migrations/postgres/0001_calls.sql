-- One row for each call. `record` is the whole record as JSON; the other columns repeat what is searched for.
-- It is text, byte for byte what the engine wrote: a JSON type would refuse some strings that a telephone network may send.
CREATE TABLE calls (
    call_id         TEXT PRIMARY KEY,
    call_sid        TEXT,
    state           TEXT NOT NULL,
    flow            TEXT,
    version         TEXT,
    outcome         TEXT,
    customer_number TEXT,
    created_ms      BIGINT NOT NULL,
    started_ms      BIGINT,
    ended_ms        BIGINT,
    updated_ms      BIGINT NOT NULL,
    record          TEXT NOT NULL
);

CREATE INDEX calls_by_sid ON calls (call_sid, created_ms);
CREATE INDEX calls_by_time ON calls (created_ms, call_id);
CREATE INDEX calls_by_number ON calls (customer_number, created_ms);
CREATE INDEX calls_live ON calls (state) WHERE state = 'live';
