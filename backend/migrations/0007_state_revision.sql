-- Raised in the transaction of every change to the employee's State: orders the States that an app receives.
ALTER TABLE employees ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
