-- The last entry of each type that holds until it is said again, however long
-- ago that was. The words stand in store/standing.go too: they have to be the
-- same for the index to be used.
CREATE INDEX entries_standing ON entries (session_id, type, n)
  WHERE source = 'journal' AND type IN ('agent', 'commands', 'mode', 'model', 'ports', 'turn_end', 'turn_start', 'usage');
