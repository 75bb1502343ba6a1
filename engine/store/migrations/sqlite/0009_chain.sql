-- The hash chain over the events of each call. `position` is an event's place in it, from 1 in the order in which events were stored,
-- `chain_hash` the hash over all events up to it, and `salt` is hashed with the payload, so that an erased one cannot be guessed from
-- `payload_hash`. What is left of a payload whose personal data was erased stands in its place.
ALTER TABLE call_events ADD COLUMN position BIGINT;
ALTER TABLE call_events ADD COLUMN chain_hash TEXT;
ALTER TABLE call_events ADD COLUMN salt TEXT;

-- The head of the chain: how many events it has, and the hash of the last one. NULL for a call whose events were stored by an engine before
-- there was a chain: they are chained when the next one is added, or in the background.
ALTER TABLE calls ADD COLUMN chain_length BIGINT;
ALTER TABLE calls ADD COLUMN chain_hash TEXT;

CREATE INDEX calls_unchained ON calls (call_id) WHERE chain_hash IS NULL;
