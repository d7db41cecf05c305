-- What a profile says and its renewals have to repeat, or devices refuse them,
-- whatever the configuration says by then. attestmdm migrate notes in rows of
-- before what the configuration says at that time.
ALTER TABLE enrollments ADD COLUMN server_url TEXT NOT NULL DEFAULT '';
ALTER TABLE enrollments ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE enrollments ADD COLUMN profile_identifier TEXT NOT NULL DEFAULT '';

-- Profiles of renewals that are over are kept no more: there is a secret in them.
UPDATE commands SET plist = x'' WHERE created_by = 'renewal'
    AND state NOT IN ('queued', 'sent', 'notnow');
