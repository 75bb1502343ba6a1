-- Whether a call has a problem or its outcome is a failure: 1 or 0. Such calls are few among all: their index has no others.
ALTER TABLE calls ADD COLUMN went_wrong BIGINT NOT NULL DEFAULT 0;

-- within a text of the record each quotation mark is escaped, so that this is its key and no text
UPDATE calls SET went_wrong = 1 WHERE record LIKE '%"problems":[{%' OR outcome IN ('agents-never-asked', 'connection-lost', 'engine-failed',
    'engine-stopped', 'flow-failed', 'never-connected', 'no-flow', 'no-media', 'no-voice', 'peer-lost', 'refused-busy');

CREATE INDEX calls_that_went_wrong ON calls (created_ms, call_id) WHERE went_wrong = 1;
