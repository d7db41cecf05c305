/*
 * A TLS server on loopback in one process: a poll loop that never waits for
 * one peer, and that can behave as badly as a test asks it to.
 */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/err.h"

struct tls_server;

/* One connection. Who serves it appends to `out` and sets the switches. */
struct tls_peer {
	struct tls_server *server;
	struct tls_peer *next;
	long number; /* 1 for the first connection, and on */
	int fd;
	SSL *ssl;
	bool ready;     /* the handshake is over */
	bool closing;   /* close it as soon as all of `out` is sent */
	bool lingering; /* all is said: waits for the peer to close it too */
	bool abandoned; /* close it now, whatever is left to send */
	bool frozen;    /* read and write nothing more, as a dead host does */
	long drip; /* send one byte in so many milliseconds; 0: all at once */
	int64_t drip_next; /* when the next byte may go */
	bool wants_write;  /* OpenSSL has to write before it can go on */
	struct buf out;
	size_t sent; /* of out */
	void *state; /* of whoever serves it */
};

/* What a service does with its peers. */
struct tls_service {
	const char *alpn; /* the one protocol that is spoken */
	/* After the handshake; anything but OK closes the connection. */
	int (*opened)(struct tls_peer *);
	int (*received)(struct tls_peer *, struct blob);
	/* All of `out` is sent: may append more. NULL: nothing to do. */
	void (*drained)(struct tls_peer *);
	/* Frees `state`; called once for each peer that was opened. */
	void (*closed)(struct tls_peer *);
};

/* Another file descriptor of the same loop. */
struct tls_watch {
	int fd; /* -1: not watched any more */
	void (*readable)(void *arg, int fd);
	void *arg;
};

struct tls_server {
	const struct tls_service *service;
	void *arg; /* of the service */
	int listener;
	int port;
	SSL_CTX *ctx;
	bool wants_certificate; /* of clients */
	bool refuses_everybody; /* end each handshake with a TLS alert */
	long last_number;
	struct tls_peer *peers;
	struct tls_watch *watches;
	size_t watch_count;
	bool stopping;
};

/*
 * Listens on 127.0.0.1; port 0 is one of the kernel's choice, left in `port`.
 * The certificate and key are DIR/server.pem and DIR/server.key. client_ca is
 * a PEM file of the one CA whose certificates clients must have, NULL if they
 * need none. ERR_IO, ERR_CRYPTO.
 */
int tls_server_open(struct tls_server *s, const struct tls_service *service,
    const char *dir, const char *client_ca, long port);

/* Calls `readable` whenever fd can be read; ERR_NOMEM. */
int tls_server_watch(struct tls_server *s, int fd,
    void (*readable)(void *arg, int fd), void *arg);
void tls_server_unwatch(struct tls_server *s, int fd);

/* Serves until SIGTERM or SIGINT. */
int tls_server_run(struct tls_server *s);

/* Closes all connections and frees everything. */
void tls_server_release(struct tls_server *s);

#endif
