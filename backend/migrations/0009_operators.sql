-- Deactivation, sessions that end when they are not used, and why a mail waits.

-- Since when the person, or everybody in the company, cannot sign in.
ALTER TABLE employees ADD COLUMN deactivated_at BIGINT;
ALTER TABLE companies ADD COLUMN deactivated_at BIGINT;
-- The latest end that use can move expires_at to. NULL: a program that did not know it made the session, and nothing moves it.
ALTER TABLE sessions ADD COLUMN ends_at BIGINT;
-- Why the last try to hand the mail over failed.
ALTER TABLE outbox ADD COLUMN last_error TEXT;
