-- The newest calls of a flow, and whether calls were held on a version of it: for replay gates.
CREATE INDEX calls_by_flow ON calls (flow, call_id);
CREATE INDEX calls_by_version ON calls (flow, version);
