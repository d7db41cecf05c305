-- The attestation object as the device sent it. acme-finalize verifies it again
-- before it signs. NULL in rows from before: their orders cannot be finalized.
ALTER TABLE attestations ADD COLUMN object BLOB;
