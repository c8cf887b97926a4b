-- One schema for SQLite and PostgreSQL: ids are TEXT, times BIGINT (unix milliseconds, UTC), MACs and hashes hex TEXT.

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
    id            TEXT PRIMARY KEY,
    company_id    TEXT NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
    username_key  TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    first_name    TEXT NOT NULL,
    last_name     TEXT NOT NULL,
    language      TEXT NOT NULL,
    country       TEXT NOT NULL,
    failures      BIGINT NOT NULL DEFAULT 0,
    snoozed_until BIGINT,
    challenge_id  TEXT
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
    ended         TEXT,
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
    fate         TEXT NOT NULL,
    delivery     TEXT NOT NULL
);
CREATE INDEX codes_by_employee ON codes (employee_id, sent_at);

CREATE TABLE links (
    employee_id   TEXT PRIMARY KEY REFERENCES employees (id) ON DELETE CASCADE,
    company_id    TEXT NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
    visma_user_id TEXT NOT NULL,
    address       TEXT NOT NULL,
    origin        TEXT NOT NULL,
    linked_at     BIGINT NOT NULL,
    UNIQUE (company_id, visma_user_id)
);

-- Jobs. next_at and lease_until are by the machine's own clock: the demo's clock must not disturb them.
CREATE TABLE linkings (
    employee_id  TEXT PRIMARY KEY REFERENCES employees (id) ON DELETE CASCADE,
    challenge_id TEXT NOT NULL REFERENCES challenges (id) ON DELETE CASCADE,
    address      TEXT NOT NULL,
    create_tried BIGINT NOT NULL DEFAULT 0,
    attempts     BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    next_at      BIGINT NOT NULL,
    lease_until  BIGINT NOT NULL
);

CREATE TABLE mails (
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

CREATE TABLE idempotency (
    employee_id TEXT NOT NULL REFERENCES employees (id) ON DELETE CASCADE,
    key_hash    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      BIGINT NOT NULL,
    body        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (employee_id, key_hash)
);

CREATE TABLE client_limits (
    bucket TEXT NOT NULL,
    period BIGINT NOT NULL,
    calls  BIGINT NOT NULL,
    PRIMARY KEY (bucket, period)
);
