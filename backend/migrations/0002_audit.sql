-- Who changed what, when, from what to what. It refers to nothing, so that it outlives what it tells of.
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

-- Old codes and challenges are swept away; what refers to them is looked up then.
CREATE INDEX codes_by_challenge ON codes (challenge_id);
CREATE INDEX mails_by_code ON mails (code_id);
