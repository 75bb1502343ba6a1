-- Customers who asked not to be called any more: one row for each call in which they did. A wish that was lifted stays, with the time.
CREATE TABLE do_not_call (
    call_id   TEXT PRIMARY KEY,
    phone     TEXT NOT NULL,
    since_ms  BIGINT NOT NULL,
    lifted_ms BIGINT
);

CREATE INDEX do_not_call_by_phone ON do_not_call (phone, since_ms);
