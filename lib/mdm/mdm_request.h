/*
 * One request of an enrolled or enrolling device: what came, where it goes, and
 * what it leaves in the event log.
 */
#ifndef MDM_MDM_REQUEST_H
#define MDM_MDM_REQUEST_H

#include "base/blob.h"
#include "base/buf.h"
#include "mdm/identity.h"
#include "mdm/message.h"
#include "mdm/report.h"
#include "store/context.h"

struct mdm_request {
	/* Filled in by the program: conf, db and remote_address. */
	struct context context;
	struct identity_proof proof;
	/* Seconds that an identity may have expired ago; 0 for most. */
	int64_t expired_grace;
	/* Found out on the way. */
	struct identity identity;
	struct message message;
	/* of results of commands only, see mdm/report.h */
	struct report report;
	/* what the step achieved, for the event log; NULL: nothing to log */
	const char *achieved;
	/* appended to `achieved`: what an administrator should also know */
	char remark[256];
	/* the answer's body, an XML property list; empty for an empty answer */
	struct buf reply;
};

/* Reads req->proof.body into req->message, and req->report if it is one. */
typedef int mdm_request_reader(struct mdm_request *req);

/* Answers inside one transaction; mdm_request_serve() calls it. */
typedef int mdm_request_handler(struct mdm_request *req);

/*
 * Proves who sends, lets the reader read the message, then runs the handler in
 * one write transaction after identity_check(). OK when that is committed;
 * req->reply is the answer. Every refusal leaves a row in the event log, under
 * the serial number of the certificate when that is one of ours; routine ones
 * (7 in err.def) do not. The caller releases *req in any case.
 */
int mdm_request_serve(struct mdm_request *req, mdm_request_reader *reader,
    mdm_request_handler *handler);

/*
 * For a request that is refused before it can be served, and for one whose
 * transaction was rolled back. Returns `code`.
 */
int mdm_request_refuse(struct mdm_request *req, int code);

/* Frees what serving made; not the context's conf and db. */
void mdm_request_release(struct mdm_request *req);

#endif
