-- Lists of very many sessions are read by the page, counted and searched without
-- reading the rows themselves, whose requests are long.

-- What is asked of a request, kept by triggers, whoever writes it.
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN repo  TEXT NOT NULL DEFAULT ''; -- or the folder: what sessions are grouped by
ALTER TABLE sessions ADD COLUMN words TEXT NOT NULL DEFAULT ''; -- what a search looks through, lower case

CREATE TRIGGER sessions_read AFTER UPDATE OF name, request ON sessions BEGIN
  UPDATE sessions SET agent = coalesce(request ->> '$.agent', ''),
    repo = coalesce(nullif(request ->> '$.source.repo', ''), nullif(request ->> '$.source.local_path', ''),
      request ->> '$.source.paths[0].host_path', '')
    WHERE id = new.id;
  UPDATE sessions SET words = lower(name || ' ' || repo || ' ' ||
    coalesce((SELECT group_concat(value ->> '$.repo' || coalesce(' on ' || nullif(value ->> '$.branch', ''), ''), ', ') || ' ' FROM json_each(request, '$.source.additional_repos')), '') ||
    coalesce(request ->> '$.source.branch', '') || ' ' || coalesce(request ->> '$.model', '') || ' ' || id) WHERE id = new.id;
END;
UPDATE sessions SET name = name;

-- How many sessions there are that look alike. No row is 0.
CREATE TABLE session_counts (
  tenant_id TEXT NOT NULL,
  owner_id  TEXT NOT NULL,
  repo      TEXT NOT NULL,
  agent     TEXT NOT NULL,
  runtime   TEXT NOT NULL,
  state     TEXT NOT NULL,
  activity  TEXT NOT NULL,
  n         INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, owner_id, repo, agent, runtime, state, activity)
) STRICT, WITHOUT ROWID;
INSERT INTO session_counts SELECT tenant_id, owner_id, repo, agent, runtime, state, activity, count(*) FROM sessions
  WHERE kind = 'session' GROUP BY 1, 2, 3, 4, 5, 6, 7;

CREATE TRIGGER sessions_counted AFTER INSERT ON sessions WHEN new.kind = 'session' BEGIN
  INSERT INTO session_counts VALUES (new.tenant_id, new.owner_id, new.repo, new.agent, new.runtime, new.state, new.activity, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
  UPDATE sessions SET name = name WHERE id = new.id; -- sessions_read
END;
CREATE TRIGGER sessions_uncounted AFTER DELETE ON sessions WHEN old.kind = 'session' BEGIN
  UPDATE session_counts SET n = n - 1 WHERE (tenant_id, owner_id, repo, agent, runtime, state, activity)
    = (old.tenant_id, old.owner_id, old.repo, old.agent, old.runtime, old.state, old.activity);
  DELETE FROM session_counts WHERE n = 0 AND (tenant_id, owner_id, repo, agent, runtime, state, activity)
    = (old.tenant_id, old.owner_id, old.repo, old.agent, old.runtime, old.state, old.activity);
END;
CREATE TRIGGER sessions_recounted AFTER UPDATE OF tenant_id, owner_id, repo, agent, runtime, state, activity ON sessions
  WHEN new.kind = 'session' AND (old.tenant_id, old.owner_id, old.repo, old.agent, old.runtime, old.state, old.activity)
    IS NOT (new.tenant_id, new.owner_id, new.repo, new.agent, new.runtime, new.state, new.activity) BEGIN
  INSERT INTO session_counts VALUES (new.tenant_id, new.owner_id, new.repo, new.agent, new.runtime, new.state, new.activity, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
  UPDATE session_counts SET n = n - 1 WHERE (tenant_id, owner_id, repo, agent, runtime, state, activity)
    = (old.tenant_id, old.owner_id, old.repo, old.agent, old.runtime, old.state, old.activity);
  DELETE FROM session_counts WHERE n = 0 AND (tenant_id, owner_id, repo, agent, runtime, state, activity)
    = (old.tenant_id, old.owner_id, old.repo, old.agent, old.runtime, old.state, old.activity);
END;

DROP INDEX sessions_by_owner;
CREATE INDEX sessions_by_owner ON sessions (tenant_id, owner_id, kind, created_at DESC, state);
CREATE INDEX sessions_by_tenant ON sessions (tenant_id, kind, created_at DESC, state);
CREATE INDEX sessions_by_state ON sessions (tenant_id, kind, state, created_at DESC, owner_id);
-- All that a search and a filter ask for.
CREATE INDEX sessions_words ON sessions (tenant_id, kind, owner_id, words, created_at, state, activity, runtime, agent, repo);
