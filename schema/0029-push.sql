-- When to wake a host by a push, and what became of the last one. A row is made
-- with the host's first TokenUpdate.
CREATE TABLE pushes (
	host_id TEXT PRIMARY KEY REFERENCES hosts (id),
	-- When its push token came; what Apple says of an older one is ignored.
	token_at INTEGER,
	-- When the next push is to be sent; NULL: none is wanted.
	due_at INTEGER,
	-- Not before that, whoever wants one: Apple asked for a pause, or the
	-- last one failed.
	hold_until INTEGER,
	-- Accepted pushes since the host was here, and failures in a row.
	attempts INTEGER NOT NULL DEFAULT 0,
	failures INTEGER NOT NULL DEFAULT 0,
	last_push_at INTEGER,
	-- Of Apple's last answer; 0 when there was none.
	last_status INTEGER NOT NULL DEFAULT 0,
	last_reason TEXT NOT NULL DEFAULT '',
	apns_id TEXT NOT NULL DEFAULT '',
	-- The token is dead: the next TokenUpdate brings another.
	dead_at INTEGER
) STRICT;
CREATE INDEX pushes_due ON pushes (due_at) WHERE due_at IS NOT NULL;

-- The certificate that pushes are sent with: one row, or none. Certificate and
-- key are a file that the worker alone reads; everybody needs the topic.
CREATE TABLE push_certificate (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	topic TEXT NOT NULL,
	sha256 BLOB NOT NULL,
	not_before INTEGER NOT NULL,
	not_after INTEGER NOT NULL,
	imported_at INTEGER NOT NULL,
	imported_by TEXT NOT NULL,
	-- Apple does not take it: since when, why, when to try again, and how
	-- often that was tried.
	stopped_at INTEGER,
	stop_reason TEXT NOT NULL DEFAULT '',
	retry_at INTEGER,
	retries INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Hosts from before have a token, which is at least as new as the enrollment.
-- Those with commands that wait are woken once a certificate is there.
INSERT INTO pushes (host_id, token_at, due_at)
	SELECT h.id, h.enrolled_at, (SELECT min(c.created_at) FROM commands c
	    WHERE c.host_id = h.id AND c.generation = h.generation
	    AND c.state IN ('queued', 'sent'))
	FROM hosts h WHERE h.push_token IS NOT NULL;
