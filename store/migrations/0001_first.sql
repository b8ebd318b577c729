-- Times are integer unix milliseconds UTC. Rows that belong to somebody carry
-- owner_id and tenant_id. JSON columns are checked to be JSON.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (
  id          TEXT PRIMARY KEY,
  kind        TEXT NOT NULL CHECK (kind IN ('session', 'sandbox')),
  name        TEXT NOT NULL,
  owner_id    TEXT NOT NULL,
  tenant_id   TEXT NOT NULL,
  runtime     TEXT NOT NULL,
  request     TEXT NOT NULL CHECK (json_valid(request)), -- the whole launch request
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  version     INTEGER NOT NULL DEFAULT 1,               -- compare and set

  -- wish: written by the API only
  want        TEXT NOT NULL CHECK (want IN ('none', 'running', 'stopped', 'archived', 'gone')),
  wanted_at   INTEGER NOT NULL,

  -- conclusion: written by the engine, never its input
  state       TEXT NOT NULL CHECK (state IN ('created', 'starting', 'provisioning', 'running', 'stopping', 'stopped', 'failed', 'archived')),
  since       INTEGER NOT NULL,                          -- of the state
  doing       TEXT NOT NULL DEFAULT '',                  -- what goes on now, for people

  -- facts: each written by one place
  run            INTEGER NOT NULL DEFAULT 0,             -- engine: counts starts
  ready_at       INTEGER NOT NULL DEFAULT 0,             -- link: this run answered once
  submitted_at   INTEGER NOT NULL DEFAULT 0,             -- engine: this run was handed to the runtime
  ended          TEXT CHECK (json_valid(ended)),         -- engine, from List: Ended
  failure        TEXT CHECK (json_valid(failure)),       -- engine: Failure; cleared by a new wish
  attempts       INTEGER NOT NULL DEFAULT 0,             -- engine: failed calls in a row, paid before the call
  retry_at       INTEGER NOT NULL DEFAULT 0,
  chronicled_run INTEGER NOT NULL DEFAULT 0,             -- chronicle: last run whose chronicle is complete
  archive        TEXT NOT NULL DEFAULT '',               -- verified hash
  expires_at     INTEGER NOT NULL DEFAULT 0,             -- sandboxes

  -- told by the session
  activity       TEXT NOT NULL DEFAULT '' CHECK (activity IN ('', 'idle', 'active', 'tool_executing', 'waiting')),
  activity_text  TEXT NOT NULL DEFAULT '',               -- "running go test", for people
  detail         TEXT NOT NULL DEFAULT '',               -- a surface that stopped answering
  journal_epoch  TEXT NOT NULL DEFAULT '',
  journal_seq    INTEGER NOT NULL DEFAULT 0,             -- last journal entry taken over
  last_active    INTEGER NOT NULL DEFAULT 0,
  message_count  INTEGER NOT NULL DEFAULT 0,
  tokens_used    INTEGER NOT NULL DEFAULT 0,
  cost_micros    INTEGER NOT NULL DEFAULT 0,             -- millionths of a US dollar
  mode           TEXT NOT NULL DEFAULT '',
  mode_name      TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX sessions_by_owner ON sessions (tenant_id, owner_id, created_at DESC);
CREATE INDEX sessions_unrest ON sessions (state) WHERE want <> 'none';

-- What changed, for the UI's stream: seq is the cursor (Last-Event-ID).
-- Written in the transaction of the change itself.
CREATE TABLE events (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  type       TEXT NOT NULL, -- session_created, session_updated, session_deleted, session_activity, stats_updated
  session_id TEXT NOT NULL,
  owner_id   TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  data       TEXT NOT NULL CHECK (json_valid(data))
) STRICT;
CREATE INDEX events_by_session ON events (session_id, seq);

-- The conversation: what the journal said and what the daemon itself did, in
-- the order in which the daemon learnt it. n is the cursor of chats.
CREATE TABLE entries (
  n          INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  source     TEXT NOT NULL CHECK (source IN ('journal', 'daemon')),
  epoch      TEXT NOT NULL DEFAULT '',
  seq        INTEGER,                                    -- journal only
  run        INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  turn       TEXT NOT NULL DEFAULT '',
  type       TEXT NOT NULL,
  data       TEXT NOT NULL CHECK (json_valid(data)),
  UNIQUE (session_id, epoch, seq)
) STRICT;
CREATE INDEX entries_by_session ON entries (session_id, n);

-- Prompts as the user gave them; delivered at least once, accepted once.
CREATE TABLE prompts (
  id         TEXT PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  owner_id   TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  blocks     TEXT NOT NULL CHECK (json_valid(blocks)),
  created_at INTEGER NOT NULL,
  sent_at    INTEGER NOT NULL DEFAULT 0                  -- taken by the broker
) STRICT;
CREATE INDEX prompts_unsent ON prompts (session_id, created_at) WHERE sent_at = 0;

-- Tokens and cost per turn; outlives its session, so that totals never shrink.
CREATE TABLE usage (
  id           INTEGER PRIMARY KEY,
  session_id   TEXT NOT NULL,
  run          INTEGER NOT NULL,
  turn         TEXT NOT NULL,
  owner_id     TEXT NOT NULL,
  tenant_id    TEXT NOT NULL,
  at           INTEGER NOT NULL,
  provider     TEXT NOT NULL CHECK (provider IN ('cloud', 'local')),
  model        TEXT NOT NULL,
  input        INTEGER NOT NULL,
  output       INTEGER NOT NULL,
  cache_read   INTEGER NOT NULL,
  cache_write  INTEGER NOT NULL,
  messages     INTEGER NOT NULL DEFAULT 1,
  cost_micros  INTEGER NOT NULL,
  UNIQUE (session_id, turn)
) STRICT;
CREATE INDEX usage_by_day ON usage (tenant_id, owner_id, at);

CREATE TABLE chronicles (
  id         TEXT PRIMARY KEY,
  session_id TEXT NOT NULL,                               -- outlives its session
  run        INTEGER NOT NULL,
  owner_id   TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  parent_id  TEXT REFERENCES chronicles (id) ON DELETE SET NULL,
  status     TEXT NOT NULL CHECK (status IN ('draft', 'complete')),
  project    TEXT NOT NULL,
  repo       TEXT NOT NULL,
  branch     TEXT NOT NULL,
  model      TEXT NOT NULL,
  config     TEXT NOT NULL CHECK (json_valid(config)),
  reason     TEXT NOT NULL DEFAULT '',                    -- why the run ended
  started_at INTEGER NOT NULL,
  ended_at   INTEGER NOT NULL DEFAULT 0,
  tokens     INTEGER NOT NULL DEFAULT 0,
  cost_micros INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (session_id, run)
) STRICT;

-- One-time login links: hash of the code only.
CREATE TABLE login_links (
  hash       TEXT PRIMARY KEY,
  user_id    TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

-- Browser sessions: hash of the cookie only.
CREATE TABLE logins (
  id         TEXT PRIMARY KEY,
  hash       TEXT NOT NULL UNIQUE,
  user_id    TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  agent      TEXT NOT NULL,                               -- User-Agent, for the list
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

-- Credentials: value sealed by the vault, never in clear.
CREATE TABLE credentials (
  id         TEXT PRIMARY KEY,
  owner_id   TEXT NOT NULL,
  tenant_id  TEXT NOT NULL,
  name       TEXT NOT NULL,
  type       TEXT NOT NULL,
  keys       TEXT NOT NULL CHECK (json_valid(keys)),
  metadata   TEXT NOT NULL CHECK (json_valid(metadata)),
  sealed     BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (tenant_id, owner_id, name)
) STRICT;
