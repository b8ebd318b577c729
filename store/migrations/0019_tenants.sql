-- Who shares nothing with each other. The first is the installation's own: its
-- admins are those of the machine.
CREATE TABLE tenants (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO tenants SELECT tenant_id, tenant_id, min(created_at) FROM users GROUP BY tenant_id;
INSERT INTO tenants VALUES ('default', 'default', unixepoch() * 1000) ON CONFLICT DO NOTHING;
CREATE INDEX users_by_id ON users (id);

-- What somebody writes who was moved to another tenant in the middle of it would
-- be left behind: it is not written.
CREATE TRIGGER sessions_of_moved BEFORE INSERT ON sessions WHEN (SELECT count(*) > 0 AND NOT max(tenant_id = new.tenant_id) FROM users WHERE id = new.owner_id)
  BEGIN SELECT raise(ABORT, 'the user was moved'); END;
CREATE TRIGGER sessions_claimed_by_moved BEFORE UPDATE OF owner_id ON sessions WHEN (SELECT count(*) > 0 AND NOT max(tenant_id = new.tenant_id) FROM users WHERE id = new.owner_id)
  BEGIN SELECT raise(ABORT, 'the user was moved'); END;
CREATE TRIGGER credentials_of_moved BEFORE INSERT ON credentials WHEN (SELECT count(*) > 0 AND NOT max(tenant_id = new.tenant_id) FROM users WHERE id = new.owner_id)
  BEGIN SELECT raise(ABORT, 'the user was moved'); END;
CREATE TRIGGER presets_of_moved BEFORE INSERT ON presets WHEN (SELECT count(*) > 0 AND NOT max(tenant_id = new.tenant_id) FROM users WHERE id = new.owner_id)
  BEGIN SELECT raise(ABORT, 'the user was moved'); END;
CREATE TRIGGER saved_prompts_of_moved BEFORE INSERT ON saved_prompts WHEN (SELECT count(*) > 0 AND NOT max(tenant_id = new.tenant_id) FROM users WHERE id = new.owner_id)
  BEGIN SELECT raise(ABORT, 'the user was moved'); END;
CREATE TRIGGER integrations_of_moved BEFORE INSERT ON integrations WHEN (SELECT count(*) > 0 AND NOT max(tenant_id = new.tenant_id) FROM users WHERE id = new.owner_id)
  BEGIN SELECT raise(ABORT, 'the user was moved'); END;
CREATE TRIGGER sandbox_files_of_moved BEFORE INSERT ON sandbox_files WHEN (SELECT count(*) > 0 AND NOT max(tenant_id = new.tenant_id) FROM users WHERE id = new.owner_id)
  BEGIN SELECT raise(ABORT, 'the user was moved'); END;
