-- A call that still runs holds its Idempotency-Key until then, by the machine's own clock. Empty body: no answer yet.
ALTER TABLE idempotency ADD COLUMN running_until BIGINT NOT NULL DEFAULT 0;
