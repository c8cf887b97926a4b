-- One schema for SQLite and PostgreSQL. Ids are TEXT, times BIGINT (Unix milliseconds, UTC), MACs and hashes hex TEXT.

CREATE TABLE companies (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    code_policy TEXT NOT NULL
);

CREATE TABLE company_domains (
    company_id TEXT NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    domain     TEXT NOT NULL,
    PRIMARY KEY (company_id, kind, domain)
);

CREATE TABLE employees (
    id              TEXT PRIMARY KEY,
    company_id      TEXT NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
    username_key    TEXT NOT NULL UNIQUE,
    password_hash   TEXT NOT NULL,
    first_name      TEXT NOT NULL,
    last_name       TEXT NOT NULL,
    language        TEXT NOT NULL,
    country         TEXT NOT NULL,
    failed_attempts BIGINT NOT NULL DEFAULT 0,
    snoozed_until   BIGINT,
    challenge_id    TEXT
);

CREATE TABLE employee_addresses (
    employee_id TEXT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    address     TEXT NOT NULL,
    PRIMARY KEY (employee_id, position)
);

CREATE TABLE sessions (
    token_hash  TEXT PRIMARY KEY,
    employee_id TEXT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX sessions_by_employee ON sessions (employee_id);

CREATE TABLE challenges (
    id            TEXT PRIMARY KEY,
    employee_id   TEXT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    address       TEXT NOT NULL,
    attempts      BIGINT NOT NULL DEFAULT 0,
    end_reason    TEXT,
    taken_user_id TEXT,
    created_at    BIGINT NOT NULL
);
CREATE INDEX challenges_by_employee ON challenges (employee_id);

CREATE TABLE codes (
    id           TEXT PRIMARY KEY,
    employee_id  TEXT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    challenge_id TEXT NOT NULL REFERENCES challenges (id) ON DELETE CASCADE,
    address      TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    mac          TEXT NOT NULL,
    sent_at      BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    status       TEXT NOT NULL,
    delivery     TEXT NOT NULL
);
CREATE INDEX codes_by_employee ON codes (employee_id, sent_at);
CREATE INDEX codes_by_challenge ON codes (challenge_id);

CREATE TABLE links (
    employee_id   TEXT PRIMARY KEY REFERENCES employees (id) ON DELETE CASCADE,
    company_id    TEXT NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
    visma_user_id TEXT NOT NULL,
    address       TEXT NOT NULL,
    origin        TEXT NOT NULL,
    linked_at     BIGINT NOT NULL,
    UNIQUE (company_id, visma_user_id)
);

-- Job queues. next_at and lease_until follow the system clock, which the demo cannot move.
CREATE TABLE link_jobs (
    employee_id      TEXT PRIMARY KEY REFERENCES employees (id) ON DELETE CASCADE,
    challenge_id     TEXT NOT NULL REFERENCES challenges (id) ON DELETE CASCADE,
    address          TEXT NOT NULL,
    create_attempted BIGINT NOT NULL DEFAULT 0,
    attempts         BIGINT NOT NULL DEFAULT 0,
    created_at       BIGINT NOT NULL,
    next_at          BIGINT NOT NULL,
    lease_until      BIGINT NOT NULL
);
-- Due jobs are found without scanning the queue, which a slow mail server can fill with thousands of rows.
CREATE INDEX link_jobs_by_next_at ON link_jobs (next_at);

CREATE TABLE outbox (
    id          TEXT PRIMARY KEY,
    employee_id TEXT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    code_id     TEXT REFERENCES codes (id) ON DELETE CASCADE,
    recipient   TEXT NOT NULL,
    sealed      TEXT NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);
CREATE INDEX outbox_by_next_at ON outbox (next_at);
CREATE INDEX outbox_by_code ON outbox (code_id);

-- running_until follows the system clock: a running call holds its key until then. An empty body means no response yet.
CREATE TABLE idempotency (
    employee_id   TEXT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    key_hash      TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    status        BIGINT NOT NULL,
    body          TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    running_until BIGINT NOT NULL,
    PRIMARY KEY (employee_id, key_hash)
);

CREATE TABLE rate_limits (
    bucket TEXT NOT NULL,
    period BIGINT NOT NULL,
    calls  BIGINT NOT NULL,
    PRIMARY KEY (bucket, period)
);

-- Audit log. No foreign keys: rows outlive their subject.
CREATE TABLE audit (
    id        TEXT PRIMARY KEY,
    at        BIGINT NOT NULL,
    who       TEXT NOT NULL,
    what      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    old_value TEXT NOT NULL,
    new_value TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);
