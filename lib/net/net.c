#include "net/net.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "wire/x509.h"

#define CONNECTIONS_KEPT 8L
/* Requests at a time on one connection, if the host takes that many. */
#define STREAMS_MOST 500L
/* How long a connection without a request is kept: APNs likes them long. */
#define IDLE_SECONDS 3600L
/* A connection without traffic is probed after this time. */
#define PROBE_SECONDS 60L
/* What was sent must be acknowledged by the peer's kernel in this time. */
#define UNACKNOWLEDGED_MILLISECONDS 15000U

struct net_transfer {
	struct net_transfer *next;
	uint64_t number;
	CURL *easy;
	struct curl_slist *headers;
	char host[NET_HOST_TEXT];
	bool http2, with_certificate, headers_too_large;
	int seconds;
	size_t header_bytes;
	struct buf body;
	net_done *done;
	void *arg;
	char why[CURL_ERROR_SIZE];
};

int
net_prepare(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
	    ? OK
	    : fail(ERR_INTERNAL, "cannot prepare libcurl");
}

int
net_open(struct net *net)
{
	*net = (struct net){ .multi = curl_multi_init() };
	if (net->multi == NULL)
		return fail(ERR_NOMEM, "no memory for transfers");
	curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	curl_multi_setopt(
	    net->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, STREAMS_MOST);
	curl_multi_setopt(net->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
	curl_multi_setopt(
	    net->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	return OK;
}

/* Header fields may hold secrets. */
static void
free_headers(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h != NULL; h = h->next)
		secret_wipe(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

static void
free_transfer(struct net_transfer *t)
{
	curl_easy_cleanup(t->easy);
	free_headers(t->headers);
	buf_wipe(&t->body);
	free(t);
}

/* Takes it out of both lists; it is the caller's now. */
static void
take_out(struct net *net, struct net_transfer *t)
{
	struct net_transfer **at = &net->transfers;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	curl_multi_remove_handle(net->multi, t->easy);
}

void
net_close(struct net *net)
{
	while (net->transfers != NULL) {
		struct net_transfer *t = net->transfers;

		take_out(net, t);
		free_transfer(t);
	}
	curl_multi_cleanup(net->multi);
	net->multi = NULL;
}

static size_t
receive_body(char *data, size_t size, size_t count, void *arg)
{
	struct net_transfer *t = arg;

	return buf_add(&t->body, data, size * count) == OK ? size * count : 0;
}

static size_t
receive_header(char *data, size_t size, size_t count, void *arg)
{
	struct net_transfer *t = arg;

	(void)data;
	t->header_bytes += size * count;
	t->headers_too_large = t->header_bytes > NET_HEADERS_MAX;
	return t->headers_too_large ? 0 : size * count;
}

/* So that a connection that died without a word is noticed. */
static int
set_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned milliseconds = UNACKNOWLEDGED_MILLISECONDS;

	(void)arg;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds,
	    sizeof milliseconds);
	return CURL_SOCKOPT_OK;
}

static bool
add_header(struct net_transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	if (longer != NULL)
		t->headers = longer;
	return longer != NULL;
}

static bool
set_headers(struct net_transfer *t, const struct net_request *q)
{
	bool typed = false;

	for (size_t i = 0; i < q->n_headers; i++) {
		typed |= strncasecmp(q->headers[i], "Content-Type:", 13) == 0;
		if (!add_header(t, q->headers[i]))
			return false;
	}
	/* libcurl would say that it is a form. */
	if (!typed && !add_header(t, "Content-Type:"))
		return false;
	return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) ==
	    CURLE_OK;
}

/* A line end would begin another header field, or another request. */
static bool
are_headers_safe(const struct net_request *q)
{
	for (size_t i = 0; i < q->n_headers; i++)
		for (const char *p = q->headers[i]; *p != '\0'; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				return false;
	return true;
}

/* The first option that libcurl refuses decides. */
#define SET(option, value)                                                     \
	(code = code != CURLE_OK                                               \
		? code                                                         \
		: curl_easy_setopt(t->easy, CURLOPT_##option, (value)))

static CURLcode
set_limits(struct net *net, struct net_transfer *t, const struct net_request *q)
{
	int64_t since = (clock_monotonic_ms() - net->reconnect_at) / 1000;
	CURLcode code = CURLE_OK;

	SET(NOSIGNAL, 1L);
	/* Or the end would wait for the resolver, which has no limit of ours. */
	SET(QUICK_EXIT, 1L);
	SET(CONNECTTIMEOUT, (long)NET_CONNECT_SECONDS);
	SET(TIMEOUT, (long)q->seconds);
	SET(LOW_SPEED_LIMIT, (long)NET_SLOWEST);
	SET(LOW_SPEED_TIME, (long)q->stall_seconds);
	SET(MAXAGE_CONN, IDLE_SECONDS);
	if (net->reconnect_at != 0)
		SET(MAXLIFETIME_CONN, (long)(since > 1 ? since : 1));
	SET(TCP_KEEPALIVE, 1L);
	SET(TCP_KEEPIDLE, PROBE_SECONDS);
	SET(TCP_KEEPINTVL, PROBE_SECONDS / 4);
	SET(SOCKOPTFUNCTION, set_socket);
	SET(WRITEFUNCTION, receive_body);
	SET(WRITEDATA, t);
	SET(HEADERFUNCTION, receive_header);
	SET(HEADERDATA, t);
	SET(ERRORBUFFER, t->why);
	SET(PRIVATE, t);
	return code;
}

static CURLcode
set_trust(struct net_transfer *t, const struct net_request *q)
{
	CURLcode code = CURLE_OK;

	SET(PROTOCOLS_STR, "https");
	SET(PROXY, "");
	SET(FOLLOWLOCATION, 0L);
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(SSL_VERIFYPEER, 1L);
	SET(SSL_VERIFYHOST, 2L);
	/* A resumed session would be that of another client certificate. */
	SET(SSL_SESSIONID_CACHE, 0L);
	/* It is shown by a new connection alone. */
	if (q->shows_certificate) {
		SET(CERTINFO, 1L);
		SET(FRESH_CONNECT, 1L);
		SET(FORBID_REUSE, 1L);
	}
	if (q->ca_file != NULL) {
		SET(CAINFO, q->ca_file);
		SET(CAPATH, NULL);
	}
	if (q->client_certificate != NULL) {
		SET(SSLCERT, q->client_certificate);
		SET(SSLKEY, q->client_key);
	}
	return code;
}

static CURLcode
set_request(struct net_transfer *t, const struct net_request *q)
{
	bool has_body = q->body.n > 0 || strcmp(q->method, "GET") != 0;
	CURLcode code = CURLE_OK;

	SET(URL, q->url);
	if (has_body) {
		SET(POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
		SET(COPYPOSTFIELDS,
		    q->body.n > 0 ? (const char *)q->body.p : "");
	}
	SET(CUSTOMREQUEST, q->method);
	SET(HTTP_VERSION,
	    (long)(q->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	SET(PIPEWAIT, q->http2 ? 1L : 0L);
	return code;
}

/* Host and port as the URL has them. */
static void
read_host(const char *url, char host[NET_HOST_TEXT])
{
	const char *p = strstr(url, "://");

	p = p != NULL ? p + 3 : url;
	snprintf(host, NET_HOST_TEXT, "%.*s", (int)strcspn(p, "/?#"), p);
}

int
net_start(struct net *net, const struct net_request *request, net_done *done,
    void *arg)
{
	struct net_transfer *t;

	if (!are_headers_safe(request))
		return fail(
		    ERR_CONFIG, "a control character in a header field");
	if ((t = calloc(1, sizeof *t)) == NULL)
		return fail(ERR_NOMEM, "no memory for a transfer");
	t->number = ++net->last_number;
	t->http2 = request->http2;
	t->with_certificate = request->client_certificate != NULL;
	t->seconds = request->seconds;
	t->done = done;
	t->arg = arg;
	read_host(request->url, t->host);
	buf_init(&t->body, request->answer_max);
	t->easy = curl_easy_init();
	if (t->easy == NULL || set_limits(net, t, request) != CURLE_OK ||
	    set_trust(t, request) != CURLE_OK ||
	    set_request(t, request) != CURLE_OK || !set_headers(t, request) ||
	    curl_multi_add_handle(net->multi, t->easy) != CURLM_OK) {
		free_transfer(t);
		return fail(ERR_NOMEM, "no memory for a transfer");
	}
	t->next = net->transfers;
	net->transfers = t;
	return OK;
}

static bool
was_sent(const struct net_transfer *t)
{
	long size = 0;

	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &size);
	return size > 0;
}

/*
 * GnuTLS has the alert of a peer that does not like our certificate in its
 * text: in the handshake by name ("Certificate was revoked"), after it
 * (TLS 1.3) as "A TLS fatal alert has been received". One in the handshake
 * proves nothing: it is plain text, so anybody on the way can send it.
 */
static bool
peer_may_refuse_certificate(const struct net_transfer *t)
{
	return t->with_certificate &&
	    (strstr(t->why, "fatal alert") != NULL ||
		(strstr(t->why, "handshake") != NULL &&
		    (strstr(t->why, "ertificate") != NULL ||
			strstr(t->why, "Unknown CA") != NULL)));
}

static int __attribute__((format(printf, 4, 5))) explain(
    char *reason, const struct net_transfer *t, int code, const char *fmt, ...)
{
	int n = snprintf(reason, NET_REASON_TEXT, "%s: ", t->host);
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason + n, NET_REASON_TEXT - (size_t)n, fmt, args);
	va_end(args);
	return code;
}

/* What the request says about our own side is wrong. */
static bool
is_our_fault(const struct net_transfer *t, CURLcode code)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
		/* Also: the answer is not HTTP. */
		return !was_sent(t);
	case CURLE_URL_MALFORMAT:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return true;
	case CURLE_SSL_CONNECT_ERROR:
		return t->with_certificate &&
		    strstr(t->why, "error reading X.509") != NULL;
	default:
		return false;
	}
}

/* Our code for how libcurl ended it, and the reason. */
static int
explain_end(const struct net_transfer *t, CURLcode code, char *reason)
{
	const char *why = t->why[0] != '\0' ? t->why : curl_easy_strerror(code);

	if (t->headers_too_large)
		return explain(reason, t, ERR_NET_ANSWER,
		    "the header of the answer has more than %zu bytes",
		    NET_HEADERS_MAX);
	if (buf_status(&t->body) == ERR_TOO_LARGE)
		return explain(reason, t, ERR_NET_ANSWER,
		    "the answer has more than %zu bytes", t->body.max);
	if (is_our_fault(t, code))
		return explain(reason, t, ERR_CONFIG,
		    "it cannot be asked with this configuration: %s", why);
	if (peer_may_refuse_certificate(t))
		return explain(reason, t, ERR_NET_CERTIFICATE,
		    "it did not accept the connection, perhaps because of our "
		    "certificate: %s",
		    why);
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return explain(reason, t, ERR_NOMEM, "no memory");
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return explain(reason, t, ERR_NET_UNREACHABLE, "%s", why);
	case CURLE_PEER_FAILED_VERIFICATION:
		return explain(reason, t, ERR_NET_TRUST,
		    "its certificate is not trusted: %s", why);
	case CURLE_SSL_CONNECT_ERROR:
		return explain(reason, t, ERR_NET_UNREACHABLE,
		    "no TLS connection: %s", why);
	case CURLE_OPERATION_TIMEDOUT:
		return explain(reason, t, ERR_NET_TIMEOUT, "%s", why);
	default:
		return explain(
		    reason, t, ERR_NET_ANSWER, "the answer broke off: %s", why);
	}
}

/* A connection on which a transfer timed out takes the others along. */
static bool
shares_connection(const struct net_transfer *a, const struct net_transfer *b)
{
	return a->http2 && b->http2 && strcmp(a->host, b->host) == 0;
}

static bool
spoke_http2(const struct net_transfer *t)
{
	long version = 0;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	return version == CURL_HTTP_VERSION_2_0;
}

/* Calls the function of a transfer that was taken out, and frees it. */
static void
finish(struct net_transfer *t, int code, const char *reason)
{
	struct net_answer answer = { .code = code,
		.reason = reason,
		.sent = was_sent(t),
		.easy = t->easy };

	if (code == OK) {
		curl_easy_getinfo(
		    t->easy, CURLINFO_RESPONSE_CODE, &answer.status);
		answer.body = buf_blob(&t->body);
	}
	t->done(t->arg, &answer);
	free_transfer(t);
}

/* The ones that its function begins are not among them. */
static void
finish_sharers(struct net *net, const struct net_transfer *dead)
{
	uint64_t last = net->last_number;
	char reason[NET_REASON_TEXT];

	explain(reason, dead, ERR_NET_TIMEOUT,
	    "another request on this connection got no answer");
	for (struct net_transfer *t = net->transfers; t != NULL;) {
		if (t->number > last || !shares_connection(t, dead)) {
			t = t->next;
			continue;
		}
		take_out(net, t);
		finish(t, ERR_NET_TIMEOUT, reason);
		t = net->transfers;
	}
}

static void
end(struct net *net, struct net_transfer *t, CURLcode code)
{
	char reason[NET_REASON_TEXT] = "";
	int r = OK;

	take_out(net, t);
	if (code != CURLE_OK)
		r = explain_end(t, code, reason);
	else if (t->http2 && !spoke_http2(t))
		r = explain(
		    reason, t, ERR_NET_ANSWER, "it does not speak HTTP/2");
	if (r == ERR_NET_TIMEOUT) {
		net_reconnect(net);
		if (t->http2)
			finish_sharers(net, t);
	}
	finish(t, r, reason);
}

/* How many have ended. */
static size_t
end_all_done(struct net *net)
{
	struct CURLMsg *m;
	size_t n = 0;
	int left;

	while ((m = curl_multi_info_read(net->multi, &left)) != NULL) {
		struct net_transfer *t = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		end(net, t, code);
		n++;
	}
	return n;
}

int
net_wait(struct net *net, int extra_fd, int milliseconds)
{
	struct curl_waitfd extra = { .fd = extra_fd,
		.events = CURL_WAIT_POLLIN };
	int running;

	if (curl_multi_perform(net->multi, &running) != CURLM_OK)
		return fail(ERR_INTERNAL, "libcurl cannot go on");
	if (end_all_done(net) > 0)
		return OK;
	if (curl_multi_poll(net->multi, &extra, extra_fd >= 0 ? 1 : 0,
		milliseconds, NULL) != CURLM_OK ||
	    curl_multi_perform(net->multi, &running) != CURLM_OK)
		return fail(ERR_INTERNAL, "libcurl cannot wait");
	end_all_done(net);
	return OK;
}

void
net_reconnect(struct net *net)
{
	net->reconnect_at = clock_monotonic_ms();
}

const char *
net_header(const struct net_answer *answer, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(answer->easy, name, 0, CURLH_HEADER, -1, &h) ==
		CURLHE_OK
	    ? h->value
	    : NULL;
}

/* Of one certificate as libcurl shows it, "Cert:" and PEM in one line of it. */
static int64_t
end_of(const struct curl_slist *lines)
{
	static const char word[] = "Cert:";
	gnutls_x509_crt_t crt;
	int64_t end;

	while (
	    lines != NULL && strncmp(lines->data, word, sizeof word - 1) != 0)
		lines = lines->next;
	if (lines == NULL ||
	    x509_parse_pem(blob_str(lines->data + sizeof word - 1), &crt) != OK)
		return 0;
	end = x509_not_after(crt);
	x509_free(crt);
	return end;
}

int64_t
net_certificate_end(const struct net_answer *answer)
{
	struct curl_certinfo *shown = NULL;
	int64_t end, first = 0;

	curl_easy_getinfo(answer->easy, CURLINFO_CERTINFO, &shown);
	for (int i = 0; shown != NULL && i < shown->num_of_certs; i++) {
		end = end_of(shown->certinfo[i]);
		if (first == 0 || (end > 0 && end < first))
			first = end;
	}
	return first > 0 ? first : 0;
}

size_t
net_count(const struct net *net)
{
	size_t n = 0;

	for (const struct net_transfer *t = net->transfers; t != NULL;
	     t = t->next)
		n++;
	return n;
}
