-- HMACs over these rows with a key that only admin-settings and root can read
-- (lib/store/rowmac.h). attestmdm migrate adds them to the administrators
-- that exist; whoever was signed in signs in again.
ALTER TABLE admins ADD COLUMN mac BLOB;
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN mac BLOB;
