-- Users whom an identity provider vouches for: who it is, and its name for them,
-- which never changes. Empty: nobody does.
ALTER TABLE users ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX users_by_subject ON users (issuer, subject) WHERE issuer <> '';

-- How a browser came in.
ALTER TABLE logins ADD COLUMN via TEXT NOT NULL DEFAULT 'link' CHECK (via IN ('link', 'oidc', 'proxy'));
