-- Every identity certificate ever signed here: the single authority for who a
-- device is. Written in the transaction that makes the order valid, so no
-- certificate leaves the server without its row and its binding.
CREATE TABLE certificates (
	sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
	id TEXT NOT NULL UNIQUE,
	serial_number BLOB NOT NULL UNIQUE,
	der BLOB NOT NULL,
	spki_sha256 BLOB NOT NULL UNIQUE CHECK (length(spki_sha256) = 32),
	-- Key identifier of the issuing CA.
	issuer_key_id BLOB NOT NULL,
	enrollment_id TEXT NOT NULL UNIQUE REFERENCES enrollments (id),
	order_id TEXT UNIQUE REFERENCES orders (id),
	serial TEXT NOT NULL,
	purpose TEXT NOT NULL CHECK (purpose IN ('enroll', 'renew')),
	hardware_attested INTEGER NOT NULL,
	-- issued: not used yet; current: check-in accepts it; retired: replaced.
	state TEXT NOT NULL
	    CHECK (state IN ('issued', 'current', 'retired', 'revoked')),
	not_before INTEGER NOT NULL,
	not_after INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	first_used_at INTEGER,
	revoked_at INTEGER,
	revocation_reason INTEGER
) STRICT;
CREATE INDEX certificates_by_serial ON certificates (serial, created_at);
CREATE INDEX certificates_revoked ON certificates (revoked_at)
    WHERE revoked_at IS NOT NULL;

-- The number of the last published revocation list.
CREATE TABLE crl_numbers (
	issuer_key_id BLOB PRIMARY KEY,
	number INTEGER NOT NULL
) STRICT;
