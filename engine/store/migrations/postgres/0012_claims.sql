-- Who goes on with a call whose engine has stopped: one row for each time, of the node that got it. `nth` counts from 0 how often the call had been
-- taken up before.
CREATE TABLE resumptions (
    call_id    TEXT COLLATE "C" NOT NULL,
    nth        BIGINT NOT NULL,
    node       TEXT NOT NULL,
    claimed_ms BIGINT NOT NULL,
    PRIMARY KEY (call_id, nth)
);

-- Calls in Exotel's list that were taken for the one that a dial without a reply made: each is one dial's. Rows older than a day are deleted.
CREATE TABLE found_calls (
    call_sid TEXT COLLATE "C" PRIMARY KEY,
    call_id  TEXT NOT NULL,
    found_ms BIGINT NOT NULL
);

CREATE INDEX found_calls_by_time ON found_calls (found_ms);

-- Calls that were deleted by age, so that a report of Exotel's that comes late makes no new one: keyed hashes of their ids and CallSids.
CREATE TABLE deleted_calls (
    hash       TEXT COLLATE "C" PRIMARY KEY,
    deleted_ms BIGINT NOT NULL
);

CREATE INDEX deleted_calls_by_time ON deleted_calls (deleted_ms);
