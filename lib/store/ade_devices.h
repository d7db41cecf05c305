/*
 * Devices that Apple Business assigned to this server: one row for each account
 * that lists or listed the serial number. It is ours while one of the rows is
 * not removed.
 */
#ifndef STORE_ADE_DEVICES_H
#define STORE_ADE_DEVICES_H

#include "store/cursor.h"
#include "store/db.h"

/* Room for the name of an account. */
#define ADE_ACCOUNT_TEXT 33
/* Whose devices an administrator imports from a file. */
#define ADE_DEVICES_FILE "csv"
/* Room for a profile's UUID at Apple Business, and for one of its words. */
#define ADE_UUID_TEXT 65
#define ADE_WORD_TEXT 33
/* How many serial numbers are assigned at once. */
#define ADE_BATCH_MAX 1000

struct ade_device {
	char account[ADE_ACCOUNT_TEXT];
	char serial[DB_SERIAL_TEXT];
	char model[DB_NAME_TEXT];
	char description[DB_NAME_TEXT];
	char color[DB_NAME_TEXT];
	char device_family[DB_NAME_TEXT];
	int64_t added_at;
	/* of the newest change that is known, by Apple's clock; 0: none */
	int64_t op_date;
	/* the number of the full fetch that listed it last */
	int64_t fetch;
	/*
	 * not 0: not listed any more, but ours until removed_at is set; stays
	 * then, unless an administrator confirmed it
	 */
	int64_t gone_at;
	/* not 0: was assigned once and is not any more */
	int64_t removed_at;
	/* what Apple Business has for it; "" is none */
	char profile_uuid[ADE_UUID_TEXT];
	char profile_status[ADE_WORD_TEXT];
	/* not 0: an assignment was sent and its result is not stored yet */
	int64_t asked_at;
	/* "", "success", "not_accessible", "failed", "throttled" */
	char assign_result[ADE_WORD_TEXT];
	int assign_failures;
	int64_t assign_next_at;
	/* of our last successful assignment, by Apple's clock */
	int64_t assigned_at;
};

struct ade_device_list {
	struct ade_device *rows;
	size_t n;
	/* of ade_devices_list(); "" after the last page */
	char next[CURSOR_TEXT];
};

/*
 * Adds or updates what a file says: account, serial number and the texts. A
 * removed device is assigned again. ERR_FIELD: no account or serial number.
 */
int ade_devices_put(struct db *db, const struct ade_device *d);

/* ERR_NOT_FOUND when the account does not list it. */
int ade_devices_remove(struct db *db, const char *account, const char *serial);

/* One row of the serial number: one that is ours if there is any. */
int ade_devices_load(struct db *db, const char *serial, struct ade_device *out);

/*
 * All rows of the serial number, removed ones too: those that are ours first,
 * ADE_BATCH_MAX at most. There are at most as many as accounts.
 */
int ade_devices_of_serial(
    struct db *db, const char *serial, struct ade_device_list *out);

/* Is this serial number assigned to us now? */
int ade_devices_assigned(struct db *db, const char *serial, bool *out);

struct ade_device_filter {
	/* NULL and "": of all accounts */
	const char *account;
	/* the beginning of a serial number; NULL and "": all */
	const char *search;
	/* `next` of the page before; NULL and "": from the beginning */
	const char *cursor;
	int limit;
};

/*
 * By account and serial number; those of a search in all accounts by serial number
 * and account. ERR_FIELD: this is no cursor of this list.
 */
int ade_devices_list(struct db *db, const struct ade_device_filter *filter,
    struct ade_device_list *out);
void ade_devices_list_release(struct ade_device_list *list);

/*
 * What a page of a full fetch says of a device: account, serial number, texts,
 * profile, number of the fetch, and in op_date since when it is assigned. It is
 * listed, whatever was known before.
 */
int ade_devices_fetched(struct db *db, const struct ade_device *d);

/*
 * What a change says of a device: the same, with the date of the change. OK
 * without a change when a newer one is known. A profile from before our own
 * last assignment does not count.
 */
int ade_devices_changed(struct db *db, const struct ade_device *d);

/*
 * A record of deletion: the row is gone and holds no profile any more. OK when
 * a newer change is known, or no such row.
 */
int ade_devices_gone(
    struct db *db, const char *account, const char *serial, int64_t op_date);

/* The end of a full fetch: what it did not list is gone. */
int ade_devices_unseen_gone(struct db *db, const char *account, int64_t fetch);

/* How many are ours, and how many of these are gone. */
int ade_devices_count(
    struct db *db, const char *account, int64_t *ours, int64_t *gone);

/*
 * How many are gone, with those that were removed since then for that and not
 * confirmed; and how many were ours then, by the day they were added.
 */
int ade_devices_count_went(struct db *db, const char *account, int64_t since,
    int64_t *went, int64_t *before);

/*
 * Removes what is gone; *removed counts. The second is an administrator's word,
 * after which ade_devices_count_went() begins anew.
 */
int ade_devices_remove_gone(struct db *db, const char *account, int *removed);
int ade_devices_confirm_gone(struct db *db, const char *account, int *removed);

/*
 * The next ones, after serial number `after`, of those that are ours and listed
 * and have another profile than `profile_uuid`, that nothing keeps from being
 * assigned it now: ADE_BATCH_MAX at most.
 */
int ade_devices_to_assign(struct db *db, const char *account,
    const char *profile_uuid, const char *after, struct ade_device_list *out);

/* An assignment is about to be sent. */
int ade_devices_asked(struct db *db, const char *account, const char *serial);

/* Those for which one was sent without a result: ADE_BATCH_MAX at most. */
int ade_devices_unanswered(
    struct db *db, const char *account, struct ade_device_list *out);

/*
 * Stores the result of an assignment: profile, assign_result, assign_failures,
 * assign_next_at, assigned_at.
 */
int ade_devices_answered(struct db *db, const struct ade_device *d);

/* What assigning `profile_uuid` would do and has done. */
struct ade_device_counts {
	/* ours and listed */
	int64_t devices;
	/* of these: have that profile, have another one, have none */
	int64_t wanted, other, none;
	/* of those that have not: Apple Business does not let us */
	int64_t not_accessible;
	/* failed or throttled, and when the first of them is tried again */
	int64_t waiting;
	int64_t next_at;
};
int ade_devices_count_profiles(struct db *db, const char *account,
    const char *profile_uuid, struct ade_device_counts *out);

/*
 * The same, of devices, wanted, other and none only: at once, however many there
 * are.
 */
int ade_devices_count_kept(struct db *db, const char *account,
    const char *profile_uuid, struct ade_device_counts *out);

#endif
