-- The certificate that the host's present one renewed; NULL: the present one is of
-- an enrollment, or its renewal is from before this column.
ALTER TABLE hosts ADD COLUMN certificate_before_sha256 BLOB;

-- A captured Mdm-Signature is no reason to give a profile away, whatever secret
-- it holds; the renewal by ACME alone needs the device's own hardware.
UPDATE commands SET needs_client_certificate = 1
    WHERE request_type = 'InstallProfile'
    AND state IN ('queued', 'sent', 'notnow')
    AND NOT EXISTS (SELECT 1 FROM renewals r
        JOIN enrollments e ON e.id = r.enrollment_id
        WHERE r.command_uuid = commands.uuid AND e.method = 'acme');
