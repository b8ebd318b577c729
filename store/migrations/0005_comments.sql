-- What a person said about lines of a change, until it is sent to the agent as
-- one review.
CREATE TABLE comments (
  id         TEXT PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  owner_id   TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  repo       TEXT NOT NULL,                                   -- folder in the workspace
  path       TEXT NOT NULL,
  side       TEXT NOT NULL CHECK (side IN ('old', 'new')),
  line       INTEGER NOT NULL,                                -- from 1, on that side
  text       TEXT NOT NULL,                                   -- of the line; another text there makes the comment stale
  body       TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX comments_by_session ON comments (session_id, created_at);
