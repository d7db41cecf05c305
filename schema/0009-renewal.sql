-- The renewal of a host's certificate: at most one open per host.
CREATE TABLE renewals (
	host_id TEXT PRIMARY KEY REFERENCES hosts (id),
	-- The open one; NULL when none is open.
	enrollment_id TEXT UNIQUE
	    REFERENCES enrollments (id) ON DELETE SET NULL,
	command_uuid TEXT NOT NULL DEFAULT '',
	opened_at INTEGER,
	-- What became of the tries since the last success.
	failures INTEGER NOT NULL DEFAULT 0,
	closed_at INTEGER,
	unanswered INTEGER NOT NULL DEFAULT 0,
	last_error TEXT NOT NULL DEFAULT '',
	next_try_at INTEGER NOT NULL DEFAULT 0,
	alarmed_at INTEGER
) STRICT;
CREATE INDEX renewals_open ON renewals (opened_at)
    WHERE enrollment_id IS NOT NULL;

-- Whose certificate ends next.
CREATE INDEX certificates_by_end ON certificates (not_after)
    WHERE state = 'current';
