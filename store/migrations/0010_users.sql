-- Who may come in. The first is the machine's own: the token file stands for it.

CREATE TABLE users (
  id         TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  name       TEXT NOT NULL,
  role       TEXT NOT NULL CHECK (role IN ('admin', 'developer', 'viewer')),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
) STRICT;
INSERT INTO users VALUES ('local', 'default', 'local', 'admin', unixepoch() * 1000);

-- Personal access tokens: hash only.
CREATE TABLE tokens (
  id         TEXT PRIMARY KEY,
  tenant_id  TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  name       TEXT NOT NULL,
  hash       TEXT NOT NULL UNIQUE,
  scopes     TEXT NOT NULL CHECK (json_valid(scopes)),
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER NOT NULL,
  FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX tokens_by_user ON tokens (tenant_id, user_id, created_at);
