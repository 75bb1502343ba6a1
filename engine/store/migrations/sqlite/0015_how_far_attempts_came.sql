-- How far an attempt came: 0 nobody answered, 1 the customer answered, 2 they were identified. NULL while it is open, and for attempts of engines that
-- did not keep it.
ALTER TABLE attempts ADD COLUMN reached BIGINT;
