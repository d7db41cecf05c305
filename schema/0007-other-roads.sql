-- Enrollment by SCEP, by a link, and renewal.

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

-- A link that an administrator gives to one person: it leads to one profile.
-- Only the SHA-256 of the token in it is kept.
CREATE TABLE enrollment_links (
	id TEXT PRIMARY KEY,
	token_sha256 BLOB NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
	-- The only device that may use it, or '' for any.
	serial TEXT NOT NULL DEFAULT '',
	note TEXT NOT NULL DEFAULT '',
	created_at INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	used_at INTEGER,
	revoked_at INTEGER,
	enrollment_id TEXT UNIQUE
	    REFERENCES enrollments (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX enrollment_links_by_time ON enrollment_links (created_at);

-- The renewal of a host's certificate: at most one open per host.
CREATE TABLE renewals (
	host_id TEXT PRIMARY KEY REFERENCES hosts (id),
	-- The open one; NULL when none is open.
	enrollment_id TEXT UNIQUE
	    REFERENCES enrollments (id) ON DELETE SET NULL,
	command_uuid TEXT,
	opened_at INTEGER,
	-- What became of the last one that was not crowned by success.
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
-- The host of a certificate.
CREATE INDEX hosts_by_certificate ON hosts (certificate_sha256);
