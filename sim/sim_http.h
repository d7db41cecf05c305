/*
 * A small HTTP/1.1 client over TLS by OpenSSL, on TCP or on a Unix socket,
 * with kept-alive connections: one connection object per client program.
 */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/err.h"

/* How to reach servers; the strings are borrowed and may be NULL. */
struct sim_http_config {
	const char *unix_socket; /* connect here, whatever the URL says */
	const char *connect;     /* or here: ADDRESS:PORT */
	const char *cacert;      /* PEM; default: the system's store */
	bool insecure;           /* believe any certificate */
	bool verbose;            /* narrate on standard error */
	long timeout;            /* seconds for each answer; 0: 15 as Apple */
};

struct sim_http {
	const struct sim_http_config *config;
	SSL_CTX *ctx; /* borrowed, from sim_connect_context */
	SSL *ssl;
	int fd;
	char authority[300]; /* host:port of the open connection */
	/* The client's certificate; NULL to present none. Borrowed. */
	X509 *certificate;
	EVP_PKEY *key;
	struct buf input; /* read, not yet used */
};

struct sim_http_request {
	const char *method;
	const char *url;
	const char *headers; /* whole lines, each with CR LF; may be NULL */
	bool as_is;          /* the URL is escaped enough */
	struct blob body;
	bool has_body; /* send Content-Length even when it is 0 */
};

struct sim_http_reply {
	int status;
	struct buf head; /* status line and header lines */
	struct buf body;
};

void sim_http_init(
    struct sim_http *h, const struct sim_http_config *config, SSL_CTX *ctx);
void sim_http_release(struct sim_http *h);

/* Closes the connection; the next request opens another. */
void sim_http_close(struct sim_http *h);

void sim_http_reply_init(struct sim_http_reply *r);
void sim_http_reply_release(struct sim_http_reply *r);

/*
 * Sends a request and reads the answer, whatever its status. ERR_IO when
 * there is none, ERR_MALFORMED when it is not HTTP. A kept connection that
 * the server has closed meanwhile is replaced by a new one.
 */
int sim_http_send(struct sim_http *h, const struct sim_http_request *q,
    struct sim_http_reply *r);

/* Copies a header's value; false when absent or longer than the room. */
bool sim_http_header(
    const struct sim_http_reply *r, const char *name, char *out, size_t room);

#endif
