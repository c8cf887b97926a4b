-- Failed sign-ins under a user name, with a device token, or from a client address: see backend/src/rate_limit.rs.
-- It replaces rate_limits, which backends of the version before still use while they are replaced one by one.
CREATE TABLE failed_sign_ins (
    bucket     TEXT PRIMARY KEY,
    used_until BIGINT NOT NULL,
    in_a_row   BIGINT NOT NULL
);
