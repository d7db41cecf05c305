#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/apple/push_portal.h"
#include "sim/apple/push_request.h"
#include "sim/apple/push_service.h"
#include "sim/apple/stand_in.h"
#include "sim/forge/disk.h"
#include "sim/forge/keypair.h"

#define LOG "pushes.log"

/*
 * libcurl 7.88 resets many a stream that has ended already, and nghttp2 counts
 * that: by its own limit, 1000 and 33 more each second, it would close the
 * connection. Apple's server is not known to.
 */
#define RESETS_MOST (UINT64_C(1) << 40)

struct service {
	struct stand_in base;
	struct push_devices *devices;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *options;
	/* Switches of the script. */
	int64_t goaway_after;
	int64_t streams;
};

/* A connection: what tls_peer's `state` is. */
struct link {
	struct service *service;
	struct tls_peer *peer;
	nghttp2_session *session;
	char topic[PUSH_REQUEST_TEXT]; /* of its certificate */
	int64_t answers;
};

/* Moves what nghttp2 has to send to the peer; ends a connection that is over.
 */
static int
flush(struct link *l)
{
	const uint8_t *data;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(l->session, &data)) > 0)
		buf_add(&l->peer->out, data, (size_t)n);
	if (n < 0 || buf_status(&l->peer->out) != OK)
		return ERR_IO;
	if (!nghttp2_session_want_read(l->session) &&
	    !nghttp2_session_want_write(l->session))
		l->peer->closing = true;
	return OK;
}

static nghttp2_nv
header(const char *name, const char *value)
{
	return (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name,
		.namelen = strlen(name),
		.value = (uint8_t *)(uintptr_t)value,
		.valuelen = strlen(value),
	};
}

static ssize_t
read_answer(nghttp2_session *session, int32_t stream, uint8_t *out, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct push_request *q = source->ptr;
	size_t n = q->answer.n - q->answered;

	(void)session;
	(void)stream;
	(void)arg;
	if (n > room)
		n = room;
	if (n > 0)
		memcpy(out, q->answer.p + q->answered, n);
	q->answered += n;
	if (q->answered == q->answer.n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void
answer(struct link *l, struct push_request *q, int32_t stream, int status,
    const char *reason, json_object *script)
{
	char code[16], after[24];
	int64_t timestamp = stand_in_number(script, "timestamp", 0);
	int64_t retry = stand_in_number(script, "retry_after", 0);
	nghttp2_data_provider body = { .source.ptr = q,
		.read_callback = read_answer };
	nghttp2_nv h[3];
	size_t n = 0;

	snprintf(code, sizeof code, "%d", status);
	snprintf(after, sizeof after, "%lld", (long long)retry);
	h[n++] = header(":status", code);
	h[n++] = header("apns-id", q->headers[PUSH_ID]);
	if (retry > 0)
		h[n++] = header("retry-after", after);
	if (reason != NULL) {
		buf_printf(&q->answer, "{\"reason\":\"%s\"", reason);
		if (timestamp != 0)
			buf_printf(&q->answer, ",\"timestamp\":%lld",
			    (long long)timestamp);
		buf_add_str(&q->answer, "}");
	}
	nghttp2_submit_response(
	    l->session, stream, h, n, reason != NULL ? &body : NULL);
	l->answers++;
	if (l->answers == l->service->goaway_after)
		nghttp2_submit_goaway(l->session, NGHTTP2_FLAG_NONE, stream,
		    NGHTTP2_NO_ERROR, NULL, 0);
}

/* What is no answer at all. */
static void
misbehave(struct link *l, int32_t stream, const char *how, json_object *script)
{
	if (strcmp(how, "reset") == 0)
		nghttp2_submit_rst_stream(l->session, NGHTTP2_FLAG_NONE, stream,
		    (uint32_t)stand_in_number(
			script, "code", NGHTTP2_REFUSED_STREAM));
	else if (strcmp(how, "goaway") == 0)
		nghttp2_submit_goaway(l->session, NGHTTP2_FLAG_NONE,
		    stream > 2 ? stream - 2 : 0, NGHTTP2_NO_ERROR, NULL, 0);
	else if (strcmp(how, "close") == 0)
		l->peer->abandoned = true;
	else if (strcmp(how, "freeze") == 0)
		l->peer->frozen = true;
}

static void
log_push(const struct link *l, const struct push_request *q, int32_t stream,
    int status, const char *outcome, bool is_awake)
{
	json_object *line = push_request_json(q);

	json_object_object_add(
	    line, "time", json_object_new_int64(clock_now()));
	json_object_object_add(
	    line, "connection", json_object_new_int64(l->peer->number));
	json_object_object_add(line, "stream", json_object_new_int(stream));
	json_object_object_add(line, "status", json_object_new_int(status));
	if (outcome != NULL)
		json_object_object_add(
		    line, "outcome", json_object_new_string(outcome));
	json_object_object_add(line, "woke", json_object_new_boolean(is_awake));
	stand_in_log(l->service->base.dir, LOG, line);
}

/* The whole request is there. */
static void
handle(struct link *l, struct push_request *q, int32_t stream)
{
	struct service *s = l->service;
	json_object *script = NULL;
	const char *reason, *how = NULL;
	bool is_awake = false;
	int status;

	reason = push_request_check(q, l->topic, &status);
	if (reason == NULL &&
	    (script = stand_in_take(&s->base, q->token, "*")) != NULL) {
		how = stand_in_text(script, "do", NULL);
		status = how != NULL
		    ? 0
		    : (int)stand_in_number(script, "status", 200);
		reason = stand_in_text(script, "reason", NULL);
	}
	if (q->headers[PUSH_ID][0] == '\0')
		keypair_uuid(q->headers[PUSH_ID]);
	if (status == 200)
		is_awake = push_devices_wake(s->devices, q->token,
		    strcmp(q->headers[PUSH_EXPIRATION], "0") != 0);
	log_push(l, q, stream, status, how != NULL ? how : reason, is_awake);
	if (how != NULL)
		misbehave(l, stream, how, script);
	else
		answer(l, q, stream, status, reason, script);
	json_object_put(script);
}

static int
begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct push_request *q = malloc(sizeof *q);

	(void)arg;
	if (q == NULL)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	push_request_init(q);
	nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, q);
	return 0;
}

static int
take_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_n, const uint8_t *value, size_t value_n,
    uint8_t flags, void *arg)
{
	struct push_request *q =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)arg;
	if (q != NULL)
		push_request_header(
		    q, blob_of(name, name_n), blob_of(value, value_n));
	return 0;
}

static int
take_data(nghttp2_session *session, uint8_t flags, int32_t stream,
    const uint8_t *data, size_t n, void *arg)
{
	struct push_request *q =
	    nghttp2_session_get_stream_user_data(session, stream);

	(void)flags;
	(void)arg;
	if (q != NULL)
		buf_add(&q->body, data, n);
	return 0;
}

static int
end_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct push_request *q =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if ((frame->hd.type == NGHTTP2_HEADERS ||
		frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && q != NULL)
		handle(arg, q, frame->hd.stream_id);
	return 0;
}

static int
close_stream(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
	struct push_request *q =
	    nghttp2_session_get_stream_user_data(session, stream);

	(void)code;
	(void)arg;
	if (q != NULL)
		push_request_release(q);
	free(q);
	return 0;
}

static int
make_callbacks(struct service *s)
{
	if (nghttp2_session_callbacks_new(&s->callbacks) != 0 ||
	    nghttp2_option_new(&s->options) != 0)
		return fail(ERR_NOMEM, "no memory");
	nghttp2_option_set_stream_reset_rate_limit(
	    s->options, RESETS_MOST, RESETS_MOST);
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    s->callbacks, begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(
	    s->callbacks, take_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    s->callbacks, take_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(
	    s->callbacks, end_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(
	    s->callbacks, close_stream);
	return OK;
}

/* The topic is the UID in the certificate's subject. */
static void
read_topic(struct link *l)
{
	X509 *crt = SSL_get1_peer_certificate(l->peer->ssl);

	if (crt == NULL ||
	    X509_NAME_get_text_by_NID(X509_get_subject_name(crt), NID_userId,
		l->topic, sizeof l->topic) < 0)
		l->topic[0] = '\0';
	X509_free(crt);
}

static int
opened(struct tls_peer *p)
{
	struct service *s = p->server->arg;
	struct link *l = calloc(1, sizeof *l);
	nghttp2_settings_entry setting = {
		NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)s->streams
	};

	p->state = l;
	if (l == NULL ||
	    nghttp2_session_server_new2(
		&l->session, s->callbacks, l, s->options) != 0)
		return fail(ERR_NOMEM, "no memory");
	l->service = s;
	l->peer = p;
	read_topic(l);
	nghttp2_submit_settings(l->session, NGHTTP2_FLAG_NONE, &setting, 1);
	return flush(l);
}

static int
received(struct tls_peer *p, struct blob data)
{
	struct link *l = p->state;

	stand_in_read_script(&l->service->base);
	if (nghttp2_session_mem_recv(l->session, data.p, data.n) < 0)
		return ERR_MALFORMED;
	return p->abandoned || p->frozen ? OK : flush(l);
}

/* nghttp2 forgets its streams without a callback: free theirs first. */
static void
closed(struct tls_peer *p)
{
	struct link *l = p->state;

	if (l == NULL)
		return;
	for (int32_t i = 1; l->session != NULL &&
	     i <= nghttp2_session_get_last_proc_stream_id(l->session);
	     i += 2)
		close_stream(l->session, i, 0, l);
	nghttp2_session_del(l->session);
	free(l);
}

static const struct tls_service callbacks = {
	.alpn = "h2",
	.opened = opened,
	.received = received,
	.closed = closed,
};

/* For every connection at once. */
static void
end_connections(struct service *s, const char *how)
{
	for (struct tls_peer *p = s->base.server.peers; p != NULL;
	     p = p->next) {
		struct link *l = p->state;

		if (strcmp(how, "close") == 0 || l == NULL) {
			p->abandoned = true;
			continue;
		}
		nghttp2_submit_goaway(l->session, NGHTTP2_FLAG_NONE,
		    nghttp2_session_get_last_proc_stream_id(l->session),
		    NGHTTP2_NO_ERROR, NULL, 0);
		flush(l);
	}
}

static void
apply(void *arg, json_object *line)
{
	struct service *s = arg;
	const char *set = stand_in_text(line, "set", "");
	const char *now = stand_in_text(line, "now", NULL);
	int64_t value = stand_in_number(line, "value", 0);

	if (now != NULL)
		end_connections(s, now);
	else if (strcmp(set, "goaway_after") == 0)
		s->goaway_after = value;
	else if (strcmp(set, "streams") == 0)
		s->streams = value;
	else if (strcmp(set, "refuse") == 0)
		s->base.server.refuses_everybody = value != 0;
	else
		log_line(LOG_WARN, "script: not understood: %s",
		    json_object_to_json_string(line));
}

int
push_service_run(const char *dir, long port)
{
	struct service s = {
		.base = { .dir = dir, .apply = apply, .server.listener = -1 },
		.streams = 1000,
	};
	char ca[DISK_PATH];
	int r;

	s.base.arg = &s;
	if ((r = push_portal_open(dir)) == OK &&
	    (r = disk_path(dir, PUSH_PORTAL_CA, ca)) == OK &&
	    (r = make_callbacks(&s)) == OK &&
	    (r = stand_in_open(&s.base, &callbacks, ca, port)) == OK) {
		s.devices = push_devices_open(dir, &s.base.server);
		r = s.devices == NULL ? ERR_IO : stand_in_run(&s.base);
	}
	stand_in_release(&s.base);
	push_devices_free(s.devices);
	nghttp2_session_callbacks_del(s.callbacks);
	nghttp2_option_del(s.options);
	return r;
}
