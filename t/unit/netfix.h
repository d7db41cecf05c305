/*
 * TLS servers on loopback, for tests of what speaks to other hosts. Each is a
 * process, with one more for each connection, and its test says what it
 * answers.
 */
#ifndef UNIT_NETFIX_H
#define UNIT_NETFIX_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "testpki.h"

/* Bytes of a request, with the NUL. */
#define NETFIX_REQUEST 16384

#define NETFIX_200 "HTTP/1.1 200 OK\r\n"

/*
 * Answers a request, in the process of the connection: what it is to leave for
 * the test has to be in shared memory.
 */
typedef void netfix_answer(gnutls_session_t s, const char *request);

struct netfix_server {
	const char *identity;   /* PEM file: certificate and key */
	const char *priorities; /* of GnuTLS; NULL: NORMAL */
	const char *client_ca;  /* PEM file: asks for a certificate by it */
	bool hangs_up;          /* before TLS */
	netfix_answer *answer;
	/* from here on netfix_start() fills it in */
	int port;
	pid_t pid;
};

void netfix_start(struct netfix_server *server);
void netfix_stop(struct netfix_server *server);

/* Sends it; a process whose client has gone ends. */
void netfix_say(gnutls_session_t s, const char *text);
void netfix_say_much(gnutls_session_t s, const char *text, size_t times);

/* A whole answer; headers: "Name: value\r\n" each, "" for none. */
void netfix_reply(gnutls_session_t s, const char *status, const char *headers,
    const char *body);

/* A port of loopback on which nobody listens while *fd is open; close it. */
int netfix_dead_port(int *fd);

/* Writes a PEM file; key may be NULL. */
void netfix_pem(X509 *crt, EVP_PKEY *key, const char *path);

#endif
