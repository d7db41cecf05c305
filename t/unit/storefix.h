/* A fresh database in a temporary folder for each test of lib/store. */
#ifndef T_STOREFIX_H
#define T_STOREFIX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* base/log.h has one of its own */
#undef fail

#include "base/conf.h"
#include "store/accounts.h"
#include "store/db.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/orders.h"

struct storefix {
	char folder[64];
	char path[128];
	struct db *db;
	/* of storefix_meanwhile(); NULL when it has run */
	const char *meanwhile;
};

/* For cmocka: *state is a struct storefix with an open, durable database. */
int storefix_setup(void **state);
int storefix_teardown(void **state);

/* A configuration that keeps records as long as is the default. */
extern const struct conf storefix_retention;

/* The open database of *state. */
struct db *storefix_db(void **state);

#define STOREFIX_TEST(f)                                                       \
	cmocka_unit_test_setup_teardown(f, storefix_setup, storefix_teardown)

/* Runs a statement inside db_begin() and db_commit(); it must be OK. */
#define WRITE(db, call)                                                        \
	do {                                                                   \
		assert_int_equal(db_begin(db), OK);                            \
		assert_int_equal(call, OK);                                    \
		assert_int_equal(db_commit(db), OK);                           \
	} while (0)

/* Runs it likewise; it must be refused with that code. */
#define REFUSE(db, code, call)                                                 \
	do {                                                                   \
		assert_int_equal(db_begin(db), OK);                            \
		assert_int_equal(call, code);                                  \
		db_rollback(db);                                               \
	} while (0)

/* How often this process waited for the disk so far. */
int storefix_flushes(void);

/* Rows that others refer to. Each opens its own transaction. */
void storefix_enrollment(
    struct db *db, const char *serial, struct enrollment *out);
void storefix_account(
    struct db *db, const struct enrollment *e, int key, struct account *out);
void storefix_order(struct db *db, const struct account *a, struct order *out);
/* an enrolled host; `tag` tells UDID and certificate apart */
void storefix_host(
    struct db *db, const char *serial, int tag, struct host *out);

/* A row more in the activity log, in the open transaction. */
int storefix_activity(struct db *db, const char *actor);

/* Direct SQL for what no function does, such as counting; returns the int. */
int storefix_sql(struct db *db, const char *sql);

/* Another number after each commit, of this connection or of another one. */
unsigned storefix_version(struct db *db);

/* Runs one that changes at least one row, in no transaction of the store. */
void storefix_change(struct db *db, const char *sql);

/*
 * Another connection runs this statement when the next transaction is about to
 * begin: it changes the facts between a request's checks and its commit.
 * storefix_meanwhile_end() wants that it did.
 */
void storefix_meanwhile(void **state, const char *sql);
void storefix_meanwhile_end(void **state);

/*
 * Runs `body` in `n` processes with a connection each; returns how many of them
 * exited with status 0. The caller's connection is closed and opened again.
 */
int storefix_race(
    void **state, int n, int (*body)(struct db *, int, void *), void *arg);

/* All tests of a program, in TAP. */
#define STOREFIX_MAIN(tests)                                                   \
	int main(void)                                                         \
	{                                                                      \
		cmocka_set_message_output(CM_OUTPUT_TAP);                      \
		return cmocka_run_group_tests(tests, NULL, NULL);              \
	}

#endif
