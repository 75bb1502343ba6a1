-- Lists of customers. `changes` counts the writes to a list, so that a campaign notices new customers.
CREATE TABLE customer_lists (
    name       TEXT PRIMARY KEY,
    flow       TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    changes    BIGINT NOT NULL
);

-- Customers of lists. `customer` is a hash of the number and the accounts, `fields` the record as JSON, `import` and `line` tell which line of
-- which import wrote the row last.
CREATE TABLE customers (
    list       TEXT NOT NULL,
    customer   TEXT NOT NULL,
    phone      TEXT NOT NULL,
    fields     TEXT NOT NULL,
    import     TEXT NOT NULL,
    line       BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (list, customer)
);

-- Campaigns. `plan` is their rules as JSON. `enrolled_after` is the last customer of the list that was enrolled, NULL when all of the list as of
-- `enrolled_changes` are. `next_ms` is the earliest time of the next dial.
CREATE TABLE campaigns (
    name             TEXT PRIMARY KEY,
    list             TEXT NOT NULL,
    flow             TEXT NOT NULL,
    plan             TEXT NOT NULL,
    state            TEXT NOT NULL,
    reason           TEXT,
    created_ms       BIGINT NOT NULL,
    started_ms       BIGINT,
    ended_ms         BIGINT,
    changed_ms       BIGINT NOT NULL,
    enrolled_after   TEXT,
    enrolled_changes BIGINT,
    next_ms          BIGINT NOT NULL
);

-- Customers of campaigns: `waiting` until `due_ms`, `calling`, or `done`. A node that is about to call one holds the row until `lease_until_ms`.
CREATE TABLE campaign_customers (
    campaign       TEXT NOT NULL,
    customer       TEXT NOT NULL,
    phone          TEXT NOT NULL,
    state          TEXT NOT NULL,
    due_ms         BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    outcome        TEXT,
    reason         TEXT,
    call_id        TEXT,
    node           TEXT,
    lease_until_ms BIGINT,
    changed_ms     BIGINT NOT NULL,
    PRIMARY KEY (campaign, customer)
);

CREATE INDEX campaign_customers_due ON campaign_customers (campaign, due_ms) WHERE state = 'waiting';
CREATE INDEX campaign_customers_by_phone ON campaign_customers (phone);

-- Attempts to call customers of campaigns, each written before Exotel is asked to dial. `counts` is 0 for one that certainly dialled nobody;
-- before `not_before_ms` the customer is not to be called again, because they promised to pay.
CREATE TABLE attempts (
    call_id       TEXT PRIMARY KEY,
    campaign      TEXT NOT NULL,
    customer      TEXT NOT NULL,
    number        BIGINT NOT NULL,
    phone         TEXT NOT NULL,
    node          TEXT NOT NULL,
    began_ms      BIGINT NOT NULL,
    settled_ms    BIGINT,
    outcome       TEXT,
    counts        BIGINT NOT NULL,
    not_before_ms BIGINT,
    UNIQUE (campaign, customer, number)
);

CREATE INDEX attempts_by_phone ON attempts (phone, began_ms);
CREATE INDEX attempts_by_time ON attempts (campaign, settled_ms);
-- nobody is called by two campaigns, or two nodes, at the same time
CREATE UNIQUE INDEX attempts_in_progress ON attempts (phone) WHERE settled_ms IS NULL;
