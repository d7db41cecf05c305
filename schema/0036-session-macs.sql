-- The cookie's token is stored as an HMAC since step 19, no longer as a plain
-- SHA-256.
ALTER TABLE sessions RENAME COLUMN token_sha256 TO token_mac;
