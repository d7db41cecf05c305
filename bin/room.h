/* Is there room where the database is? For `attestmdm check` and the alarms. */
#ifndef BIN_ROOM_H
#define BIN_ROOM_H

enum room {
	ROOM_ENOUGH,
	/* less than 1 GiB */
	ROOM_LOW,
	/* less than 100 MiB, or no room for another file */
	ROOM_NONE,
};

#define ROOM_TEXT 200

/*
 * `text` says it in words; it is "", and the result ROOM_ENOUGH, when the file
 * system of `path` cannot be asked.
 */
enum room room_at(const char *path, char text[ROOM_TEXT]);

#endif
