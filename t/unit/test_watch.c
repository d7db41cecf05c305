/* bin/watch and bin/disk: room on the disk, and what cannot be looked at. */
#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "bin/room.h"
#include "bin/watch.h"
#include "store/alarms.h"

/* A file system without any room, on every Linux. */
#define FULL "/proc/version"

static char missing[] = "/nonexistent";
static char full[] = FULL;

/* Looks at everything; the codes of what failed are added up. */
static int
look(struct db *db, char *database)
{
	struct conf conf = { .database = database,
		.state = missing,
		.ca_key = missing,
		.ca_certificate = missing,
		.scep_ca_key = missing,
		.scep_ca_certificate = missing,
		.url = missing };
	size_t next = 0;
	int failed = 0, r;

	while (watch_next(db, &conf, &next, &r))
		failed += r != OK;
	return failed;
}

static void
test_a_full_disk(void **state)
{
	struct db *db = storefix_db(state);
	struct alarm_list list;
	char text[ROOM_TEXT];

	assert_int_equal(room_at(FULL, text), ROOM_NONE);
	assert_int_equal(room_at(missing, text), ROOM_ENOUGH);
	assert_string_equal(text, "");
	/* and the certificate of an authority that is not there is a fault,
	 * but not that of SCEP; what follows is looked at all the same */
	assert_int_equal(look(db, full), 1);
	assert_int_equal(alarms_list(db, false, 0, 10, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].kind, "disk-full");
	assert_int_equal(list.rows[0].severity, ALARM_CRITICAL);
	assert_non_null(strstr(list.rows[0].text, "0 MiB are free"));
	alarms_list_release(&list);
	assert_int_equal(look(db, missing), 1);
	assert_int_equal(alarms_list(db, false, 0, 10, &list), OK);
	assert_int_equal(list.n, 0);
}

static void
test_a_certificate_that_is_not_trusted(void **state)
{
	struct db *db = storefix_db(state);
	struct conf conf = { .url = missing };
	int64_t open;

	assert_int_equal(watch_tls(db, &conf, 0, "it has expired"), OK);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM alarms WHERE text LIKE"
			     " '%connect: it has expired'"
			     " AND kind = 'tls-ending'"
			     " AND severity = 'critical'"),
	    1);
	assert_int_equal(
	    watch_tls(db, &conf, clock_now() + 31 * 86400, ""), OK);
	assert_int_equal(alarms_count_open(db, &open), OK);
	assert_int_equal(open, 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_a_full_disk),
	STOREFIX_TEST(test_a_certificate_that_is_not_trusted),
};

STOREFIX_MAIN(tests)
