/*
 * HTTP/1.1 over TLS by libcurl. One object is one client program with its kept
 * connection; what it holds of an answer lasts until the next request.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stdio.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"

/* How to reach servers; the strings are borrowed and may be NULL. */
struct http_config {
	const char *unix_socket; /* connect here, whatever the URL says */
	const char *connect;     /* or here: ADDRESS:PORT */
	const char *cacert;      /* PEM; default: the system's store */
	const char *provider_ca; /* the same for an identity provider */
	bool insecure;           /* accept any certificate */
	bool verbose;            /* show each exchange on standard error */
	long timeout;            /* seconds for each answer; 0: 15 as Apple */
};

struct http {
	const struct http_config *config;
	CURL *easy;
	CURLSH *cookies; /* NULL: none are kept */
	FILE *identity; /* for TLS: certificate and key, in memory only */
	/* The last answer, whatever its status. */
	int status;
	struct buf body;
};

#define HTTP_LINES 4

struct http_request {
	const char *method;
	const char *url;
	const char *headers[HTTP_LINES]; /* "Name: value"; NULL ends them */
	bool has_body;                   /* not sent with HEAD */
	struct blob body;
	bool as_is;  /* do not escape the URL once more */
	bool abroad; /* to another host than `connect` or `unix_socket` is for */
};

void http_init(struct http *h, const struct http_config *config);
void http_release(struct http *h);

/* Authenticates later connections with this certificate in DER and its key. */
int http_present(struct http *h, struct blob certificate, EVP_PKEY *key);

/* Sends a request and reads the answer; ERR_IO when there is none. */
int http_send(struct http *h, const struct http_request *q);

/* From now on cookies are kept and sent back, as a browser does. */
void http_keep_cookies(struct http *h);

/* The value of the answer's header of that name; NULL when there is none. */
const char *http_header(const struct http *h, const char *name);

#endif
