-- Numbers that clients see count what belongs to them: they tell nobody what
-- goes on elsewhere. What was given out before stands: the first tenant's events
-- and each conversation go on from where they were.

-- seq is the order of all events, for the daemon; n is that of a tenant, and the
-- cursor of its streams (Last-Event-ID).
ALTER TABLE events ADD COLUMN n INTEGER NOT NULL DEFAULT 0;
UPDATE events SET n = seq;
CREATE UNIQUE INDEX events_by_tenant ON events (tenant_id, n);

-- How far a tenant's numbers are. They begin behind first, a number by chance, so
-- that one of another tenant is known as such.
CREATE TABLE streams (
  tenant_id TEXT PRIMARY KEY,
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL,                      -- that was given out
  forgotten INTEGER NOT NULL                       -- the last that is not kept any more
) STRICT;
INSERT INTO streams SELECT tenant_id, 0, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0),
  coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'events_forgotten'), 0)
  FROM (SELECT 'default' AS tenant_id UNION SELECT tenant_id FROM events);
DELETE FROM meta WHERE key = 'events_forgotten';

-- Of a conversation too: n is the cursor of its chats.
ALTER TABLE entries RENAME COLUMN n TO id;
ALTER TABLE entries ADD COLUMN n INTEGER NOT NULL DEFAULT 0;
UPDATE entries SET n = id;
DROP INDEX entries_by_session;
CREATE UNIQUE INDEX entries_by_session ON entries (session_id, n);
DROP INDEX entries_standing;
CREATE INDEX entries_standing ON entries (session_id, type, n)
  WHERE source = 'journal' AND type IN ('agent', 'commands', 'mode', 'model', 'ports', 'turn_end', 'turn_start', 'usage');
