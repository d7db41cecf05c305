/* Files that have to make room for others, but are kept. */
#ifndef BASE_ASIDE_H
#define BASE_ASIDE_H

/*
 * Renames `name` in the folder of descriptor `folder` (AT_FDCWD: any path) to
 * NAME and `suffix`, or with .1, .2, … behind that until it is free. OK when
 * there is no such file. ERR_IO, ERR_EXISTS.
 */
int aside_put(int folder, const char *name, const char *suffix);

#endif
