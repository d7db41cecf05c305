-- The jobs of attestmdm-worker, which adds a row for each when it first starts.
-- A job runs while lease_until lies ahead; the worker moves it on as long as it
-- lives, and nobody else begins the job before.
CREATE TABLE jobs (
	name TEXT PRIMARY KEY,
	next_run_at INTEGER NOT NULL,
	-- Of the last run, or the one that goes on; NULL: there was none.
	started_at INTEGER,
	-- NULL: it goes on, or broke off.
	ended_at INTEGER,
	duration_ms INTEGER NOT NULL DEFAULT 0,
	result TEXT NOT NULL DEFAULT 'never'
	    CHECK (result IN ('never', 'running', 'ok', 'failed', 'stopped')),
	-- What the last run did, in words, or why it failed.
	text TEXT NOT NULL DEFAULT '',
	-- Failed runs since the last good one.
	failures INTEGER NOT NULL DEFAULT 0,
	last_error TEXT NOT NULL DEFAULT '',
	last_error_at INTEGER,
	lease_owner TEXT,
	lease_until INTEGER
) STRICT;
