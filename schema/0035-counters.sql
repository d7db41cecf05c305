-- Figures for monitoring that only grow (lib/store/counters.h).
CREATE TABLE counters (
	name TEXT NOT NULL,
	first TEXT NOT NULL,
	second TEXT NOT NULL,
	value INTEGER NOT NULL,
	PRIMARY KEY (name, first, second)
) STRICT;
