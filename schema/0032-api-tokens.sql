-- Tokens of the REST API. Only an HMAC of a token is kept, and the row has an
-- HMAC of its own, both with the key of admins and sessions.
CREATE TABLE api_tokens (
	name TEXT PRIMARY KEY,
	token_mac BLOB NOT NULL UNIQUE CHECK (length(token_mac) = 32),
	role TEXT NOT NULL
	    CHECK (role IN ('observer', 'maintainer', 'admin', 'gitops')),
	created_at INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	last_used_at INTEGER,
	revoked_at INTEGER,
	mac BLOB
) STRICT;
