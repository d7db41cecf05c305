-- Lists of hosts that cost the same however many there are: each order is that of
-- an index, each filter has one, and counts are kept. What the sort_ columns hold
-- is never NULL, so that (column, id) finds where a page begins.
ALTER TABLE hosts ADD COLUMN sort_name TEXT NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN sort_enrolled_at INTEGER NOT NULL DEFAULT 0;
-- When the present certificate ends; 0: there is none.
ALTER TABLE hosts ADD COLUMN certificate_ends_at INTEGER NOT NULL DEFAULT 0;
UPDATE hosts SET sort_name = substr(fold(device_name), 1, 40),
    sort_enrolled_at = COALESCE(enrolled_at, 0),
    last_seen_at = COALESCE(last_seen_at, created_at),
    certificate_ends_at = COALESCE((SELECT c.not_after FROM certificates c
        WHERE c.sha256 = hosts.certificate_sha256), 0);
CREATE INDEX hosts_by_name ON hosts (sort_name, id);
CREATE INDEX hosts_by_enrollment ON hosts (sort_enrolled_at, id);
CREATE INDEX hosts_by_contact ON hosts (last_seen_at, id);
CREATE INDEX hosts_by_end ON hosts (certificate_ends_at, id);
CREATE INDEX hosts_by_state ON hosts (state, hardware_attested);
CREATE INDEX hosts_by_product ON hosts (product_name);
CREATE INDEX hosts_by_system ON hosts (os_version);

-- A number for each host, which is its row in host_index: the table that
-- schema/README describes, with the text that is searched.
CREATE TABLE host_numbers (
	number INTEGER PRIMARY KEY,
	host_id TEXT NOT NULL UNIQUE REFERENCES hosts (id) ON DELETE CASCADE
) STRICT;
INSERT INTO host_numbers (host_id) SELECT id FROM hosts ORDER BY created_at, id;
INSERT INTO host_index (rowid, text) SELECT n.number, fold('  ' || h.serial
    || '  ' || COALESCE(h.udid, '') || '  ' || h.device_name || '  '
    || h.model_name || '  ' || h.product_name || '  ' || h.model)
    FROM host_numbers n JOIN hosts h ON h.id = n.host_id;

-- How many hosts there are of each kind; triggers keep it.
CREATE TABLE host_counts (
	state TEXT NOT NULL,
	hardware_attested INTEGER NOT NULL,
	client_certificate INTEGER NOT NULL,
	hosts INTEGER NOT NULL,
	PRIMARY KEY (state, hardware_attested, client_certificate)
) STRICT;
INSERT INTO host_counts (state, hardware_attested, client_certificate, hosts)
    SELECT state, hardware_attested,
    CASE WHEN client_certificate_at IS NULL THEN 0 ELSE 1 END, count(*)
    FROM hosts GROUP BY 1, 2, 3;
