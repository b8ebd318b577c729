-- What the timeline of a run adds up to, as it was last counted. Only a help:
-- whatever is missing or old is counted anew.
CREATE TABLE tallies (
  chronicle_id TEXT PRIMARY KEY REFERENCES chronicles (id) ON DELETE CASCADE,
  upto         INTEGER NOT NULL,                     -- rows of the timeline with higher numbers are not in it
  mended       INTEGER NOT NULL,                     -- the chronicle's when it was counted
  sums         TEXT NOT NULL CHECK (json_valid(sums)) -- daemon/chronicle's
) STRICT;

-- How often a row was replaced that is counted: as long as that stands, only
-- what is new has to be added. Which rows these are stands in store/counted.go
-- too.
ALTER TABLE chronicles ADD COLUMN mended INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER timeline_mended AFTER UPDATE OF at, type, label, data ON timeline
  WHEN (old.type IN ('file', 'git') OR new.type IN ('file', 'git') OR instr(old.data, '"tokens":') OR instr(new.data, '"tokens":'))
    AND (old.at, old.type, old.label, old.data) IS NOT (new.at, new.type, new.label, new.data) BEGIN
  UPDATE chronicles SET mended = mended + 1 WHERE id = new.chronicle_id;
END;
