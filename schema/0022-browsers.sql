-- Browsers in which an administrator signed in before. The sign-in throttle
-- counts their attempts apart, so that nobody else's attempts hold them up.
-- Only the SHA-256 of the cookie's token is kept.
CREATE TABLE known_browsers (
	token_sha256 BLOB PRIMARY KEY CHECK (length(token_sha256) = 32),
	admin TEXT NOT NULL REFERENCES admins (name) ON DELETE CASCADE,
	last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX known_browsers_by_admin ON known_browsers (admin, last_at);

-- What earlier versions counted under 16 bits of a name is of no use now.
DELETE FROM login_failures WHERE subject LIKE 'name:%';
