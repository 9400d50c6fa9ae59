CREATE TABLE IF NOT EXISTS main.annals_context (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER,
  user_id TEXT, user_name TEXT, user_email TEXT, user_type TEXT, context TEXT, ip TEXT,
  user_agent TEXT, request_id TEXT, comment TEXT,
  extra TEXT CHECK (extra IS NULL OR json_valid(extra)),
  ends INTEGER NOT NULL DEFAULT 2 REFERENCES annals_context (id) DEFERRABLE INITIALLY DEFERRED
) WITHOUT ROWID
