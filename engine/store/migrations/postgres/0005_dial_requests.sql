-- Requests to dial that were made with a key, so that one that is sent again does not dial again. `key_hash` and `body_hash` are SHA-256 in
-- hexadecimal; rows older than a day are deleted.
CREATE TABLE dial_requests (
    key_hash  TEXT PRIMARY KEY,
    body_hash TEXT NOT NULL,
    call_id   TEXT NOT NULL,
    unix_ms   BIGINT NOT NULL
);

CREATE INDEX dial_requests_by_time ON dial_requests (unix_ms);
