-- Devices that Apple Business Manager assigned to this server. A row whose
-- removed_at is set was assigned once and is not any more.
CREATE TABLE ade_devices (
	serial TEXT PRIMARY KEY,
	model TEXT NOT NULL DEFAULT '',
	description TEXT NOT NULL DEFAULT '',
	color TEXT NOT NULL DEFAULT '',
	device_family TEXT NOT NULL DEFAULT '',
	source TEXT NOT NULL,
	added_at INTEGER NOT NULL,
	removed_at INTEGER
) STRICT;

-- Every device that enrolled or began to. One row per serial number.
CREATE TABLE hosts (
	id TEXT PRIMARY KEY,
	serial TEXT NOT NULL UNIQUE,
	udid TEXT UNIQUE,
	state TEXT NOT NULL
	    CHECK (state IN ('pending', 'enrolled', 'unenrolled', 'blocked')),
	-- The identity that check-in accepts now; NULL after "forget".
	certificate_sha256 BLOB,
	enrollment_id TEXT,
	hardware_attested INTEGER NOT NULL DEFAULT 0,
	ever_attested_at INTEGER,
	device_name TEXT NOT NULL DEFAULT '',
	model TEXT NOT NULL DEFAULT '',
	model_name TEXT NOT NULL DEFAULT '',
	product_name TEXT NOT NULL DEFAULT '',
	os_version TEXT NOT NULL DEFAULT '',
	build_version TEXT NOT NULL DEFAULT '',
	topic TEXT NOT NULL DEFAULT '',
	push_token BLOB,
	push_magic TEXT,
	unlock_token BLOB,
	awaiting_configuration INTEGER NOT NULL DEFAULT 0,
	bootstrap_token BLOB,
	-- The token before the last change, kept against a malicious deletion.
	bootstrap_token_before BLOB,
	bootstrap_token_before_at INTEGER,
	-- Counts enrollments: commands of an older generation are dead.
	generation INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	enrolled_at INTEGER,
	last_seen_at INTEGER
) STRICT;
