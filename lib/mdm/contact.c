#include "mdm/contact.h"

#include "base/err.h"
#include "base/log.h"
#include "store/trails.h"

#define REPLY_MAX (2u << 20)

/* Priority of err.def for what happens all day and needs no trail. */
#define ROUTINE LOG_DEBUG

static int
note_achieved(struct contact *c)
{
	if (c->achieved == NULL)
		return OK;
	return trails_add(c->db,
	    &(struct trail){ .enrollment_id = c->identity.cert.enrollment_id,
		.serial = c->identity.cert.serial,
		.step = c->step,
		.outcome = TRAIL_OK,
		.code = OK,
		.reason = c->achieved,
		.remote_address = c->remote_address });
}

int
contact_refuse(struct contact *c, int code)
{
	const struct identity *id = &c->identity;

	if (err_priority(code) == ROUTINE)
		return code;
	/* Anybody can show a certificate: only its key gets into its trail. */
	trails_note(c->db,
	    &(struct trail){
		.enrollment_id = id->proven ? id->cert.enrollment_id : NULL,
		.serial = id->known ? id->cert.serial : NULL,
		.step = c->step,
		.outcome =
		    err_http_status(code) >= 500 ? TRAIL_FAILED : TRAIL_REFUSED,
		.code = code,
		.reason = log_reason(),
		.remote_address = c->remote_address });
	return code;
}

static int
handle(struct contact *c, contact_handler *handler)
{
	int r;

	if ((r = db_begin(c->db)) != OK)
		return r;
	if ((r = identity_check(c->db, &c->identity)) == OK &&
	    (r = handler(c)) == OK && (r = note_achieved(c)) == OK)
		r = db_commit(c->db);
	db_rollback(c->db);
	return r;
}

int
contact_serve(struct contact *c, size_t body_max, contact_handler *handler)
{
	int r;

	buf_init(&c->reply, REPLY_MAX);
	if ((r = identity_prove(c->db, &c->proof, &c->identity)) == OK &&
	    (r = message_parse(c->proof.body, body_max, &c->message)) == OK)
		r = handle(c, handler);
	return r == OK ? OK : contact_refuse(c, r);
}

void
contact_release(struct contact *c)
{
	identity_release(&c->identity);
	message_release(&c->message);
	buf_wipe(&c->reply);
}
