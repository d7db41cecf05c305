#include "checkfix.h"

#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "mdm/checkin.h"
#include "mdm/command.h"
#include "mdm/queue.h"
#include "store/commands.h"
#include "store/events.h"

void
checkfix_escape_pem(const struct mdmfix_cert *cert, struct buf *out)
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

int
checkfix_send(void **state, struct checkfix_talk *t, const char *body,
    int (*serve)(struct mdm_request *))
{
	struct conf conf = mdmfix_conf;
	struct mdm_request c = { .context = { .conf = &conf,
				     .db = storefix_db(state),
				     .remote_address = "192.0.2.1" } };
	struct buf cms, header, pem;
	int r;

	conf.expired_grace_days = t->grace;
	conf.client_certificate_required = t->required;
	buf_init(&pem, 1 << 16);
	if (!t->unsigned_ && !t->no_tls)
		checkfix_escape_pem(&t->device->cert, &pem);
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
		.client_certificate = t->client_certificate
		    ? t->client_certificate
		    : buf_str(&pem),
		.body = blob_str(body) };
	r = serve(&c);
	snprintf(t->reply, sizeof t->reply, "%s", buf_str(&c.reply));
	mdm_request_release(&c);
	buf_release(&pem);
	buf_release(&cms);
	buf_release(&header);
	return r;
}

int
checkfix_checkin(void **state, const struct mdmfix_device *d, const char *body)
{
	struct checkfix_talk t = { .device = d };

	return checkfix_send(state, &t, body, checkin_serve);
}

int
checkfix_poll(void **state, const struct mdmfix_device *d, const char *body,
    char reply[8192])
{
	struct checkfix_talk t = { .device = d };
	int r = checkfix_send(state, &t, body, queue_serve);

	memcpy(reply, t.reply, sizeof t.reply);
	return r;
}

void
checkfix_host(void **state, const char *serial, struct host *out)
{
	assert_int_equal(
	    hosts_load_by_serial(storefix_db(state), serial, out), OK);
}

void
checkfix_refused(void **state, const char *serial, const char *step, int code)
{
	struct event_list list;

	assert_int_equal(
	    events_list_by_serial(storefix_db(state), serial, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].step, step);
	assert_string_equal(list.rows[0].code, err_name(code));
	assert_true(list.rows[0].reason[0] != '\0');
	events_list_release(&list);
}

void
checkfix_because(void **state, const char *serial, const char *words)
{
	struct event_list list;

	assert_int_equal(
	    events_list_by_serial(storefix_db(state), serial, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_non_null(strstr(list.rows[0].reason, words));
	events_list_release(&list);
}

void
checkfix_enroll(
    void **state, const char *serial, const char *udid, struct mdmfix_device *d)
{
	char body[2048];

	mdmfix_device_make(
	    storefix_db(state), serial, ENROLLMENT_ENROLL, true, d);
	snprintf(body, sizeof body, AUTHENTICATE("%s", "%s"), udid, serial);
	assert_int_equal(checkfix_checkin(state, d, body), OK);
	snprintf(body, sizeof body, TOKEN_UPDATE("%s"), udid);
	assert_int_equal(checkfix_checkin(state, d, body), OK);
}

void
checkfix_enqueue(void **state, const char *serial, int priority, char uuid[37])
{
	struct db *db = storefix_db(state);
	struct command command = { .priority = priority, .created_by = "test" };
	struct command_text text;
	struct host h;

	checkfix_host(state, serial, &h);
	command_text_init(&text);
	assert_int_equal(command_device_information(NULL, 0, &text), OK);
	snprintf(command.uuid, sizeof command.uuid, "%s", text.uuid);
	snprintf(command.host_id, sizeof command.host_id, "%s", h.id);
	snprintf(command.request_type, sizeof command.request_type, "%s",
	    text.request_type);
	command.plist = buf_blob(&text.plist);
	WRITE(db, commands_enqueue(db, &command));
	snprintf(uuid, 37, "%s", text.uuid);
	command_text_release(&text);
}
