-- Where each repository of a run's workspace stood, where it has several: a JSON
-- array, in the order of the launch request.

ALTER TABLE chronicles ADD COLUMN repositories TEXT NOT NULL DEFAULT '[]';
