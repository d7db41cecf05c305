-- Named for what they are: the event log of enrollments, and the activities of
-- administrators. Indexes keep their names when a table is renamed, so they are
-- made anew.
ALTER TABLE trail RENAME TO events;
DROP INDEX trail_by_enrollment;
DROP INDEX trail_by_serial;
DROP INDEX trail_refusals;
DROP INDEX trail_by_time;
DROP INDEX trail_by_pool;
CREATE INDEX events_by_enrollment ON events (enrollment_id, id);
CREATE INDEX events_by_serial ON events (serial, id);
CREATE INDEX events_refusals ON events (outcome, id);
CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_pool ON events (pool, pool_key, network, id)
    WHERE pool IS NOT NULL;
ALTER TABLE audit RENAME TO activities;
DROP INDEX audit_by_action;
DROP INDEX audit_by_time;
CREATE INDEX activities_by_action ON activities (action, id);
CREATE INDEX activities_by_time ON activities (at);
