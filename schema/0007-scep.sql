-- The one-time challenge in a SCEP profile. Purpose and device are those of
-- its enrollment. Only the SHA-256 of the challenge is kept.
CREATE TABLE scep_challenges (
	sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
	enrollment_id TEXT NOT NULL UNIQUE
	    REFERENCES enrollments (id) ON DELETE CASCADE,
	created_at INTEGER NOT NULL,
	-- Set in the transaction that stores the certificate. The transaction
	-- and the key tell a repeated request from a second one.
	used_at INTEGER,
	transaction_id TEXT,
	spki_sha256 BLOB
) STRICT;
