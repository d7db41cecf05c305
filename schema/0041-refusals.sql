-- How often devices were refused, by day (days since 1970), code and serial
-- number: what the activity log has of it (lib/store/refusals.h).
CREATE TABLE refusals (
	day INTEGER NOT NULL,
	-- of err.def, without ERR_
	code TEXT NOT NULL,
	-- of the device that proved to be it; '' stands for all others
	serial TEXT NOT NULL,
	seen INTEGER NOT NULL,
	PRIMARY KEY (day, code, serial)
) STRICT;
