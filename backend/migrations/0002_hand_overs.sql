-- Hand-overs of a mail to the mail server whose answer is not known.
ALTER TABLE outbox ADD COLUMN unconfirmed BIGINT NOT NULL DEFAULT 0;
