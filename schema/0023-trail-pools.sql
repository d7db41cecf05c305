-- Rows that senders cause who proved nothing are kept apart from the others and
-- bounded. pool is NULL for the others; pool_key is what such rows are bounded
-- by: the serial number when it is one of ours ('known'), else the network.
ALTER TABLE trail ADD COLUMN pool TEXT CHECK (pool IN ('known', 'unknown'));
ALTER TABLE trail ADD COLUMN pool_key TEXT NOT NULL DEFAULT '';
ALTER TABLE trail ADD COLUMN network TEXT NOT NULL DEFAULT '';
UPDATE trail SET pool = 'known', pool_key = serial, network = remote_address
    WHERE enrollment_id IS NULL AND remote_address <> ''
    AND (serial IN (SELECT serial FROM ade_devices)
    OR serial IN (SELECT serial FROM hosts));
UPDATE trail SET pool = 'unknown', pool_key = remote_address,
    network = remote_address
    WHERE enrollment_id IS NULL AND remote_address <> '' AND pool IS NULL;
CREATE INDEX trail_by_pool ON trail (pool, pool_key, network, id)
    WHERE pool IS NOT NULL;
