-- When the engine asked Exotel to dial the call; NULL if it did not, or Exotel refused. Calls that campaigns have dialled have attempts as well.
ALTER TABLE calls ADD COLUMN dialled_ms BIGINT;

CREATE INDEX calls_dialled ON calls (customer_number, dialled_ms) WHERE dialled_ms IS NOT NULL;
