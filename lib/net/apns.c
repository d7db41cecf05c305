#include "net/apns.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "wire/in_json.h"
#include "wire/out_json.h"

#define BODY_MAX 1024
#define URL_MAX  1024

int
apns_body(const char *magic, struct buf *out)
{
	struct out_json w;

	out_json_init(&w, out);
	out_json_open_object(&w, NULL);
	out_json_string(&w, "mdm", magic);
	out_json_close_object(&w);
	return out_json_end(&w);
}

int
apns_start(struct net *net, const struct apns_peer *peer,
    const struct push *push, net_done *done, void *arg)
{
	char topic[PUSHES_REASON_TEXT + sizeof push->topic], expiration[64];
	const char *headers[] = { topic, expiration, "apns-push-type: mdm",
		"apns-priority: 10", "Content-Type: application/json" };
	struct net_request request = { .method = "POST",
		.headers = headers,
		.n_headers = sizeof headers / sizeof headers[0],
		.ca_file = peer->ca_file,
		.client_certificate = peer->identity,
		.client_key = peer->identity,
		.http2 = true,
		.answer_max = APNS_ANSWER_MAX,
		.seconds = APNS_SECONDS };
	struct buf url, body;
	int r;

	snprintf(topic, sizeof topic, "apns-topic: %s", push->topic);
	snprintf(expiration, sizeof expiration, "apns-expiration: %lld",
	    (long long)clock_now() + APNS_KEPT);
	buf_init(&url, URL_MAX);
	buf_init(&body, BODY_MAX);
	buf_printf(&url, "%s/3/device/", peer->url);
	enc_hex(blob_of(push->token, push->token_len), &url);
	apns_body(push->magic, &body);
	if ((r = buf_status(&url)) == OK && (r = buf_status(&body)) == OK) {
		request.url = buf_str(&url);
		request.body = buf_blob(&body);
		r = net_start(net, &request, done, arg);
	}
	buf_wipe(&url);
	buf_wipe(&body);
	return r;
}

/* What is shown and stored: letters and digits; cut where it is too long. */
static void
copy_word(const char *from, size_t n, bool dash, char *out, size_t size)
{
	size_t i;

	for (i = 0; i < n && i + 1 < size; i++) {
		if (!isalnum((unsigned char)from[i]) &&
		    !(dash && from[i] == '-'))
			break;
		out[i] = from[i];
	}
	out[i] = '\0';
}

static void
read_body(struct blob body, struct apns_answer *out)
{
	struct json *doc;
	struct blob reason;

	if (body.n == 0 || in_json_parse_object(body, 1, &doc) != OK)
		return;
	if (in_json_has(doc, "reason") &&
	    in_json_string(doc, "reason", &reason) == OK)
		copy_word((const char *)reason.p, reason.n, false, out->reason,
		    sizeof out->reason);
	if (in_json_has(doc, "timestamp") &&
	    in_json_int(doc, "timestamp", 1, INT64_MAX, &out->dead_since) != OK)
		out->dead_since = 0;
	in_json_free(doc);
}

static bool
is_about_token(const char *reason)
{
	return strcmp(reason, "BadDeviceToken") == 0 ||
	    strcmp(reason, "DeviceTokenNotForTopic") == 0 ||
	    strcmp(reason, "MissingDeviceToken") == 0;
}

void
apns_read(
    long status, struct blob body, const char *apns_id, struct apns_answer *out)
{
	*out = (struct apns_answer){ .meaning = APNS_FAULT, .status = status };
	if (apns_id != NULL)
		copy_word(apns_id, strlen(apns_id), true, out->apns_id,
		    sizeof out->apns_id);
	read_body(body, out);
	if (status == 200)
		out->meaning = APNS_ACCEPTED;
	else if (status == 410 ||
	    (status == 400 && is_about_token(out->reason)))
		out->meaning = APNS_DEAD;
	else if (status == 403)
		out->meaning = APNS_CERTIFICATE;
	else if (status == 429)
		out->meaning = APNS_TOO_MANY;
	else if (status >= 500)
		out->meaning = APNS_BUSY;
	if (status != 410)
		out->dead_since = 0;
}
