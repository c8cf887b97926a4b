-- What is due is found without a look at all that waits: with a slow mail server that can be thousands of mails.
CREATE INDEX mails_by_turn ON mails (next_at);
CREATE INDEX linkings_by_turn ON linkings (next_at);
