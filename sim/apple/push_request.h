/* A request for a push as it came, and the rules that APNs holds it to. */
#ifndef PUSH_REQUEST_H
#define PUSH_REQUEST_H

#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "sim/apple/push_devices.h"

#define PUSH_REQUEST_TEXT 512

enum push_request_header {
	PUSH_METHOD,
	PUSH_PATH,
	PUSH_TOPIC,
	PUSH_TYPE,
	PUSH_PRIORITY,
	PUSH_EXPIRATION,
	PUSH_ID,
	PUSH_HEADERS
};

struct push_request {
	char headers[PUSH_HEADERS][PUSH_REQUEST_TEXT]; /* "": absent */
	char token[PUSH_DEVICES_TOKEN]; /* set by push_request_check */
	struct buf body;
	struct buf answer;
	size_t answered; /* how much of it was sent */
};

void push_request_init(struct push_request *q);
void push_request_release(struct push_request *q);

/* Takes a header that matters; others are ignored. */
void push_request_header(
    struct push_request *q, struct blob name, struct blob value);

/*
 * The reason of APNs against the request, and *status; NULL when there is
 * none. topic is that of the client's certificate, "" if it has none.
 */
const char *push_request_check(
    struct push_request *q, const char *topic, int *status);

/* What a log says of it. */
json_object *push_request_json(const struct push_request *q);

#endif
