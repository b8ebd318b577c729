-- What was done, by whom: rows are added and never changed. Each holds the hash
-- of the one before it.
CREATE TABLE audit (
  n         INTEGER PRIMARY KEY AUTOINCREMENT,       -- without gaps
  at        INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  user_id   TEXT NOT NULL,
  user_name TEXT NOT NULL,                           -- as it was then
  by        TEXT NOT NULL,                           -- which login, token or session of theirs
  act       TEXT NOT NULL,
  subject   TEXT NOT NULL,                           -- what it was done to
  detail    TEXT NOT NULL CHECK (json_valid(detail)),
  previous  TEXT NOT NULL,
  hash      TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_tenant ON audit (tenant_id, n);
CREATE INDEX audit_of_use ON audit (by, subject) WHERE act = 'credential.used';
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is not changed'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is not shortened'); END;
