-- What decides which certificate an enrolled host gets, and how many hosts there are
-- of each kind, as the worker counted them last (lib/store/population.h).
CREATE TABLE host_kinds (
	id INTEGER PRIMARY KEY,
	product_name TEXT NOT NULL,
	os_version TEXT NOT NULL,
	build_version TEXT NOT NULL,
	hardware_attested INTEGER NOT NULL,
	ever_attested INTEGER NOT NULL,
	-- Numbers of policy/device_state.h and policy/product.h.
	assignment INTEGER NOT NULL,
	known_silicon INTEGER NOT NULL,
	known_kind INTEGER NOT NULL,
	hosts INTEGER NOT NULL,
	-- The first of them, with spaces between.
	serials TEXT NOT NULL
) STRICT;
CREATE TABLE host_kinds_counted (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	counted_at INTEGER NOT NULL,
	-- Serial numbers that are assigned and have no enrolled host.
	not_enrolled INTEGER NOT NULL
) STRICT;
