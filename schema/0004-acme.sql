CREATE TABLE accounts (
	id TEXT PRIMARY KEY,
	enrollment_id TEXT NOT NULL REFERENCES enrollments (id),
	-- RFC 7638 thumbprint (base64url) and the public JWK it is of.
	thumbprint TEXT NOT NULL,
	jwk TEXT NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('valid', 'deactivated', 'revoked')),
	-- JSON array of contact URLs, as given.
	contact TEXT NOT NULL DEFAULT '[]',
	terms_agreed INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	UNIQUE (enrollment_id, thumbprint)
) STRICT;
CREATE INDEX accounts_by_thumbprint ON accounts (thumbprint);

-- An order with its one authorization and that one's one challenge: they
-- change state together, so they are one row and one compare-and-set.
CREATE TABLE orders (
	id TEXT PRIMARY KEY,
	authorization_id TEXT NOT NULL UNIQUE,
	challenge_id TEXT NOT NULL UNIQUE,
	account_id TEXT NOT NULL REFERENCES accounts (id),
	enrollment_id TEXT NOT NULL REFERENCES enrollments (id),
	identifier_type TEXT NOT NULL,
	identifier_value TEXT NOT NULL,
	token TEXT NOT NULL,
	status TEXT NOT NULL
	    CHECK (status IN ('pending', 'ready', 'valid', 'invalid')),
	authorization_status TEXT NOT NULL CHECK (authorization_status IN
	    ('pending', 'valid', 'invalid', 'deactivated', 'expired')),
	challenge_status TEXT NOT NULL
	    CHECK (challenge_status IN ('pending', 'valid', 'invalid')),
	validated_at INTEGER,
	-- Name of the err.def code that made it invalid.
	error TEXT,
	bad_csrs INTEGER NOT NULL DEFAULT 0,
	certificate_id TEXT UNIQUE,
	replaces BLOB UNIQUE,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_by_account ON orders (account_id, created_at);
CREATE INDEX orders_by_enrollment ON orders (enrollment_id);

-- Nonces are HMACs and cost nothing until used; used ones stay until expiry.
CREATE TABLE used_nonces (
	nonce BLOB PRIMARY KEY,
	expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX used_nonces_by_expiry ON used_nonces (expires_at);

-- What Apple attested, kept as evidence for the decision.
CREATE TABLE attestations (
	order_id TEXT PRIMARY KEY REFERENCES orders (id),
	enrollment_id TEXT NOT NULL REFERENCES enrollments (id),
	serial TEXT NOT NULL,
	udid TEXT NOT NULL DEFAULT '',
	spki BLOB NOT NULL,
	spki_sha256 BLOB NOT NULL UNIQUE CHECK (length(spki_sha256) = 32),
	leaf BLOB NOT NULL,
	leaf_not_before INTEGER NOT NULL,
	leaf_not_after INTEGER NOT NULL,
	os_version TEXT NOT NULL DEFAULT '',
	sepos_version TEXT NOT NULL DEFAULT '',
	llb_version TEXT NOT NULL DEFAULT '',
	software_update_device_id TEXT NOT NULL DEFAULT '',
	-- 'enabled', 'disabled', or 'unknown' when Apple did not say.
	sip TEXT NOT NULL,
	secure_boot TEXT NOT NULL DEFAULT '',
	-- 'none', 'allowed', or 'unknown'.
	kernel_extensions TEXT NOT NULL,
	verified_at INTEGER NOT NULL
) STRICT;
CREATE INDEX attestations_by_enrollment ON attestations (enrollment_id);
