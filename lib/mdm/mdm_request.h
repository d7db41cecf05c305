/*
 * One request of an enrolled or enrolling device: what came, where it goes, and
 * the events that it leaves.
 */
#ifndef MDM_MDM_REQUEST_H
#define MDM_MDM_REQUEST_H

#include "base/blob.h"
#include "base/buf.h"
#include "base/conf.h"
#include "mdm/identity.h"
#include "mdm/message.h"
#include "mdm/report.h"
#include "store/db.h"

struct mdm_request {
	/* Filled in by the program. */
	const struct conf *conf;
	struct db *db;
	struct identity_proof proof;
	const char *remote_address;
	/* Seconds that an identity may have ended ago; 0 for most. */
	int64_t expired_grace;
	/* Found out on the way. */
	struct identity identity;
	struct message message;
	/* of results of commands only, see mdm/report.h */
	struct report report;
	/* for the event log: "authenticate", "token-update", "command", … */
	const char *step;
	/* what the step achieved, for the event log; NULL: leaves none */
	const char *achieved;
	/* appended to `achieved`: what an administrator should know besides */
	char remark[256];
	/* the answer's body, an XML property list; empty for an empty answer */
	struct buf reply;
};

/* Reads c->proof.body into c->message, and c->report if it is one. */
typedef int mdm_request_reader(struct mdm_request *c);

/* Answers inside of one transaction; mdm_request_serve() calls it. */
typedef int mdm_request_handler(struct mdm_request *c);

/*
 * Proves who sends, lets the reader read the message, then runs the handler in
 * one write transaction after identity_check(). OK when that is committed;
 * c->reply is the answer. Every refusal leaves a row in the event log, under
 * the serial number of the certificate when that is one of ours; routine ones
 * (7 in err.def) do not. The caller releases *c in any case.
 */
int mdm_request_serve(struct mdm_request *c, mdm_request_reader *reader,
    mdm_request_handler *handler);

/* For requests that are refused before they can be served; returns `code`. */
int mdm_request_refuse(struct mdm_request *c, int code);

/* Frees what serving made; not conf and db. */
void mdm_request_release(struct mdm_request *c);

#endif
