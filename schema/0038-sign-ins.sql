-- Devices in whose web view somebody is signing in. A row lives for half an
-- hour.
CREATE TABLE sign_ins (
	id TEXT PRIMARY KEY,
	-- The browser's, and that of the try under way.
	cookie_sha256 BLOB NOT NULL UNIQUE,
	state_sha256 BLOB,
	nonce TEXT NOT NULL,
	verifier TEXT NOT NULL,
	tries INTEGER NOT NULL,
	serial TEXT NOT NULL,
	signer_sha256 BLOB NOT NULL,
	-- The device's signed information as it came.
	machineinfo BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_ins_by_signer ON sign_ins (signer_sha256, created_at);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);

-- Who signed in for this profile; '': nobody was asked to.
ALTER TABLE enrollments ADD COLUMN account TEXT NOT NULL DEFAULT '';
