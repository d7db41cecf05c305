-- Figures of each day, for the overview: how many hosts there were, and how often
-- devices were refused for each reason. A day is the number of days since 1970, UTC.
CREATE TABLE daily_hosts (
	day INTEGER PRIMARY KEY,
	enrolled INTEGER NOT NULL,
	attested INTEGER NOT NULL
) STRICT;
CREATE TABLE daily_refusals (
	day INTEGER NOT NULL,
	code TEXT NOT NULL,
	refusals INTEGER NOT NULL,
	PRIMARY KEY (day, code)
) STRICT;
