-- What a chronicle holds beside the run's data, the timeline, and what can be
-- gone back to.

ALTER TABLE chronicles ADD COLUMN name         TEXT NOT NULL DEFAULT '';   -- the session's
ALTER TABLE chronicles ADD COLUMN summary      TEXT NOT NULL DEFAULT '';
ALTER TABLE chronicles ADD COLUMN key_changes  TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(key_changes));
ALTER TABLE chronicles ADD COLUMN unfinished   TEXT NOT NULL DEFAULT '';
-- Whose words these are: rule: made from the timeline; agent: told in the last
-- turn; person: edited. A later text of a better author replaces an earlier one.
ALTER TABLE chronicles ADD COLUMN author       TEXT NOT NULL DEFAULT '' CHECK (author IN ('', 'rule', 'agent', 'person'));
ALTER TABLE chronicles ADD COLUMN tags         TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags));
ALTER TABLE chronicles ADD COLUMN base_commit  TEXT NOT NULL DEFAULT '';
ALTER TABLE chronicles ADD COLUMN final_commit TEXT NOT NULL DEFAULT '';
ALTER TABLE chronicles ADD COLUMN active_ms    INTEGER NOT NULL DEFAULT 0; -- turns under way
ALTER TABLE chronicles ADD COLUMN models       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(models)); -- []ModelUsage
ALTER TABLE chronicles ADD COLUMN workspace    TEXT NOT NULL DEFAULT '';   -- digest of its pack
ALTER TABLE chronicles ADD COLUMN context      TEXT NOT NULL DEFAULT '';   -- digest of its pack
ALTER TABLE chronicles ADD COLUMN agent        TEXT NOT NULL DEFAULT '';   -- whose context that is: claude, codex, acp
ALTER TABLE chronicles ADD COLUMN missing      TEXT NOT NULL DEFAULT '';   -- why there is no pack, for people
CREATE INDEX chronicles_by_owner ON chronicles (tenant_id, owner_id, started_at DESC);
CREATE INDEX chronicles_by_parent ON chronicles (parent_id);

-- One row per thing that happened in a run. key names the thing: what is told
-- of it again replaces what was told before. Outlives the session.
CREATE TABLE timeline (
  n            INTEGER PRIMARY KEY AUTOINCREMENT,
  chronicle_id TEXT NOT NULL REFERENCES chronicles (id) ON DELETE CASCADE,
  key          TEXT NOT NULL,
  at           INTEGER NOT NULL,
  type         TEXT NOT NULL CHECK (type IN ('session', 'message', 'file', 'git', 'terminal', 'error')),
  label        TEXT NOT NULL,
  data         TEXT NOT NULL CHECK (json_valid(data)), -- the contract's optional fields, and ours
  found        INTEGER NOT NULL DEFAULT 0,             -- 1: its words are in the search
  text         TEXT NOT NULL DEFAULT '',               -- the whole message or command, for search and export
  UNIQUE (chronicle_id, key)
) STRICT;
CREATE INDEX timeline_by_time ON timeline (chronicle_id, at, n);

-- The search: words of timelines and of chronicles' own texts. What is new in a
-- timeline is taken in by the batch, before somebody searches: word by word it
-- would slow down the journal. The triggers take out what changes or goes.
CREATE VIRTUAL TABLE timeline_words USING fts5(label, text, content='timeline', content_rowid='n',
  tokenize="unicode61 remove_diacritics 2 tokenchars '_'", prefix='2 3');
CREATE INDEX timeline_unfound ON timeline (n) WHERE found = 0;
CREATE TRIGGER timeline_gone AFTER DELETE ON timeline WHEN old.found = 1 BEGIN
  INSERT INTO timeline_words (timeline_words, rowid, label, text) VALUES ('delete', old.n, old.label, old.text);
END;
CREATE TRIGGER timeline_changed AFTER UPDATE OF label, text ON timeline WHEN old.found = 1 BEGIN
  INSERT INTO timeline_words (timeline_words, rowid, label, text) VALUES ('delete', old.n, old.label, old.text);
  UPDATE timeline SET found = 0 WHERE n = new.n;
END;

ALTER TABLE chronicles ADD COLUMN n INTEGER; -- what the search calls it
UPDATE chronicles SET n = rowid;
CREATE UNIQUE INDEX chronicles_by_n ON chronicles (n);
CREATE VIRTUAL TABLE chronicle_words USING fts5(name, project, summary, key_changes, unfinished, tags,
  content='chronicles', content_rowid='n', tokenize="unicode61 remove_diacritics 2 tokenchars '_'", prefix='2 3');
INSERT INTO chronicle_words (chronicle_words) VALUES ('rebuild');
CREATE TRIGGER chronicle_added AFTER INSERT ON chronicles BEGIN
  INSERT INTO chronicle_words (rowid, name, project, summary, key_changes, unfinished, tags)
  VALUES (new.n, new.name, new.project, new.summary, new.key_changes, new.unfinished, new.tags);
END;
CREATE TRIGGER chronicle_gone AFTER DELETE ON chronicles BEGIN
  INSERT INTO chronicle_words (chronicle_words, rowid, name, project, summary, key_changes, unfinished, tags)
  VALUES ('delete', old.n, old.name, old.project, old.summary, old.key_changes, old.unfinished, old.tags);
END;
CREATE TRIGGER chronicle_changed AFTER UPDATE OF name, project, summary, key_changes, unfinished, tags ON chronicles BEGIN
  INSERT INTO chronicle_words (chronicle_words, rowid, name, project, summary, key_changes, unfinished, tags)
  VALUES ('delete', old.n, old.name, old.project, old.summary, old.key_changes, old.unfinished, old.tags);
  INSERT INTO chronicle_words (rowid, name, project, summary, key_changes, unfinished, tags)
  VALUES (new.n, new.name, new.project, new.summary, new.key_changes, new.unfinished, new.tags);
END;

-- "Stop now": the run ends without its last turn. Cleared by a new wish.
ALTER TABLE sessions ADD COLUMN hurry INTEGER NOT NULL DEFAULT 0;

-- Packs in the blob storage: encrypted files named by the digest of what is in
-- them. A row exists before its file is counted on.
CREATE TABLE blobs (
  digest     TEXT NOT NULL,                        -- sha-256 of the pack, hex
  owner_id   TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  size       INTEGER NOT NULL,                     -- of the pack, bytes
  stored     INTEGER NOT NULL,                     -- of the file, bytes
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, owner_id, digest)
) STRICT;

-- What the manifest of an archive names: in use as long as the manifest is.
CREATE TABLE manifests (
  manifest TEXT NOT NULL,                          -- digest of the manifest
  part     TEXT NOT NULL,                          -- digest of a volume's pack
  PRIMARY KEY (manifest, part)
) STRICT;

-- What is deleted with a session, beside volumes and archive.
ALTER TABLE sessions ADD COLUMN cleanup TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(cleanup));
