-- Why a linking waits or was refused, leaving dates, and links that have to be taken away.

-- The last day of employment, as 2026-12-31.
ALTER TABLE employees ADD COLUMN leaves_on TEXT;
-- Why the last linking ended without a link. Without the address, so that it can be kept.
ALTER TABLE employees ADD COLUMN link_problem TEXT;
ALTER TABLE link_jobs ADD COLUMN last_error TEXT;
-- When a linking ended without a link: the address is kept for as long from then on.
ALTER TABLE challenges ADD COLUMN ended_at BIGINT;

-- next_at follows the system clock, and is also the lease of the attempt that set it.
CREATE TABLE unlink_jobs (
    employee_id  TEXT PRIMARY KEY REFERENCES employees (id) ON DELETE CASCADE,
    requested_by TEXT NOT NULL,
    is_leaver    BIGINT NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    next_at      BIGINT NOT NULL,
    last_error   TEXT
);
