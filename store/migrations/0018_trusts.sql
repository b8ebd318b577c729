-- What users said to the definitions that repositories bring for their sessions,
-- once for each content. Another content is asked about again.

CREATE TABLE trusts (
  id         TEXT PRIMARY KEY,
  tenant_id  TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  repository TEXT NOT NULL,
  hash       TEXT NOT NULL,
  used       INTEGER NOT NULL CHECK (used IN (0, 1)),         -- 0: go without it
  created_at INTEGER NOT NULL,
  UNIQUE (tenant_id, user_id, repository, hash),
  FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
) STRICT;
