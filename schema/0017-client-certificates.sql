-- When the host first showed its certificate in TLS; from then on it must. NULL:
-- it never did.
ALTER TABLE hosts ADD COLUMN client_certificate_at INTEGER;

-- Sent only to a host that shows its certificate in TLS: a captured
-- Mdm-Signature is no reason to give a SCEP challenge away.
ALTER TABLE commands ADD COLUMN needs_client_certificate
    INTEGER NOT NULL DEFAULT 0;
UPDATE commands SET needs_client_certificate = 1
    WHERE request_type = 'InstallProfile'
    AND state IN ('queued', 'sent', 'notnow')
    AND NOT EXISTS (SELECT 1 FROM renewals r
        JOIN enrollments e ON e.id = r.enrollment_id
        WHERE r.command_uuid = commands.uuid AND e.method = 'acme');
