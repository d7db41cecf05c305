-- What housekeeping deletes is found by time, without reading whole tables.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX login_failures_by_time ON login_failures (last_at);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX trail_by_time ON trail (at);
CREATE INDEX enrollment_links_by_expiry ON enrollment_links (expires_at);
CREATE INDEX hosts_by_token_before ON hosts (bootstrap_token_before_at)
    WHERE bootstrap_token_before_at IS NOT NULL;
CREATE INDEX commands_by_end ON commands ((COALESCE(completed_at, created_at)))
    WHERE state NOT IN ('queued', 'sent', 'notnow');
CREATE INDEX certificates_unused ON certificates (created_at)
    WHERE first_used_at IS NULL AND order_id IS NULL;

-- Set by housekeeping for an expired enrollment that something refers to: it
-- stays, and is not looked at again.
ALTER TABLE enrollments ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
CREATE INDEX enrollments_to_purge ON enrollments (expires_at, id)
    WHERE kept = 0;

-- Seconds between the dates in the certificate itself. Renewal counts with it:
-- not_after alone may be changed by hand, to renew a certificate early.
ALTER TABLE certificates ADD COLUMN lifetime INTEGER NOT NULL DEFAULT 0;
UPDATE certificates SET lifetime = not_after - not_before;
CREATE INDEX certificates_by_lifetime ON certificates (lifetime)
    WHERE state = 'current';
