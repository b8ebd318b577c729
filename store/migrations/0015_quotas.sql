-- How much of something users may have: one of them, each that has no row of
-- their own (@each), and all of a tenant together (@all). NULL: no limit.
CREATE TABLE quotas (
  tenant_id   TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  sessions    INTEGER CHECK (sessions > 0),       -- that are not archived
  storage     INTEGER CHECK (storage > 0),        -- bytes of archives, snapshots and files
  cpu         INTEGER CHECK (cpu > 0),            -- thousandths of a core, of what runs
  memory      INTEGER CHECK (memory > 0),         -- bytes, of what runs
  tokens      INTEGER CHECK (tokens > 0),         -- a day, in UTC
  cost_micros INTEGER CHECK (cost_micros > 0),    -- a day, in UTC; millionths of a US dollar
  PRIMARY KEY (tenant_id, user_id)
) STRICT;
-- What a session was started with.
ALTER TABLE sessions ADD COLUMN cpu INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN memory INTEGER NOT NULL DEFAULT 0;
