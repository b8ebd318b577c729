-- How a message was given: browser, cli, api; empty: before it was noted.
ALTER TABLE prompts ADD COLUMN via TEXT NOT NULL DEFAULT '' CHECK (via IN ('', 'browser', 'cli', 'api'));
