/*
 * Check-in and commands against a database: identity (mdm-23 to mdm-41), the
 * life of an enrollment, the queue (mdm-42 to mdm-49).
 */
#include "mdmfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "mdm/checkin.h"
#include "mdm/command.h"
#include "mdm/queue.h"
#include "store/commands.h"
#include "store/hosts.h"
#include "store/trails.h"

#define PAIR(k, v) "<key>" k "</key><string>" v "</string>"
#define DOC(x)                                                                 \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>"                           \
	"<plist version=\"1.0\"><dict>" x "</dict></plist>"

#define SERIAL_A "C02AAAAAAAAA"
#define SERIAL_B "C02BBBBBBBBB"
#define UDID_A   "AAAAAAAA-0000-0000-0000-000000000001"
#define UDID_B   "BBBBBBBB-0000-0000-0000-000000000002"
#define TOPIC    PAIR("Topic", MDMFIX_TOPIC)

#define AUTHENTICATE(serial, udid)                                             \
	DOC(PAIR("MessageType", "Authenticate") TOPIC PAIR("UDID", udid)       \
		PAIR("SerialNumber", serial) PAIR("OSVersion", "15.1")         \
		    PAIR("DeviceName", "a Mac"))
#define TOKEN_UPDATE(udid)                                                     \
	DOC(PAIR("MessageType", "TokenUpdate") TOPIC PAIR("UDID", udid)        \
		PAIR("PushMagic", "m\\\"agic") "<key>Token</key>"              \
					       "<data>dG9rZW4=</data>")
#define SIMPLE(type, udid)                                                     \
	DOC(PAIR("MessageType", type) TOPIC PAIR("UDID", udid))
#define REPORT(status, udid) DOC(PAIR("Status", status) PAIR("UDID", udid))

/* How a message is sent, and what came back. */
struct talk {
	const struct mdmfix_device *device;
	/* or NULL for the device's signature over the body */
	const char *signature;
	const char *client_certificate;
	const char *other_body;
	bool unsigned_;
	gnutls_digest_algorithm_t digest;
	unsigned flags;
	/* days that an identity may be expired */
	int grace;
	char reply[8192];
};

static int
send_message(void **state, struct talk *t, const char *body,
    int (*serve)(struct contact *))
{
	struct conf conf = mdmfix_conf;
	struct contact c = { .conf = &conf,
		.db = storefix_db(state),
		.remote_address = "192.0.2.1" };
	struct buf cms, header;
	int r;

	conf.expired_grace_days = t->grace;
	buf_init(&cms, 1 << 16);
	buf_init(&header, 1 << 17);
	if (!t->unsigned_ && t->signature == NULL) {
		mdmfix_sign(&t->device->cert,
		    blob_str(t->other_body ? t->other_body : body),
		    t->digest ? t->digest : GNUTLS_DIG_SHA1, t->flags, &cms);
		enc_base64(buf_blob(&cms), &header);
	}
	c.proof = (struct identity_proof){ .signature = t->unsigned_ ? NULL
		    : t->signature ? t->signature
				   : buf_str(&header),
		.client_certificate = t->client_certificate,
		.body = blob_str(body) };
	r = serve(&c);
	snprintf(t->reply, sizeof(t->reply), "%s", buf_str(&c.reply));
	contact_release(&c);
	buf_release(&cms);
	buf_release(&header);
	return r;
}

static int
checkin(void **state, const struct mdmfix_device *d, const char *body)
{
	struct talk t = { .device = d };

	return send_message(state, &t, body, checkin_serve);
}

static int
poll_queue(void **state, const struct mdmfix_device *d, const char *body,
    char reply[8192])
{
	struct talk t = { .device = d };
	int r = send_message(state, &t, body, queue_serve);

	memcpy(reply, t.reply, sizeof(t.reply));
	return r;
}

static void
host_of(void **state, const char *serial, struct host *out)
{
	assert_int_equal(
	    hosts_load_by_serial(storefix_db(state), serial, out), OK);
}

/* The last refusal of a serial number is of this step and code. */
static void
refused_with(void **state, const char *serial, const char *step, int code)
{
	struct trail_list list;

	assert_int_equal(
	    trails_list_by_serial(storefix_db(state), serial, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].step, step);
	assert_string_equal(list.rows[0].code, err_name(code));
	assert_true(list.rows[0].reason[0] != '\0');
	trails_list_release(&list);
}

/* And its reason has these words, so that no other check said it. */
static void
refused_because(void **state, const char *serial, const char *words)
{
	struct trail_list list;

	assert_int_equal(
	    trails_list_by_serial(storefix_db(state), serial, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_non_null(strstr(list.rows[0].reason, words));
	trails_list_release(&list);
}

static void
enroll_as(
    void **state, const char *serial, const char *udid, struct mdmfix_device *d)
{
	char body[2048];

	mdmfix_device_make(
	    storefix_db(state), serial, ENROLLMENT_ENROLL, true, d);
	snprintf(body, sizeof(body), AUTHENTICATE("%s", "%s"), udid, serial);
	assert_int_equal(checkin(state, d, body), OK);
	snprintf(body, sizeof(body), TOKEN_UPDATE("%s"), udid);
	assert_int_equal(checkin(state, d, body), OK);
}

static void
test_enroll(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;
	struct enrollment e;
	struct host h;

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(
	    checkin(state, &d, TOKEN_UPDATE(UDID_A)), ERR_MDM_CERTIFICATE);
	refused_with(state, SERIAL_A, "token-update", ERR_MDM_CERTIFICATE);
	assert_int_equal(
	    checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_PENDING);
	assert_true(h.hardware_attested);
	assert_string_equal(h.udid, UDID_A);
	assert_int_equal(checkin(state, &d, TOKEN_UPDATE(UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
	assert_int_equal(h.push_token_len, 5);
	assert_int_equal(enrollments_load(db, d.row.enrollment_id, &e), OK);
	assert_int_equal(e.state, ENROLLMENT_ENROLLED);
	assert_int_equal(checkin(state, &d, SIMPLE("CheckOut", UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_UNENROLLED);
	/* mdm-7: the certificate of a host that left opens nothing. */
	assert_int_equal(checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_MDM_CERTIFICATE);
	mdmfix_device_release(&d);
}

static void
test_not_attested(void **state)
{
	struct mdmfix_device d;
	struct host h;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, false, &d);
	assert_int_equal(
	    checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_false(h.hardware_attested);
	mdmfix_device_release(&d);
}

/* The order behind an attested certificate must be a valid one. */
static void
test_attested_needs_order(void **state)
{
	struct mdmfix_device d;
	struct host h;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	storefix_sql(storefix_db(state),
	    "UPDATE orders SET status = 'invalid', certificate_id = NULL");
	assert_int_equal(
	    checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_false(h.hardware_attested);
	mdmfix_device_release(&d);
}

/* mdm-24: a certificate of A opens nothing of B. */
static void
test_other_device(void **state)
{
	struct mdmfix_device a, b, fresh;
	struct host before, after;

	enroll_as(state, SERIAL_B, UDID_B, &b);
	host_of(state, SERIAL_B, &before);
	enroll_as(state, SERIAL_A, UDID_A, &a);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &fresh);
	assert_int_equal(checkin(state, &fresh, AUTHENTICATE(SERIAL_B, UDID_B)),
	    ERR_MDM_DEVICE);
	refused_with(state, SERIAL_A, "authenticate", ERR_MDM_DEVICE);
	assert_int_equal(checkin(state, &fresh, AUTHENTICATE(SERIAL_A, UDID_B)),
	    ERR_MDM_DEVICE);
	assert_int_equal(
	    checkin(state, &a, TOKEN_UPDATE(UDID_B)), ERR_MDM_DEVICE);
	assert_int_equal(
	    checkin(state, &a, SIMPLE("CheckOut", UDID_B)), ERR_MDM_DEVICE);
	host_of(state, SERIAL_B, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
	mdmfix_device_release(&fresh);
}

/* A UDID of an unfinished host cannot be taken either, in no letter case. */
static void
test_udid_taken(void **state)
{
	struct mdmfix_device a, b;

	enroll_as(state, SERIAL_B, UDID_B, &b);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &a);
	assert_int_equal(
	    checkin(state, &a,
		AUTHENTICATE(SERIAL_A, "bbbbbbbb-0000-0000-0000-000000000002")),
	    ERR_MDM_DEVICE);
	refused_because(state, SERIAL_A, SERIAL_B);
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

/* mdm-2: without a serial number the UDID must be known. */
static void
test_no_serial(void **state)
{
	struct mdmfix_device d;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(
	    checkin(state, &d, SIMPLE("Authenticate", UDID_A)), ERR_MDM_DEVICE);
	storefix_sql(
	    storefix_db(state), "UPDATE enrollments SET udid = '" UDID_A "'");
	assert_int_equal(
	    checkin(state, &d, SIMPLE("Authenticate", UDID_A)), OK);
	mdmfix_device_release(&d);
}

static void
test_revoked_enrollment(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	WRITE(db, enrollments_revoke(db, d.row.enrollment_id));
	assert_int_equal(checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_MDM_CERTIFICATE);
	refused_because(state, SERIAL_A, "enrollment was revoked");
	mdmfix_device_release(&d);
}

static void
test_unassigned(void **state)
{
	struct mdmfix_device d;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	storefix_sql(
	    storefix_db(state), "UPDATE ade_devices SET removed_at = 1");
	assert_int_equal(checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_ENROLL_UNASSIGNED);
	refused_because(state, SERIAL_A, "took this serial number away");
	assert_int_equal(
	    storefix_sql(storefix_db(state), "SELECT count(*) FROM hosts"), 0);
	mdmfix_device_release(&d);
}

/* mdm-23, 25, 26, 27, 30: who cannot prove a key of ours is nobody. */
static void
test_proofs(void **state)
{
	struct mdmfix_device d, copy;
	const char *body = AUTHENTICATE(SERIAL_A, UDID_A);
	struct talk t = { .device = &d, .unsigned_ = true };

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	t = (struct talk){ .device = &d, .other_body = "another" };
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_SIGNATURE);
	refused_with(state, SERIAL_A, "authenticate", ERR_MDM_SIGNATURE);
	/* The same name and dates, another key. */
	mdmfix_cert_make(&copy.cert, SERIAL_A, false, false, NULL);
	assert_int_equal(checkin(state, &copy, body), ERR_MDM_CERTIFICATE);
	mdmfix_cert_release(&copy.cert);
	t = (struct talk){ .device = &d, .signature = "MIIB" };
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	t.signature = "not base64!";
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	t.signature = "";
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	/* An attached content could differ from the body. */
	t = (struct talk){ .device = &d, .flags = GNUTLS_PKCS7_EMBED_DATA };
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_SIGNATURE);
	assert_int_equal(
	    storefix_sql(storefix_db(state), "SELECT count(*) FROM hosts"), 0);
	mdmfix_device_release(&d);
}

/* mdm-33: every form that devices use. */
static void
test_signature_forms(void **state)
{
	struct mdmfix_device d;
	struct talk t = { .device = &d };
	const char *body = AUTHENTICATE(SERIAL_A, UDID_A);

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(send_message(state, &t, body, checkin_serve), OK);
	t.flags = GNUTLS_PKCS7_INCLUDE_TIME;
	assert_int_equal(send_message(state, &t, body, checkin_serve), OK);
	t.digest = GNUTLS_DIG_SHA256;
	assert_int_equal(send_message(state, &t, body, checkin_serve), OK);
	t.flags = 0;
	assert_int_equal(send_message(state, &t, body, checkin_serve), OK);
	mdmfix_device_release(&d);
}

static void
escape_pem(const struct mdmfix_cert *cert, struct buf *out)
{
	gnutls_datum_t pem;
	unsigned i;

	assert_int_equal(
	    gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	for (i = 0; i < pem.size; i++) {
		if (pem.data[i] == '\n' || pem.data[i] == ' ')
			buf_printf(out, "%%%02X", pem.data[i]);
		else
			buf_add_byte(out, pem.data[i]);
	}
	gnutls_free(pem.data);
}

/* mdm-28: both ways must show one certificate. */
static void
test_tls_certificate(void **state)
{
	struct mdmfix_device a, b;
	struct talk t = { .device = &a };
	const char *body = AUTHENTICATE(SERIAL_A, UDID_A);
	struct buf pem_a, pem_b;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &a);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_B, ENROLLMENT_ENROLL, true, &b);
	buf_init(&pem_a, 1 << 16);
	buf_init(&pem_b, 1 << 16);
	escape_pem(&a.cert, &pem_a);
	escape_pem(&b.cert, &pem_b);
	t.client_certificate = buf_str(&pem_b);
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_CERTIFICATE);
	t.unsigned_ = true;
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_DEVICE);
	t.client_certificate = "garbage%";
	assert_int_equal(
	    send_message(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	t.client_certificate = buf_str(&pem_a);
	assert_int_equal(send_message(state, &t, body, checkin_serve), OK);
	t.unsigned_ = false;
	assert_int_equal(send_message(state, &t, body, checkin_serve), OK);
	buf_release(&pem_a);
	buf_release(&pem_b);
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

/* mdm-38: only these make a device give up its enrollment. */
static void
test_blocked(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device a, b;
	struct host h;
	char reply[8192];

	enroll_as(state, SERIAL_A, UDID_A, &a);
	host_of(state, SERIAL_A, &h);
	WRITE(db, hosts_block(db, h.id));
	assert_int_equal(poll_queue(state, &a, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_BLOCKED);
	enroll_as(state, SERIAL_B, UDID_B, &b);
	WRITE(db, certificates_revoke(db, b.row.sha256, 1));
	assert_int_equal(poll_queue(state, &b, REPORT("Idle", UDID_B), reply),
	    ERR_MDM_BLOCKED);
	refused_with(state, SERIAL_B, "command", ERR_MDM_BLOCKED);
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

static void
test_dates(void **state)
{
	struct mdmfix_device d;
	char reply[8192];

	enroll_as(state, SERIAL_A, UDID_A, &d);
	clock_set_offset(7200);
	assert_int_equal(poll_queue(state, &d, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	clock_set_offset(-7200);
	assert_int_equal(poll_queue(state, &d, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	clock_set_offset(0);
	assert_int_equal(
	    poll_queue(state, &d, REPORT("Idle", UDID_A), reply), OK);
	mdmfix_device_release(&d);
}

static void
enqueue(void **state, const char *serial, int priority, char uuid[37])
{
	struct db *db = storefix_db(state);
	struct command command = { .priority = priority, .created_by = "test" };
	struct command_text text;
	struct host h;

	host_of(state, serial, &h);
	command_text_init(&text);
	assert_int_equal(command_device_information(NULL, 0, &text), OK);
	snprintf(command.uuid, sizeof(command.uuid), "%s", text.uuid);
	snprintf(command.host_id, sizeof(command.host_id), "%s", h.id);
	snprintf(command.request_type, sizeof(command.request_type), "%s",
	    text.request_type);
	command.plist = buf_blob(&text.plist);
	WRITE(db, commands_enqueue(db, &command));
	snprintf(uuid, 37, "%s", text.uuid);
	command_text_release(&text);
}

/* mdm-41: Authenticate again with the present certificate keeps everything;
 * with a new one it starts over. */
static void
test_generations(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device old, new;
	char uuid[37], reply[8192];
	struct host h;
	int i;

	enroll_as(state, SERIAL_A, UDID_A, &old);
	assert_int_equal(checkin(state, &old,
			     DOC(PAIR("MessageType", "SetBootstrapToken") PAIR(
				 "UDID", UDID_A) "<key>BootstrapToken</key>"
						 "<data>c2VjcmV0</data>")),
	    OK);
	enqueue(state, SERIAL_A, 0, uuid);
	for (i = 0; i < 10; i++)
		assert_int_equal(
		    checkin(state, &old, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
	assert_int_equal(h.generation, 1);
	assert_true(h.has_bootstrap_token);
	assert_int_equal(
	    poll_queue(state, &old, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, uuid));

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &new);
	assert_int_equal(
	    poll_queue(state, &old, REPORT("Idle", UDID_A), reply), OK);
	assert_int_equal(poll_queue(state, &new, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	assert_int_equal(checkin(state, &new, AUTHENTICATE(SERIAL_A, UDID_B)),
	    ERR_MDM_DEVICE);
	assert_int_equal(
	    checkin(state, &new, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_PENDING);
	assert_int_equal(h.generation, 2);
	assert_false(h.has_bootstrap_token);
	/* mdm-37 */
	assert_int_equal(poll_queue(state, &old, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	refused_because(state, SERIAL_A, "replaced");
	assert_int_equal(checkin(state, &new, TOKEN_UPDATE(UDID_A)), OK);
	assert_int_equal(
	    poll_queue(state, &new, REPORT("Idle", UDID_A), reply), OK);
	assert_string_equal(reply, "");
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

/* mdm-102: a renewed certificate takes over and nothing else changes. */
static void
test_renewal(void **state)
{
	struct mdmfix_device old, new;
	char uuid[37], reply[8192];
	struct host h;

	enroll_as(state, SERIAL_A, UDID_A, &old);
	enqueue(state, SERIAL_A, 0, uuid);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_RENEW, true, &new);
	assert_int_equal(poll_queue(state, &new, REPORT("Idle", UDID_B), reply),
	    ERR_MDM_DEVICE);
	assert_int_equal(
	    checkin(state, &new, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
	assert_int_equal(h.generation, 1);
	/* Authenticate alone retires nothing: the profile may yet fail. */
	assert_int_equal(
	    poll_queue(state, &old, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, uuid));
	assert_int_equal(checkin(state, &new, TOKEN_UPDATE(UDID_A)), OK);
	assert_int_equal(poll_queue(state, &old, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	assert_int_equal(
	    poll_queue(state, &new, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, uuid));
	host_of(state, SERIAL_A, &h);
	assert_int_equal(h.generation, 1);
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

/* What was revoked after its certificate was handed out does not take over. */
static void
test_revoked_renewal(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device old, new;
	struct host before, after;
	char reply[8192], sql[128];

	enroll_as(state, SERIAL_A, UDID_A, &old);
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_RENEW, true, &new);
	host_of(state, SERIAL_A, &before);
	snprintf(sql, sizeof(sql),
	    "UPDATE enrollments SET state = 'revoked' WHERE id = '%s'",
	    new.row.enrollment_id);
	storefix_sql(db, sql);
	assert_int_equal(poll_queue(state, &new, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	refused_because(state, SERIAL_A, "the enrollment was revoked");
	/* nor does what another certificate was used for already */
	snprintf(sql, sizeof(sql),
	    "UPDATE enrollments SET state = 'enrolled' WHERE id = '%s'",
	    new.row.enrollment_id);
	storefix_sql(db, sql);
	assert_int_equal(poll_queue(state, &new, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	refused_because(state, SERIAL_A, "the renewal of it was revoked");
	assert_int_equal(
	    checkin(state, &new, TOKEN_UPDATE(UDID_A)), ERR_MDM_CERTIFICATE);
	host_of(state, SERIAL_A, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(
	    poll_queue(state, &old, REPORT("Idle", UDID_A), reply), OK);
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

static void
ended_ago(void **state, const struct mdmfix_device *d, int seconds)
{
	char sql[192];

	snprintf(sql, sizeof(sql),
	    "UPDATE certificates SET not_after = %lld WHERE enrollment_id ="
	    " '%s'",
	    (long long)(clock_now() - seconds), d->row.enrollment_id);
	storefix_sql(storefix_db(state), sql);
}

/* mdm-39: the grace is for who has nothing else. */
static void
test_unused_renewal_that_ended(void **state)
{
	struct mdmfix_device old, new;
	struct talk t = { .device = &new, .grace = 1 };

	enroll_as(state, SERIAL_A, UDID_A, &old);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_RENEW, true, &new);
	ended_ago(state, &new, 60);
	assert_int_equal(
	    send_message(state, &t, REPORT("Idle", UDID_A), queue_serve),
	    ERR_MDM_CERTIFICATE);
	refused_because(state, SERIAL_A, "ended before it was used");
	t.device = &old;
	assert_int_equal(
	    send_message(state, &t, REPORT("Idle", UDID_A), queue_serve), OK);
	/* when both have ended, the newer one is the better one */
	ended_ago(state, &old, 120);
	t.device = &new;
	assert_int_equal(
	    send_message(state, &t, REPORT("Idle", UDID_A), queue_serve), OK);
	t.device = &old;
	assert_int_equal(
	    send_message(state, &t, REPORT("Idle", UDID_A), queue_serve),
	    ERR_MDM_CERTIFICATE);
	refused_because(state, SERIAL_A, "replaced");
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

/* A certificate of the future, or a clock that went back, enrolls nobody. */
static void
test_first_use_too_early(void **state)
{
	struct mdmfix_device d;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	clock_set_offset(-601);
	assert_int_equal(checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_MDM_CERTIFICATE);
	refused_because(state, SERIAL_A, "not valid yet");
	clock_set_offset(-600);
	assert_int_equal(
	    checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	clock_set_offset(0);
	mdmfix_device_release(&d);
}

static void
test_messages(void **state)
{
	struct mdmfix_device d;
	struct talk t = { .device = &d };
	struct host h;

	enroll_as(state, SERIAL_A, UDID_A, &d);
	assert_int_equal(
	    checkin(state, &d,
		DOC(PAIR("MessageType", "TokenUpdate") PAIR(
		    "Topic", "com.apple.mgmt.other") PAIR("UDID", UDID_A))),
	    ERR_MDM_TOPIC);
	assert_int_equal(
	    checkin(state, &d, SIMPLE("Nonsense", UDID_A)), ERR_MDM_MESSAGE);
	assert_int_equal(
	    checkin(state, &d, SIMPLE("GetToken", UDID_A)), ERR_MDM_MESSAGE);
	assert_int_equal(checkin(state, &d, SIMPLE("ReturnToService", UDID_A)),
	    ERR_MDM_MESSAGE);
	assert_int_equal(checkin(state, &d, SIMPLE("UserAuthenticate", UDID_A)),
	    ERR_MDM_USER_CHANNEL);
	assert_int_equal(
	    checkin(state, &d, SIMPLE("DeclarativeManagement", UDID_A)),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    checkin(state, &d, DOC(PAIR("MessageType", "CheckOut"))),
	    ERR_MDM_MESSAGE);
	assert_int_equal(checkin(state, &d, "<plist"), ERR_MDM_MESSAGE);
	assert_int_equal(
	    checkin(state, &d,
		DOC(PAIR("MessageType", "TokenUpdate") TOPIC PAIR(
		    "UDID", UDID_A) PAIR("PushMagic", "m") "<key>Token</key>"
							   "<data></data>")),
	    ERR_MDM_MESSAGE);
	refused_because(state, SERIAL_A, "lacks Token");
	/* mdm-5: a user's tokens touch nothing. */
	assert_int_equal(
	    checkin(state, &d,
		DOC(PAIR("MessageType", "TokenUpdate")
			TOPIC PAIR("UDID", UDID_A) PAIR("UserID", UDID_B)
			    PAIR("PushMagic", "user") "<key>Token</key>"
						      "<data>dXNlcg==</data>")),
	    OK);
	host_of(state, SERIAL_A, &h);
	assert_string_equal(h.push_magic, "m\\\"agic");
	/* mdm-9 */
	assert_int_equal(
	    send_message(
		state, &t, SIMPLE("GetBootstrapToken", UDID_A), checkin_serve),
	    OK);
	assert_null(strstr(t.reply, "BootstrapToken"));
	mdmfix_device_release(&d);
}

/* mdm-18, mdm-17 */
static void
test_udids(void **state)
{
	static const char *const bad[] = { "", "x", "../..", "A&quot;", "A A" };
	struct mdmfix_device d;
	char body[1024];
	size_t i;

	enroll_as(state, SERIAL_A, UDID_A, &d);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(body, sizeof(body), SIMPLE("CheckOut", "%s"), bad[i]);
		assert_int_equal(checkin(state, &d, body), ERR_MDM_MESSAGE);
	}
	assert_int_equal(checkin(state, &d,
			     DOC(PAIR("MessageType", "CheckOut") TOPIC PAIR(
				 "UDID", UDID_A) PAIR("EnrollmentID", "E"))),
	    ERR_MDM_MESSAGE);
	mdmfix_device_release(&d);
}

static void
report(void **state, const struct mdmfix_device *d, const char *status,
    const char *uuid, const char *more, char reply[8192])
{
	char body[4096];

	snprintf(body, sizeof(body),
	    DOC(PAIR("Status", "%s") PAIR("UDID", UDID_A)
		    PAIR("CommandUUID", "%s") "%s"),
	    status, uuid, more);
	assert_int_equal(poll_queue(state, d, body, reply), OK);
}

static void
command_is(void **state, const char *uuid, enum command_state want)
{
	struct command c;

	assert_int_equal(commands_find(storefix_db(state), uuid, &c), OK);
	assert_int_equal(c.state, want);
	commands_release(&c);
}

/* mdm-42, mdm-45, mdm-46, mdm-47 */
static void
test_queue(void **state)
{
	static const char chain[] =
	    "<key>ErrorChain</key><array><dict><key>ErrorCode</key>"
	    "<integer>12021</integer><key>ErrorDomain</key>"
	    "<string>MCMDMErrorDomain</string></dict></array>";
	struct mdmfix_device d;
	char low[37], high[37], last[37], reply[8192];
	struct command c;

	enroll_as(state, SERIAL_A, UDID_A, &d);
	enqueue(state, SERIAL_A, 0, low);
	enqueue(state, SERIAL_A, 5, high);
	enqueue(state, SERIAL_A, 0, last);
	assert_int_equal(poll_queue(state, &d,
			     DOC(PAIR("Status", "Idle") PAIR("UDID", UDID_A)
				     PAIR("UserID", UDID_B)),
			     reply),
	    OK);
	assert_string_equal(reply, "");
	assert_int_equal(
	    poll_queue(state, &d, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, high));
	assert_int_equal(
	    poll_queue(state, &d, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, high));
	report(state, &d, "Acknowledged", high, "", reply);
	assert_non_null(strstr(reply, low));
	command_is(state, high, COMMAND_ACKNOWLEDGED);
	report(state, &d, "Error", low, chain, reply);
	assert_non_null(strstr(reply, last));
	assert_int_equal(commands_find(storefix_db(state), low, &c), OK);
	assert_int_equal(c.state, COMMAND_ERROR);
	assert_string_equal(c.error_chain,
	    "[{\"ErrorCode\":12021,\"ErrorDomain\":\"MCMDMErrorDomain\"}]");
	commands_release(&c);
	report(state, &d, "CommandFormatError", last, "", reply);
	assert_string_equal(reply, "");
	command_is(state, last, COMMAND_FORMAT_ERROR);
	mdmfix_device_release(&d);
}

/* mdm-43, mdm-44 */
static void
test_not_now(void **state)
{
	struct mdmfix_device d;
	char one[37], two[37], reply[8192];

	enroll_as(state, SERIAL_A, UDID_A, &d);
	enqueue(state, SERIAL_A, 1, one);
	enqueue(state, SERIAL_A, 0, two);
	assert_int_equal(
	    poll_queue(state, &d, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, one));
	report(state, &d, "NotNow", one, "", reply);
	assert_non_null(strstr(reply, two));
	report(state, &d, "NotNow", two, "", reply);
	assert_string_equal(reply, "");
	command_is(state, one, COMMAND_NOT_NOW);
	assert_int_equal(
	    poll_queue(state, &d, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, one));
	mdmfix_device_release(&d);
}

/* mdm-48, mdm-49 */
static void
test_wrong_results(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device a, b;
	char foreign[37], mine[37], unsent[37], reply[8192];
	struct host h;

	enroll_as(state, SERIAL_A, UDID_A, &a);
	enroll_as(state, SERIAL_B, UDID_B, &b);
	enqueue(state, SERIAL_B, 0, foreign);
	enqueue(state, SERIAL_A, 1, mine);
	enqueue(state, SERIAL_A, 0, unsent);
	report(state, &a, "Acknowledged", foreign, "", reply);
	assert_non_null(strstr(reply, mine));
	command_is(state, foreign, COMMAND_QUEUED);
	report(state, &a, "Acknowledged", unsent, "", reply);
	assert_non_null(strstr(reply, mine));
	command_is(state, unsent, COMMAND_QUEUED);
	report(state, &a, "Acknowledged",
	    "00000000-0000-0000-0000-000000000000", "", reply);
	assert_non_null(strstr(reply, mine));
	host_of(state, SERIAL_A, &h);
	WRITE(db, commands_cancel(db, h.id, mine));
	report(state, &a, "Acknowledged", mine, "", reply);
	assert_non_null(strstr(reply, unsent));
	command_is(state, mine, COMMAND_CANCELLED);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM commands WHERE result IS NOT"
			     " NULL OR completed_at IS NOT NULL"),
	    0);
	assert_int_equal(
	    poll_queue(state, &a, REPORT("Acknowledged", UDID_A), reply), OK);
	assert_string_equal(reply, "");
	report(state, &a, "Dancing", unsent, "", reply);
	assert_string_equal(reply, "");
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

static void
test_command_text(void **state)
{
	static const char *const bad[] = {
		DOC(""),
		DOC("<key>Command</key><dict>" PAIR(
		    "RequestType", "Re start") "</dict>" PAIR("CommandUUID",
		    "00000000-0000-0000-0000-000000000000")),
		DOC(PAIR(
		    "CommandUUID", "00000000-0000-0000-0000-000000000000")),
		DOC("<key>Command</key><dict/>" PAIR(
		    "CommandUUID", "00000000-0000-0000-0000-000000000000")),
		DOC("<key>Command</key><dict>" PAIR(
		    "RequestType", "RestartDevice") "</dict>"),
		DOC("<key>Command</key><dict>" PAIR("RequestType",
		    "RestartDevice") "</dict>" PAIR("CommandUUID", "nothing"))
	};
	static const char *const query[] = { "<x>" };
	struct command_text t, again;
	size_t i;

	(void)state;
	command_text_init(&t);
	command_text_init(&again);
	assert_int_equal(command_simple("SecurityInfo", &t), OK);
	assert_int_equal(command_read(buf_blob(&t.plist), &again), OK);
	assert_string_equal(again.request_type, "SecurityInfo");
	assert_string_equal(again.uuid, t.uuid);
	assert_int_equal(command_simple("Security Info", &t), ERR_FIELD);
	assert_int_equal(command_device_information(query, 1, &t), ERR_FIELD);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    command_read(blob_str(bad[i]), &again), ERR_FIELD);
	command_text_release(&t);
	command_text_release(&again);
}

/* It is that order, and no other of the same enrollment. */
static void
test_attested_by_its_order(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;
	struct enrollment e;
	struct account a;
	struct order o;
	struct host h;

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	storefix_sql(
	    db, "UPDATE orders SET status = 'invalid', certificate_id = NULL");
	assert_int_equal(enrollments_load(db, d.row.enrollment_id, &e), OK);
	storefix_account(db, &e, 2, &a);
	storefix_order(db, &a, &o);
	WRITE(db, orders_challenge_valid(db, &o));
	WRITE(db, orders_finalize(db, &o, d.row.id));
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM orders"
			     " WHERE status = 'valid'"),
	    1);
	assert_int_equal(
	    checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	host_of(state, SERIAL_A, &h);
	assert_false(h.hardware_attested);
	accounts_release(&a);
	mdmfix_device_release(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_enroll),
		STOREFIX_TEST(test_not_attested),
		STOREFIX_TEST(test_attested_needs_order),
		STOREFIX_TEST(test_other_device),
		STOREFIX_TEST(test_udid_taken),
		STOREFIX_TEST(test_no_serial),
		STOREFIX_TEST(test_unassigned),
		STOREFIX_TEST(test_revoked_enrollment),
		STOREFIX_TEST(test_proofs),
		STOREFIX_TEST(test_signature_forms),
		STOREFIX_TEST(test_tls_certificate),
		STOREFIX_TEST(test_blocked),
		STOREFIX_TEST(test_dates),
		STOREFIX_TEST(test_generations),
		STOREFIX_TEST(test_renewal),
		STOREFIX_TEST(test_revoked_renewal),
		STOREFIX_TEST(test_unused_renewal_that_ended),
		STOREFIX_TEST(test_first_use_too_early),
		STOREFIX_TEST(test_messages),
		STOREFIX_TEST(test_udids),
		STOREFIX_TEST(test_queue),
		STOREFIX_TEST(test_not_now),
		STOREFIX_TEST(test_wrong_results),
		cmocka_unit_test(test_command_text),
		STOREFIX_TEST(test_attested_by_its_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
