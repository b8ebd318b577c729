-- What an admin shares with all of a tenant belongs to nobody: owner_id is
-- empty. A shared credential that is not laid stays with the daemon.
ALTER TABLE credentials ADD COLUMN laid INTEGER NOT NULL DEFAULT 1 CHECK (laid IN (0, 1));
