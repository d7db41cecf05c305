-- Lists that begin behind the last row of the page before: their indexes also hold
-- what tells equals apart.
DROP INDEX enrollments_by_time;
DROP INDEX enrollments_by_serial;
CREATE INDEX enrollments_by_time ON enrollments (created_at, id);
CREATE INDEX enrollments_by_serial ON enrollments (serial, created_at, id);
DROP INDEX certificates_by_serial;
DROP INDEX certificates_revoked;
CREATE INDEX certificates_by_time ON certificates (created_at, id);
CREATE INDEX certificates_by_serial ON certificates (serial, created_at, id);
CREATE INDEX certificates_revoked ON certificates (revoked_at, id)
    WHERE revoked_at IS NOT NULL;
DROP INDEX enrollment_links_by_time;
CREATE INDEX enrollment_links_by_time ON enrollment_links (created_at, id);
DROP INDEX ade_devices_by_serial;
CREATE INDEX ade_devices_by_serial ON ade_devices (serial, account);
CREATE INDEX alarms_open_by_id ON alarms (id) WHERE closed_at IS NULL;
CREATE INDEX commands_by_host ON commands (host_id, seq);
CREATE INDEX commands_by_uuid ON commands (uuid);
