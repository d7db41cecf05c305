-- SHA-256 of the device key that signed the request for the profile that the
-- host enrolled with; NULL when none did, or it is not known.
ALTER TABLE hosts ADD COLUMN signer_sha256 BLOB;
-- A profile that another device key asked for may be used until then.
ALTER TABLE hosts ADD COLUMN other_signer_until INTEGER;
-- The identifier that Apple attests of a Mac, as the Mac itself reports it.
ALTER TABLE hosts ADD COLUMN provisioning_udid TEXT NOT NULL DEFAULT '';

UPDATE hosts SET signer_sha256 = (SELECT e.signer_sha256 FROM enrollments e
    WHERE e.serial = hosts.serial AND e.source = 'ade'
    AND (e.state = 'enrolled' OR e.id = hosts.enrollment_id)
    AND e.signer_sha256 <>
    x'0000000000000000000000000000000000000000000000000000000000000000'
    ORDER BY e.created_at DESC, e.id LIMIT 1);
