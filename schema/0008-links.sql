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
