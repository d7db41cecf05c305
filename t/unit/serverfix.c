#include "serverfix.h"

#include <crypt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/ade_devices.h"
#include "store/admins.h"
#include "store/alarms.h"
#include "store/context.h"
#include "store/enrollment_links.h"
#include "store/jobs.h"
#include "store/rowmac.h"
#include "wire/x509.h"

void
serverfix_write(
    const struct storefix *fix, const char *name, const void *p, size_t n)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", fix->folder, name);
	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
write_files(const struct storefix *fix)
{
	/* as storefix.c has it */
	static const uint8_t key[ROWMAC_KEY] = { 1, 2, 3 };
	struct mdmfix_cert ca;
	struct buf pem;

	serverfix_write(fix, "admin.key", key, sizeof key);
	mdmfix_cert_make(&ca, "SCEP CA", true, false, NULL);
	buf_init(&pem, 8192);
	assert_int_equal(x509_write_pem(buf_blob(&ca.der), &pem), OK);
	serverfix_write(fix, "scep-ca.pem", pem.p, pem.n);
	buf_release(&pem);
	mdmfix_cert_release(&ca);
}

static void
enroll(void **state, struct serverfix *out)
{
	struct mdmfix_device d;
	struct host h;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	storefix_change(
	    storefix_db(state), "UPDATE hosts SET product_name = 'Mac15,3'");
	checkfix_enqueue(state, SERIAL_A, 1, out->command);
	checkfix_host(state, SERIAL_A, &h);
	memcpy(out->host, h.id, sizeof out->host);
	memcpy(out->enrollment, d.row.enrollment_id, sizeof out->enrollment);
	memcpy(out->certificate, d.row.id, sizeof out->certificate);
	mdmfix_device_release(&d);
}

void
serverfix_make(void **state, struct serverfix *out)
{
	struct ade_device assigned = { .account = ADE_DEVICES_FILE,
		.serial = SERIAL_B };
	struct enrollment_link link = { .note = "x",
		.created_by = SERVERFIX_ADMIN };
	struct context c = { .conf = &mdmfix_conf,
		.db = storefix_db(state),
		.remote_address = "192.0.2.1",
		.step = "profile",
		.serial = SERVERFIX_STRANGER };
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];

	write_files(*state);
	enroll(state, out);
	WRITE(c.db, ade_devices_put(c.db, &assigned));
	WRITE(c.db, enrollment_links_create(c.db, &link, 72, token));
	memcpy(out->link, link.id, sizeof out->link);
	WRITE(c.db,
	    admins_create(c.db, SERVERFIX_ADMIN, ADMIN_ROLE_ADMIN,
		crypt(SERVERFIX_PASSWORD, "$y$j75$abcdefgh")));
	WRITE(c.db, storefix_activity(c.db, SERVERFIX_ADMIN));
	WRITE(c.db,
	    alarms_raise(c.db, ALARM_SIGNER_CHANGED, "x", SERIAL_A, "look"));
	assert_int_equal(jobs_add(c.db, "purge", clock_now()), OK);
	context_refuse(&c, ERR_ENROLL_UNASSIGNED);
}
