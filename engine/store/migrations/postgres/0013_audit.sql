-- What the holders of the API's tokens did: one row for each request that changes something, and for each look at what is masked. `path` holds no
-- phone number.
CREATE TABLE audit (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unix_ms BIGINT NOT NULL,
    token   TEXT NOT NULL,
    role    TEXT NOT NULL,
    action  TEXT NOT NULL,
    path    TEXT NOT NULL,
    status  BIGINT NOT NULL
);

CREATE INDEX audit_by_time ON audit (unix_ms);
