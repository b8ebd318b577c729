-- Accounts elsewhere that a person connects: which credential is used, and where.

CREATE TABLE integrations (
  id               TEXT PRIMARY KEY,
  owner_id         TEXT NOT NULL,
  tenant_id        TEXT NOT NULL,
  slug             TEXT NOT NULL,                              -- of the catalogue
  integration_type TEXT NOT NULL,
  adapter          TEXT NOT NULL,
  credential_name  TEXT NOT NULL,                              -- of its owner's credentials
  config           TEXT NOT NULL CHECK (json_valid(config)),   -- nothing secret
  enabled          INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX integrations_by_owner ON integrations (tenant_id, owner_id, created_at);
