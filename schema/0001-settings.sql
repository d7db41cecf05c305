-- What an administrator changes at run time. A missing row means the default
-- that lib/store/settings.c lists.
CREATE TABLE settings (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL,
	updated_at INTEGER NOT NULL,
	updated_by TEXT NOT NULL
) STRICT;

-- Who may use the admin pages. The hash is crypt(3) text (yescrypt).
CREATE TABLE admins (
	name TEXT PRIMARY KEY,
	password_hash TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	disabled_at INTEGER
) STRICT;

-- Signed-in browsers. Only the SHA-256 of the cookie's token is kept.
CREATE TABLE sessions (
	token_sha256 BLOB PRIMARY KEY CHECK (length(token_sha256) = 32),
	admin TEXT NOT NULL REFERENCES admins (name) ON DELETE CASCADE,
	csrf_token TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	last_seen_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;

-- Failed sign-ins per subject ("name:…" or "address:…"), for throttling.
CREATE TABLE login_failures (
	subject TEXT PRIMARY KEY,
	failures INTEGER NOT NULL,
	last_at INTEGER NOT NULL
) STRICT;

-- What administrators did: settings, commands, revocations, sign-ins.
CREATE TABLE audit (
	id INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_action ON audit (action, id);
