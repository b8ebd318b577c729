-- Who may look at a session beside its owner. A share ends with the session and
-- with the user.

CREATE TABLE shares (
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  tenant_id  TEXT NOT NULL,                                   -- of both
  user_id    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (session_id, user_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX shares_by_user ON shares (tenant_id, user_id, session_id);
