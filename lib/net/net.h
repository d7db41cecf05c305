/*
 * HTTPS requests to other servers, many at a time in one process without
 * threads: one libcurl multi handle. Nothing here waits but net_wait().
 *
 * The other server is never trusted with more than its answer: TLS 1.2 or newer
 * to the host of the URL, verified against the system's authorities or those of
 * one file; no redirect is followed; there is no proxy, cookie or .netrc; and
 * size and time of the answer have limits, which hold while it arrives.
 *
 * A host gets one connection, which is kept and shared by HTTP/2 requests.
 * libcurl itself repeats a request, on a new connection, that the host
 * certainly did not process (REFUSED_STREAM, or above the last stream of a
 * GOAWAY, RFC 9113 sections 6.8 and 8.7) and one for which a kept connection
 * turned out to be closed; so what is requested must bear to be done twice.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

/* Bytes of the answer's header fields, all together. */
#define NET_HEADERS_MAX ((size_t)16 << 10)
/* Until TLS is up. */
#define NET_CONNECT_SECONDS 10
/* Slower than this for stall_seconds ends a transfer; bytes per second. */
#define NET_SLOWEST 100
/* Room for a host and its port, with the NUL. */
#define NET_HOST_TEXT 262
/* Room for the reason of a failure, with the NUL. */
#define NET_REASON_TEXT 600

struct net_transfer;

struct net {
	CURLM *multi;
	struct net_transfer *transfers; /* those that go on */
	uint64_t last_number;
	int64_t reconnect_at; /* monotonic milliseconds; 0: never */
};

struct net_request {
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value" */
	size_t n_headers;
	struct blob body;               /* sent if it has bytes or is not GET */
	const char *ca_file;            /* PEM; NULL: the system's */
	const char *client_certificate; /* PEM file; NULL: none */
	const char *client_key;         /* PEM file */
	bool http2;                     /* and nothing else */
	bool shows_certificate;         /* for net_certificate_end() */
	size_t answer_max;              /* bytes of the body */
	int seconds;                    /* for all of it */
	int stall_seconds;              /* see NET_SLOWEST; 0: no such limit */
};

/* Valid during the call of net_done alone. */
struct net_answer {
	/*
	 * OK when a whole HTTP answer came, whatever its status; else
	 * ERR_NET_UNREACHABLE, ERR_NET_TRUST (its certificate),
	 * ERR_NET_CERTIFICATE (an alert of TLS that speaks of ours, which
	 * somebody on the way may have forged), ERR_NET_TIMEOUT,
	 * ERR_NET_ANSWER (broken off, too large, not HTTP), ERR_NOMEM or
	 * ERR_CONFIG (URL or file of the request).
	 */
	int code;
	const char *reason; /* one sentence that names the host; "" when OK */
	long status;        /* 0 unless OK */
	struct blob body;   /* empty unless OK */
	bool sent;          /* false: the host certainly did not process it */
	CURL *easy;         /* for net_header() */
};

typedef void net_done(void *arg, const struct net_answer *answer);

/* Once for each process, before net_open(). OK or ERR_INTERNAL. */
int net_prepare(void);

/* OK or ERR_NOMEM; *net is ready for net_close() either way. */
int net_open(struct net *net);

/* Ends all transfers without calling their functions. */
void net_close(struct net *net);

/*
 * Begins a request; of what it holds nothing is needed after the return. When
 * it ends, net_wait() calls done(arg, answer) exactly once, which may begin
 * other requests. Nothing is logged: the caller knows what the answer means.
 * OK, or ERR_NOMEM, or ERR_CONFIG (a control character in a header field, which
 * is logged), without a call of done.
 */
int net_start(struct net *net, const struct net_request *request,
    net_done *done, void *arg);

/*
 * Goes on with all transfers and calls the functions of those that have ended.
 * If there was none, it first waits until there is more to do, extra_fd (-1:
 * none) can be read or the time is over. OK or ERR_INTERNAL, logged.
 */
int net_wait(struct net *net, int extra_fd, int milliseconds);

/*
 * No later request uses a connection that is older than a second now: for a new
 * client certificate. Happens by itself after a transfer that timed out, and
 * the HTTP/2 transfers that shared its connection end with it, because a
 * connection that has died without a word looks like that.
 */
void net_reconnect(struct net *net);

/*
 * The value of a header field (names in any case) or NULL; of several fields
 * with the name the first. Valid during net_done.
 */
const char *net_header(const struct net_answer *answer, const char *name);

/*
 * When the first of the certificates that the host showed ends, in seconds
 * since 1970; 0: unknown. For requests with shows_certificate, during net_done.
 */
int64_t net_certificate_end(const struct net_answer *answer);

/* How many transfers go on. */
size_t net_count(const struct net *net);

#endif
