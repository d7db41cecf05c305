-- One minimum system version became one for each system; the old one was written
-- for Macs.
UPDATE settings SET name = 'minimum_os_version_macos'
    WHERE name = 'minimum_os_version';
