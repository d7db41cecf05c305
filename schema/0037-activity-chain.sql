-- Each activity says from where and in which request it was done, to which device,
-- and what was before and after; and a hash chains it to the one before
-- (lib/store/activities.h). Those of before get theirs from attestmdm migrate.
ALTER TABLE activities ADD COLUMN remote TEXT NOT NULL DEFAULT '';
ALTER TABLE activities ADD COLUMN request TEXT NOT NULL DEFAULT '';
ALTER TABLE activities ADD COLUMN serial TEXT;
ALTER TABLE activities ADD COLUMN old_value TEXT NOT NULL DEFAULT '';
ALTER TABLE activities ADD COLUMN new_value TEXT NOT NULL DEFAULT '';
-- NULL: outside of the chain, as what anybody may cause
ALTER TABLE activities ADD COLUMN hash BLOB CHECK (length(hash) = 32);
CREATE INDEX activities_by_actor ON activities (actor, action, id);
CREATE INDEX activities_by_serial ON activities (serial, id)
    WHERE serial IS NOT NULL;
CREATE INDEX activities_chained ON activities (id) WHERE hash IS NOT NULL;
-- The last entry of the chain that was removed because of its age.
CREATE TABLE activities_removed (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	id INTEGER NOT NULL,
	hash BLOB NOT NULL CHECK (length(hash) = 32),
	removed_at INTEGER NOT NULL
) STRICT;
