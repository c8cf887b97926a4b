-- GET /readyz writes here: a full or read-only disk answers reads for a long time.
CREATE TABLE readiness (
    id         BIGINT PRIMARY KEY,
    checked_at BIGINT NOT NULL
);
