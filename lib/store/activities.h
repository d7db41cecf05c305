/* What administrators did, and who was refused. */
#ifndef STORE_ACTIVITIES_H
#define STORE_ACTIVITIES_H

#include "store/db.h"

struct activity {
	int64_t id;
	int64_t at;
	char actor[DB_ACTOR_TEXT];
	char action[DB_NAME_TEXT];
	const char *detail;
	void *memory;
};

struct activity_list {
	struct activity *rows;
	size_t n;
};

/*
 * `actor` is an administrator's name, or "cli:USER"; `action` is a word such as
 * "setting.set", "login", "command.send"; `detail` is text for people, cut at
 * 2000 bytes. NULL detail is "".
 */
int activities_add(
    struct db *db, const char *actor, const char *action, const char *detail);

/* The same for what anybody may cause: the newest 2000 of an action are kept.
 */
int activities_add_refusal(
    struct db *db, const char *actor, const char *action, const char *detail);

/* Newest first, ids below `before` only (0: from the newest). */
int activities_list(
    struct db *db, int64_t before, int limit, struct activity_list *out);
void activities_list_release(struct activity_list *list);

/* Deletes at most `limit` rows older than two years. */
int activities_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
