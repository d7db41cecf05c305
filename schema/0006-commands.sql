-- The command queue. At least once: a command stays until its result comes.
CREATE TABLE commands (
	uuid TEXT NOT NULL,
	host_id TEXT NOT NULL REFERENCES hosts (id),
	generation INTEGER NOT NULL,
	seq INTEGER PRIMARY KEY,
	request_type TEXT NOT NULL,
	-- The whole plist as it is sent: Command and CommandUUID.
	plist BLOB NOT NULL,
	priority INTEGER NOT NULL DEFAULT 0,
	state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'notnow',
	    'acknowledged', 'error', 'formaterror', 'cancelled')),
	created_at INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	sent_at INTEGER,
	not_now_at INTEGER,
	not_now_count INTEGER NOT NULL DEFAULT 0,
	-- Set while the connection that answered NotNow lasts; cleared by Idle.
	not_now_this_connection INTEGER NOT NULL DEFAULT 0,
	completed_at INTEGER,
	result BLOB,
	-- JSON array of the device's ErrorChain.
	error_chain TEXT,
	UNIQUE (host_id, uuid)
) STRICT;
CREATE INDEX commands_queue ON commands (host_id, state, priority, seq);
