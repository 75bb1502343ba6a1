-- Webhook messages that are to be delivered: written in the transaction of the events that they tell of, and deleted once delivered. One that
-- was given up is kept with the time (`dead_ms`).
--
-- `seq` is the order in which messages were written; of one call and endpoint, only the first that is neither delivered nor dead is sent.
-- `next_ms` is when that may be tried: a node that takes it moves the time beyond its own attempt, so that no other node takes it meanwhile.
-- `attempts` counts the times it was taken, and is the number by which the node that took it reports the result.
CREATE TABLE webhook_deliveries (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    endpoint   TEXT NOT NULL,
    call_id    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    next_ms    BIGINT NOT NULL,
    error      TEXT,
    dead_ms    BIGINT
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_ms, seq) WHERE dead_ms IS NULL;
CREATE INDEX webhook_deliveries_by_call ON webhook_deliveries (endpoint, call_id, seq) WHERE dead_ms IS NULL;
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (dead_ms) WHERE dead_ms IS NOT NULL;
