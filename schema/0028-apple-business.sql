-- Accounts at Apple Business: each is a device management service there, with a
-- server token of its own. Its secrets are files under STATE/apple.
CREATE TABLE ade_accounts (
	name TEXT PRIMARY KEY,
	created_at INTEGER NOT NULL,
	-- '' until a server token is imported.
	consumer_key TEXT NOT NULL DEFAULT '',
	token_expires_at INTEGER,
	-- What the service says of itself.
	server_uuid TEXT NOT NULL DEFAULT '',
	server_name TEXT NOT NULL DEFAULT '',
	organization TEXT NOT NULL DEFAULT '',
	-- Where the device list stands: a full fetch goes on, or the changes after
	-- the cursor come next. fetch_number counts the full fetches.
	phase TEXT NOT NULL DEFAULT 'fetch' CHECK (phase IN ('fetch', 'changes')),
	cursor TEXT NOT NULL DEFAULT '',
	fetch_number INTEGER NOT NULL DEFAULT 0,
	fetched_at INTEGER,
	-- Since when removals wait for an administrator's word.
	held_at INTEGER,
	-- The last run: how far it came, and what came of it.
	sync_started_at INTEGER,
	sync_devices INTEGER NOT NULL DEFAULT 0,
	synced_at INTEGER,
	sync_failures INTEGER NOT NULL DEFAULT 0,
	sync_error TEXT NOT NULL DEFAULT '',
	sync_next_at INTEGER,
	-- What an administrator wants of the enrollment profile, as JSON, and the
	-- profile that was defined at Apple Business from it.
	profile_options TEXT NOT NULL DEFAULT '{}',
	profile_uuid TEXT NOT NULL DEFAULT '',
	profile_sha256 BLOB,
	profile_defined_at INTEGER,
	-- Nothing is assigned before an administrator saw what it will do.
	assign_approved_at INTEGER,
	-- When there is something to assign; NULL: nothing.
	assign_at INTEGER,
	assigned_at INTEGER,
	assign_failures INTEGER NOT NULL DEFAULT 0,
	assign_error TEXT NOT NULL DEFAULT ''
) STRICT;

-- Devices that an account of Apple Business lists, or that were imported from a
-- file: account 'csv'. A serial number is ours while one account has a row of it
-- whose removed_at is NULL.
CREATE TABLE ade_devices_of_accounts (
	account TEXT NOT NULL,
	serial TEXT NOT NULL,
	model TEXT NOT NULL DEFAULT '',
	description TEXT NOT NULL DEFAULT '',
	color TEXT NOT NULL DEFAULT '',
	device_family TEXT NOT NULL DEFAULT '',
	added_at INTEGER NOT NULL,
	-- Apple Business's date of the newest change that is known.
	op_date INTEGER NOT NULL DEFAULT 0,
	-- The full fetch that listed it last.
	fetch_number INTEGER NOT NULL DEFAULT 0,
	-- Not listed any more; it is ours until removed_at is set.
	gone_at INTEGER,
	removed_at INTEGER,
	-- The enrollment profile that Apple Business has for it.
	profile_uuid TEXT NOT NULL DEFAULT '',
	profile_status TEXT NOT NULL DEFAULT '',
	-- An assignment was sent and its result is not stored yet.
	asked_at INTEGER,
	assign_result TEXT NOT NULL DEFAULT '',
	assign_failures INTEGER NOT NULL DEFAULT 0,
	assign_next_at INTEGER,
	assigned_at INTEGER,
	PRIMARY KEY (account, serial)
) STRICT;
INSERT INTO ade_devices_of_accounts (account, serial, model, description, color,
    device_family, added_at, removed_at)
    SELECT 'csv', serial, model, description, color, device_family, added_at,
    removed_at FROM ade_devices;
DROP TABLE ade_devices;
ALTER TABLE ade_devices_of_accounts RENAME TO ade_devices;
CREATE INDEX ade_devices_by_serial ON ade_devices (serial);
CREATE INDEX ade_devices_gone ON ade_devices (account)
    WHERE gone_at IS NOT NULL AND removed_at IS NULL;
CREATE INDEX ade_devices_asked ON ade_devices (account, serial)
    WHERE asked_at IS NOT NULL;
