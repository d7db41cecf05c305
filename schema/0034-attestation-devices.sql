-- Which devices "Require hardware attestation" is for. The default is Macs; a
-- server of before asked all devices that can attest, and goes on to. A new
-- database, which runs this step too, has had no administrator yet.
INSERT INTO settings (name, value, updated_at, updated_by)
    SELECT 'apple_hardware_attestation_devices', 'all', 0, 'migrate'
    WHERE EXISTS (SELECT 1 FROM admins) OR EXISTS (SELECT 1 FROM hosts)
    OR EXISTS (SELECT 1 FROM activities);
-- The product that a host gave when it attested for the first time. It may say
-- another one later.
ALTER TABLE hosts ADD COLUMN attested_product TEXT NOT NULL DEFAULT '';
UPDATE hosts SET attested_product = product_name
    WHERE ever_attested_at IS NOT NULL;
