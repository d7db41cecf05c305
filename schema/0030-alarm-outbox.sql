-- What is told of alarms to [alarms] command. The row is the outbox: while
-- tell_at is set, something is still to be told.
ALTER TABLE alarms ADD COLUMN severity TEXT NOT NULL DEFAULT 'warning'
    CHECK (severity IN ('warning', 'critical'));
-- Of an alarm about the end of something: when that is, and the threshold that
-- was reached, 30, 14, 7, 1 or 0 days before; else -1.
ALTER TABLE alarms ADD COLUMN ends_at INTEGER;
ALTER TABLE alarms ADD COLUMN days_left INTEGER NOT NULL DEFAULT -1;
-- When the command took it last.
ALTER TABLE alarms ADD COLUMN told_at INTEGER;
ALTER TABLE alarms ADD COLUMN tell_at INTEGER;
UPDATE alarms SET tell_at = raised_at WHERE closed_at IS NULL;
CREATE INDEX alarms_to_tell ON alarms (tell_at) WHERE tell_at IS NOT NULL;
