-- The move of hosts to attested certificates that an administrator started last,
-- and how far it is. It goes on in the worker while ended_at is NULL.
CREATE TABLE moves (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	started_at INTEGER NOT NULL,
	started_by TEXT NOT NULL,
	-- Hosts that qualified when it began.
	planned INTEGER NOT NULL,
	-- Renewals that were opened since, and hosts at which that failed.
	opened INTEGER NOT NULL DEFAULT 0,
	failed INTEGER NOT NULL DEFAULT 0,
	last_error TEXT NOT NULL DEFAULT '',
	-- The last serial number that was looked at, and when to go on.
	after_serial TEXT NOT NULL DEFAULT '',
	next_at INTEGER NOT NULL,
	ended_at INTEGER,
	-- Who stopped it; '' when it came to its end.
	cancelled_by TEXT NOT NULL DEFAULT ''
) STRICT;
