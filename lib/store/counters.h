/*
 * Figures for monitoring that only grow, kept because counting would take too
 * long; and counts of what an index finds, up to COUNTERS_MOST.
 */
#ifndef STORE_COUNTERS_H
#define STORE_COUNTERS_H

#include "store/db.h"

/* A count of rows stops here: it then means that many or more. */
#define COUNTERS_MOST 10000

#define COUNTERS_NAME_TEXT 33

/* The names of counters, and what their two labels are. */
#define COUNTERS_REFUSALS    "refusals"    /* step, code of err.def */
#define COUNTERS_ENROLLMENTS "enrollments" /* method, state it reached */

struct counter {
	char name[COUNTERS_NAME_TEXT];
	char first[COUNTERS_NAME_TEXT];
	char second[COUNTERS_NAME_TEXT];
	int64_t value;
};

struct counter_list {
	struct counter *rows;
	size_t n;
};

/*
 * In a write transaction. Adds 1 to the counter of this name and these two labels.
 * Labels must not come from outside, because each pair is a row that stays forever.
 */
int counters_add(
    struct db *db, const char *name, const char *first, const char *second);

/*
 * In a write transaction. Counts that the enrollment with this id, with its method as
 * the first label, reached the state.
 */
int counters_add_enrollment(struct db *db, const char *id, const char *state);

/* All, sorted by name and labels. The caller releases *out. */
int counters_list(struct db *db, struct counter_list *out);
void counters_list_release(struct counter_list *list);

/*
 * Certificates in use that end no later than `by` (seconds since 1970), expired ones
 * included.
 */
int counters_certificates_ending(struct db *db, int64_t by, int64_t *out);

/* Hosts that wait for a push. */
int counters_pushes_waiting(struct db *db, int64_t *out);

/* Renewals that wait for their devices. */
int counters_renewals_open(struct db *db, int64_t *out);

#endif
