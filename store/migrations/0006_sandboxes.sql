-- Sandboxes are rows of sessions. Those made ahead have neither owner nor tenant
-- until they are claimed.

ALTER TABLE sessions ADD COLUMN shape     TEXT NOT NULL DEFAULT '';   -- sandboxes: which of those made ahead is like another
ALTER TABLE sessions ADD COLUMN latest_at INTEGER NOT NULL DEFAULT 0; -- sandboxes: expires_at is never later
CREATE INDEX sandboxes_ahead ON sessions (runtime, shape, created_at) WHERE kind = 'sandbox' AND tenant_id = '';

-- Uploads and results; the bytes lie in a folder, by id.
CREATE TABLE sandbox_files (
  id         TEXT PRIMARY KEY,
  owner_id   TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  name       TEXT NOT NULL,
  size       INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sandbox_files_by_owner ON sandbox_files (tenant_id, owner_id, created_at);
CREATE INDEX sandbox_files_by_age ON sandbox_files (created_at);
