-- What an administrator should look at. An alarm stays open, one for each kind
-- and subject, until its cause is gone.
CREATE TABLE alarms (
	id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL,
	-- What it is about within its kind: a host's id, a command's UUID, a file.
	subject TEXT NOT NULL,
	-- The device it concerns, or ''.
	serial TEXT NOT NULL DEFAULT '',
	text TEXT NOT NULL,
	raised_at INTEGER NOT NULL,
	last_seen_at INTEGER NOT NULL,
	closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX alarms_open ON alarms (kind, subject)
    WHERE closed_at IS NULL;
CREATE INDEX alarms_by_serial ON alarms (serial, id);
CREATE INDEX alarms_closed ON alarms (closed_at) WHERE closed_at IS NOT NULL;
