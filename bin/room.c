#include "bin/room.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/statvfs.h>

#define MIB     (1024 * 1024)
#define LEAST   (INT64_C(100) * MIB)
#define WARNING (INT64_C(1024) * MIB)

enum room
room_at(const char *path, char text[ROOM_TEXT])
{
	struct statvfs fs;
	int64_t left;

	*text = '\0';
	if (statvfs(path, &fs) != 0)
		return ROOM_ENOUGH;
	left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	if (left < LEAST || (fs.f_files > 0 && fs.f_favail == 0)) {
		snprintf(text, ROOM_TEXT,
		    "%lld MiB are free where the database is, and %llu files: "
		    "make room now, or nothing can be written",
		    (long long)(left / MIB), (unsigned long long)fs.f_favail);
		return ROOM_NONE;
	}
	snprintf(text, ROOM_TEXT, "%lld MiB are free where the database is%s",
	    (long long)(left / MIB), left < WARNING ? ": make room" : "");
	return left < WARNING ? ROOM_LOW : ROOM_ENOUGH;
}
