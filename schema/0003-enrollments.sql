-- One row per handed-out enrollment profile. The id is the unguessable path of
-- the ACME directory in it: it exists for one serial number, one purpose and a
-- limited time, and leads to one certificate at most.
CREATE TABLE enrollments (
	id TEXT PRIMARY KEY,
	serial TEXT NOT NULL,
	-- What the device said of itself when it asked; a hint, not a proof.
	udid TEXT NOT NULL DEFAULT '',
	product TEXT NOT NULL DEFAULT '',
	os_version TEXT NOT NULL DEFAULT '',
	build_version TEXT NOT NULL DEFAULT '',
	source TEXT NOT NULL CHECK (source IN ('ade', 'manual', 'command')),
	purpose TEXT NOT NULL CHECK (purpose IN ('enroll', 'renew')),
	method TEXT NOT NULL CHECK (method IN ('acme', 'scep')),
	state TEXT NOT NULL
	    CHECK (state IN ('open', 'issued', 'enrolled', 'revoked')),
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	remote_address TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX enrollments_by_serial ON enrollments (serial, created_at);
CREATE INDEX enrollments_by_time ON enrollments (created_at);

-- The trail of every try, step by step. A refused profile request has no
-- enrollment; a refusal before the serial is known has neither.
CREATE TABLE trail (
	id INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	enrollment_id TEXT,
	serial TEXT NOT NULL DEFAULT '',
	step TEXT NOT NULL,
	outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'refused', 'failed')),
	code TEXT NOT NULL DEFAULT '',
	reason TEXT NOT NULL DEFAULT '',
	remote_address TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX trail_by_enrollment ON trail (enrollment_id, id);
CREATE INDEX trail_by_serial ON trail (serial, id);
CREATE INDEX trail_refusals ON trail (outcome, id);
