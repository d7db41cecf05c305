/*
 * A small HTTP/1.1 client over TLS by OpenSSL, on TCP or on a Unix socket,
 * with kept-alive connections: one connection object per client program.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/err.h"

/* How to reach servers; the strings are borrowed and may be NULL. */
struct http_config {
	const char *unix_socket; /* connect here, whatever the URL says */
	const char *connect;     /* or here: ADDRESS:PORT */
	const char *cacert;      /* PEM; default: the system's store */
	bool insecure;           /* believe any certificate */
	bool verbose;            /* narrate on standard error */
	long timeout;            /* seconds for each answer; 0: 15 as Apple */
};

struct http {
	const struct http_config *config;
	SSL_CTX *ctx; /* borrowed, from connect_context */
	SSL *ssl;
	int fd;
	char authority[300]; /* host:port of the open connection */
	/* The client's certificate; NULL to present none. Borrowed. */
	X509 *certificate;
	EVP_PKEY *key;
	struct buf input; /* read, not yet used */
};

struct http_request {
	const char *method;
	const char *url;
	const char *headers; /* whole lines, each with CR LF; may be NULL */
	bool as_is;          /* the URL is escaped enough */
	struct blob body;
	bool has_body; /* send Content-Length even when it is 0 */
};

struct http_reply {
	int status;
	struct buf head; /* status line and header lines */
	struct buf body;
};

void http_init(struct http *h, const struct http_config *config, SSL_CTX *ctx);
void http_release(struct http *h);

/* Closes the connection; the next request opens another. */
void http_close(struct http *h);

void http_reply_init(struct http_reply *r);
void http_reply_release(struct http_reply *r);

/*
 * Sends a request and reads the answer, whatever its status. ERR_IO when
 * there is none, ERR_MALFORMED when it is not HTTP. A kept connection that
 * the server has closed meanwhile is replaced by a new one.
 */
int http_send(
    struct http *h, const struct http_request *q, struct http_reply *r);

/* Copies a header's value; false when absent or longer than the room. */
bool http_header(
    const struct http_reply *r, const char *name, char *out, size_t room);

#endif
