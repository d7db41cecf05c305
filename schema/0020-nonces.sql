-- Used nonces are forgotten by the clock, which may be set back afterwards. The
-- generation is part of each nonce (lib/acme/nonce_token.h) and counts up then,
-- so that none of those that were forgotten is accepted again. purged_before is
-- the highest expiry that was forgotten.
CREATE TABLE nonce_generations (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	generation INTEGER NOT NULL,
	purged_before INTEGER NOT NULL
) STRICT;
INSERT INTO nonce_generations (id, generation, purged_before)
    VALUES (1, 0, 0);
