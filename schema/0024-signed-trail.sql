-- A pool of its own for the refused requests of devices that Apple's device CA
-- vouches for, so that others who merely name the serial number do not push them
-- out. The column is made anew because its CHECK knows two pools only.
DROP INDEX trail_by_pool;
ALTER TABLE trail ADD COLUMN kept_in TEXT
    CHECK (kept_in IN ('signed', 'known', 'unknown'));
UPDATE trail SET kept_in = CASE WHEN pool = 'known' AND step = 'profile'
    AND serial <> '' THEN 'signed' ELSE pool END WHERE pool IS NOT NULL;
ALTER TABLE trail DROP COLUMN pool;
ALTER TABLE trail RENAME COLUMN kept_in TO pool;
CREATE INDEX trail_by_pool ON trail (pool, pool_key, network, id)
    WHERE pool IS NOT NULL;
