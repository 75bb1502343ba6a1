-- The list of calls, newest first, by what it is asked for. Calls that go on are few among all: their index has no others.
CREATE INDEX calls_of_flow ON calls (flow, created_ms, call_id);
CREATE INDEX calls_of_version ON calls (version, created_ms, call_id);
CREATE INDEX calls_of_outcome ON calls (outcome, created_ms, call_id);
CREATE INDEX calls_that_go_on ON calls (created_ms, call_id) WHERE state <> 'ended';
CREATE INDEX attempts_of_campaign ON attempts (campaign, call_id);
