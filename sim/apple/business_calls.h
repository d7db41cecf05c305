/*
 * What the stand-in for Apple Business offers: the calls of its protocol, and
 * the state that they share.
 */
#ifndef BUSINESS_CALLS_H
#define BUSINESS_CALLS_H

#include "sim/apple/business_devices.h"
#include "sim/apple/http_server.h"
#include "sim/apple/stand_in.h"

#define BUSINESS_ACCOUNTS 16
#define BUSINESS_SESSIONS 64
#define BUSINESS_TOKEN    129

struct business_account {
	char name[64];
	struct business_devices devices;
	json_object *profiles; /* definitions by their uuid */
};

struct business_session {
	char token[BUSINESS_TOKEN]; /* "": free */
	struct business_account *account;
	int64_t until;
};

struct business {
	struct stand_in base;
	struct business_account accounts[BUSINESS_ACCOUNTS];
	size_t account_count;
	struct business_session sessions[BUSINESS_SESSIONS];
	size_t next_session;
	json_object *nonces;
	struct business_style style;
	/* Switches of the script. */
	char verbs[8];
	bool quoted;
	bool terms;
	int64_t rotate;
	int64_t lifetime;
	int64_t answers; /* to sessions, so far */
};

/* One request and what becomes of it. */
struct business_call {
	struct business *service;
	struct http_server_request request;
	json_object *body; /* of the request; NULL: none */
	json_object *script;
	struct business_account *account;
	struct business_session *session;
	long version; /* X-Server-Protocol-Version */
	bool wants_empty;
	int status;
	const char *word; /* of an error, static */
	json_object *reply;
	struct buf headers;
};

/* Makes the answer a refusal with a word that is static. */
void business_calls_refuse(
    struct business_call *c, int status, const char *word);

/* Does what an authenticated call asks for. */
void business_calls_run(struct business_call *c);

/* Appends a text to an object. */
void business_calls_put(json_object *o, const char *name, const char *text);

#endif
