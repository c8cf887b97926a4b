-- Practising the new login, see backend/src/try_login.rs.

-- The newest try's result, or that it waits, and until when.
ALTER TABLE employees ADD COLUMN login_status TEXT;
ALTER TABLE employees ADD COLUMN login_at BIGINT;
ALTER TABLE employees ADD COLUMN login_until BIGINT;

CREATE TABLE login_tries (
    state_hash  TEXT PRIMARY KEY,
    employee_id TEXT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    -- The nonce and the PKCE verifier.
    sealed      TEXT NOT NULL,
    begun_at    BIGINT NOT NULL,
    -- When the browser came back, or the try was given up: a state works once.
    ended_at    BIGINT
);
CREATE INDEX login_tries_by_employee ON login_tries (employee_id, begun_at);
