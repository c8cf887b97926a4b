-- Work that SQL cannot do. The first connection after the migration does it and deletes the row, see `upgrade.rs`.
CREATE TABLE pending_upgrades (
    name TEXT PRIMARY KEY
);
INSERT INTO pending_upgrades (name) VALUES ('usernames_nfc');
