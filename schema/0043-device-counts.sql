-- How many devices of an account are ours and listed, by the profile that they
-- have. Kept by triggers of the engine: see README.
CREATE TABLE ade_device_counts (
	account TEXT NOT NULL,
	profile_uuid TEXT NOT NULL,
	devices INTEGER NOT NULL,
	PRIMARY KEY (account, profile_uuid)
) STRICT;
INSERT INTO ade_device_counts (account, profile_uuid, devices)
    SELECT account, profile_uuid, count(*) FROM ade_devices
    WHERE removed_at IS NULL AND gone_at IS NULL GROUP BY account, profile_uuid;
