#include "unit/renewalsfix.h"

#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/certificates.h"
#include "store/commands.h"

void
renewalsfix_enroll(struct db *db, const char *serial, int tag, int64_t from,
    int64_t to, struct host *host)
{
	struct certificate c = { .sha256 = { (uint8_t)tag, 1 },
		.der = blob_str("der"),
		.serial_number = { (uint8_t)tag },
		.serial_number_len = 16,
		.spki_sha256 = { (uint8_t)tag },
		.issuer_key_id_len = 20,
		.not_before = from,
		.not_after = to };
	struct enrollment e;

	storefix_enrollment(db, serial, &e);
	secret_id(c.id);
	memcpy(c.enrollment_id, e.id, sizeof e.id);
	memcpy(c.serial, e.device.serial, sizeof e.device.serial);
	WRITE(db, certificates_insert(db, &c));
	WRITE(db, certificates_make_current(db, c.sha256));
	storefix_host(db, serial, tag, host);
}

void
renewalsfix_enroll_year(
    struct db *db, const char *serial, int tag, int days, struct host *host)
{
	int64_t to = clock_now() + days * DAY;

	renewalsfix_enroll(db, serial, tag, to - 365 * DAY, to, host);
}

struct renewal_query
renewalsfix_query(int limit)
{
	return (struct renewal_query){
		.now = clock_now(), .window = WINDOW, .limit = limit
	};
}

void
renewalsfix_assert_due(struct db *db, const char *expected)
{
	struct renewal_query q = renewalsfix_query(10);
	struct renewal_candidate_list list;
	char got[256] = "";

	assert_int_equal(renewal_candidates_due(db, &q, NULL, &list), OK);
	for (size_t i = 0; i < list.n; i++) {
		strcat(got, i > 0 ? " " : "");
		strcat(got, list.rows[i].serial);
	}
	renewal_candidates_list_release(&list);
	assert_string_equal(got, expected);
}

void
renewalsfix_assert_ending(struct db *db, const char *expected)
{
	struct renewal_candidate_list list;
	char got[256] = "";

	assert_int_equal(
	    renewal_candidates_ending(db, clock_now(), 30 * DAY, 10, &list), OK);
	for (size_t i = 0; i < list.n; i++) {
		strcat(got, i > 0 ? " " : "");
		strcat(got, list.rows[i].serial);
	}
	renewal_candidates_list_release(&list);
	assert_string_equal(got, expected);
}

void
renewalsfix_open_it(struct db *db, const struct host *host,
    struct enrollment *e, char uuid[SECRET_UUID_TEXT])
{
	struct command c = { .request_type = "InstallProfile",
		.plist = blob_str("<plist/>"),
		.created_by = "renewal" };

	*e = (struct enrollment){ .source = ENROLLMENT_COMMAND,
		.purpose = ENROLLMENT_RENEW };
	memcpy(e->device.serial, host->device.serial, sizeof e->device.serial);
	secret_uuid(uuid);
	memcpy(c.uuid, uuid, sizeof c.uuid);
	memcpy(c.host_id, host->id, sizeof c.host_id);
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(enrollments_create(db, e, 24), OK);
	assert_int_equal(commands_enqueue(db, &c), OK);
	assert_int_equal(renewals_open(db, host->id, e->id, uuid), OK);
	assert_int_equal(db_commit(db), OK);
}
