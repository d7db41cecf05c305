#include <stdio.h>
#include <string.h>

#include "sim/apple/push_request.h"
#include "sim/forge/keypair.h"

#define PREFIX   "/3/device/"
#define BODY_MAX 4096

/* How APNs calls them, and a log. */
static const struct {
	const char *header;
	const char *member;
} names[PUSH_HEADERS] = {
	[PUSH_METHOD] = { ":method", "method" },
	[PUSH_PATH] = { ":path", "path" },
	[PUSH_TOPIC] = { "apns-topic", "topic" },
	[PUSH_TYPE] = { "apns-push-type", "push_type" },
	[PUSH_PRIORITY] = { "apns-priority", "priority" },
	[PUSH_EXPIRATION] = { "apns-expiration", "expiration" },
	[PUSH_ID] = { "apns-id", "id" },
};

void
push_request_init(struct push_request *q)
{
	memset(q, 0, sizeof *q);
	buf_init(&q->body, BODY_MAX);
	buf_init(&q->answer, BODY_MAX);
}

void
push_request_release(struct push_request *q)
{
	buf_release(&q->body);
	buf_release(&q->answer);
}

void
push_request_header(struct push_request *q, struct blob name, struct blob value)
{
	for (size_t i = 0; i < PUSH_HEADERS; i++)
		if (strlen(names[i].header) == name.n &&
		    memcmp(names[i].header, name.p, name.n) == 0)
			snprintf(q->headers[i], PUSH_REQUEST_TEXT, "%.*s",
			    (int)value.n, (const char *)value.p);
}

/* Lower case, as Apple's examples have it, and whole bytes. */
static const char *
check_token(struct push_request *q)
{
	const char *token = q->headers[PUSH_PATH] + strlen(PREFIX);
	size_t n = strlen(token);

	if (n == 0)
		return "MissingDeviceToken";
	if (n % 2 != 0 || n >= sizeof q->token ||
	    strspn(token, "0123456789abcdef") != n)
		return "BadDeviceToken";
	snprintf(q->token, sizeof q->token, "%s", token);
	return NULL;
}

static bool
is_number(const char *text)
{
	return text[strspn(text, "0123456789")] == '\0';
}

static bool
is_uuid(const char *text)
{
	return strlen(text) == KEYPAIR_UUID - 1 &&
	    strspn(text, "0123456789abcdefABCDEF-") == KEYPAIR_UUID - 1;
}

/* {"mdm":"…"} and nothing else. */
static bool
is_mdm(const struct buf *body)
{
	json_object *o = json_tokener_parse(buf_str(body));
	bool good = json_object_is_type(o, json_type_object) &&
	    json_object_object_length(o) == 1 &&
	    json_object_is_type(
		json_object_object_get(o, "mdm"), json_type_string);

	json_object_put(o);
	return good;
}

const char *
push_request_check(struct push_request *q, const char *topic, int *status)
{
	char(*h)[PUSH_REQUEST_TEXT] = q->headers;
	const char *reason;

	*status = 405;
	if (strcmp(h[PUSH_METHOD], "POST") != 0)
		return "MethodNotAllowed";
	*status = 404;
	if (strncmp(h[PUSH_PATH], PREFIX, strlen(PREFIX)) != 0)
		return "BadPath";
	*status = 413;
	if (buf_status(&q->body) != OK)
		return "PayloadTooLarge";
	*status = 400;
	if ((reason = check_token(q)) != NULL)
		return reason;
	if (h[PUSH_TOPIC][0] == '\0')
		return "MissingTopic";
	if (strcmp(h[PUSH_TOPIC], topic) != 0)
		return "TopicDisallowed";
	if (strcmp(h[PUSH_TYPE], "mdm") != 0)
		return "InvalidPushType";
	if (strcmp(h[PUSH_PRIORITY], "10") != 0 && h[PUSH_PRIORITY][0] != '\0')
		return "BadPriority";
	if (!is_number(h[PUSH_EXPIRATION]))
		return "BadExpirationDate";
	if (h[PUSH_ID][0] != '\0' && !is_uuid(h[PUSH_ID]))
		return "BadMessageId";
	if (!is_mdm(&q->body))
		return "PayloadEmpty";
	*status = 200;
	return NULL;
}

json_object *
push_request_json(const struct push_request *q)
{
	json_object *o = json_object_new_object();
	json_object *body = json_tokener_parse(buf_str(&q->body));

	json_object_object_add(o, "token", json_object_new_string(q->token));
	for (size_t i = 0; i < PUSH_HEADERS; i++)
		if (q->headers[i][0] != '\0')
			json_object_object_add(o, names[i].member,
			    json_object_new_string(q->headers[i]));
	json_object_object_add(o, "body", body);
	return o;
}
