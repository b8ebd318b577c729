-- What was too long to stand in an entry, by its SHA-256: named by an entry,
-- then taken over from the session while it runs. A body that was too large, or
-- went for newer ones, is gone: only the session itself has it still.
CREATE TABLE bodies (
  id         INTEGER PRIMARY KEY,                        -- in the order of naming
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  hash       TEXT NOT NULL,
  state      TEXT NOT NULL DEFAULT 'named' CHECK (state IN ('named', 'kept', 'gone')),
  size       INTEGER NOT NULL DEFAULT 0,                 -- of data, bytes
  data       BLOB,
  UNIQUE (session_id, hash)
) STRICT;
CREATE INDEX bodies_named ON bodies (session_id, id) WHERE state = 'named';
CREATE INDEX bodies_kept ON bodies (id, session_id, size) WHERE state = 'kept'; -- sums without the data
