-- What a person keeps to begin from: sessions, and messages. Nobody else sees
-- them.

CREATE TABLE presets (
  id          TEXT PRIMARY KEY,
  owner_id    TEXT NOT NULL,
  tenant_id   TEXT NOT NULL,
  name        TEXT NOT NULL,
  description TEXT NOT NULL,
  agent       TEXT NOT NULL,                                  -- it is for this one; empty: any
  is_default  INTEGER NOT NULL CHECK (is_default IN (0, 1)),  -- one of an agent at most
  request     TEXT NOT NULL CHECK (json_valid(request)),      -- launch.Request
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  UNIQUE (tenant_id, owner_id, name)
) STRICT;

CREATE TABLE saved_prompts (
  id           TEXT PRIMARY KEY,
  owner_id     TEXT NOT NULL,
  tenant_id    TEXT NOT NULL,
  name         TEXT NOT NULL,
  content      TEXT NOT NULL,
  project_repo TEXT NOT NULL,                                 -- empty: for every project
  tags         TEXT NOT NULL CHECK (json_valid(tags)),
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX saved_prompts_by_owner ON saved_prompts (tenant_id, owner_id, name);
