-- What a profile says and its renewals have to repeat, or devices refuse them,
-- whatever the configuration says by then. '' in rows of before: the
-- configuration's.
ALTER TABLE enrollments ADD COLUMN server_url TEXT NOT NULL DEFAULT '';
ALTER TABLE enrollments ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE enrollments ADD COLUMN profile_identifier TEXT NOT NULL DEFAULT '';
