#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/apple/tls_server.h"
#include "sim/forge/disk.h"

#define OUT_MAX ((size_t)64 << 20)
#define PIECE   16384

static int64_t
milliseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The first of OpenSSL's errors; the others are forgotten. */
static const char *
ssl_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_get_error());

	ERR_clear_error();
	return text != NULL ? text : "the connection was closed";
}

static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
    const unsigned char *in, unsigned int in_n, void *arg)
{
	const struct tls_server *s = arg;
	const char *wanted = s->service->alpn;
	size_t length = strlen(wanted);

	(void)ssl;
	for (unsigned int i = 0; i < in_n; i += 1u + in[i]) {
		if (in[i] != length || i + 1 + length > in_n ||
		    memcmp(in + i + 1, wanted, length) != 0)
			continue;
		*out = in + i + 1;
		*n = in[i];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Verified at the time of the test clock, or refused as a revoked one is. */
static int
verify_client(X509_STORE_CTX *store, void *arg)
{
	const struct tls_server *s = arg;

	if (s->refuses_everybody) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
		return 0;
	}
	X509_VERIFY_PARAM_set_time(
	    X509_STORE_CTX_get0_param(store), (time_t)clock_now());
	return X509_verify_cert(store);
}

static int
set_up_tls(struct tls_server *s, const char *dir, const char *client_ca)
{
	char crt[DISK_PATH], key[DISK_PATH];
	int r;

	if ((r = disk_path(dir, "server.pem", crt)) != OK ||
	    (r = disk_path(dir, "server.key", key)) != OK)
		return r;
	s->ctx = SSL_CTX_new(TLS_server_method());
	if (s->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(s->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_use_certificate_chain_file(s->ctx, crt) != 1 ||
	    SSL_CTX_use_PrivateKey_file(s->ctx, key, SSL_FILETYPE_PEM) != 1)
		return fail(ERR_CRYPTO, "TLS: %s", ssl_reason());
	SSL_CTX_set_mode(s->ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_alpn_select_cb(s->ctx, select_alpn, s);
	/* A client that comes back shows its certificate again. */
	SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET);
	if (client_ca == NULL)
		return OK;
	s->wants_certificate = true;
	SSL_CTX_set_verify(
	    s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(s->ctx, verify_client, s);
	if (SSL_CTX_load_verify_file(s->ctx, client_ca) != 1)
		return fail(ERR_CRYPTO, "%s: %s", client_ca, ssl_reason());
	return OK;
}

static int
listen_on(struct tls_server *s, long port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	int on = 1;

	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->listener < 0 ||
	    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) !=
		0 ||
	    bind(s->listener, (struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(s->listener, 128) != 0 ||
	    getsockname(s->listener, (struct sockaddr *)&a, &n) != 0)
		return fail(ERR_IO, "port %ld: %s", port, strerror(errno));
	s->port = ntohs(a.sin_port);
	return OK;
}

int
tls_server_watch(struct tls_server *s, int fd,
    void (*readable)(void *arg, int fd), void *arg)
{
	struct tls_watch *more =
	    realloc(s->watches, (s->watch_count + 1) * sizeof *more);

	if (more == NULL)
		return fail(ERR_NOMEM, "no memory");
	more[s->watch_count++] =
	    (struct tls_watch){ .fd = fd, .readable = readable, .arg = arg };
	s->watches = more;
	return OK;
}

void
tls_server_unwatch(struct tls_server *s, int fd)
{
	for (size_t i = 0; i < s->watch_count; i++)
		if (s->watches[i].fd == fd)
			s->watches[i].fd = -1;
}

static void
stop(void *arg, int fd)
{
	struct tls_server *s = arg;

	(void)fd;
	s->stopping = true;
}

/* SIGTERM and SIGINT become something to read. */
static int
watch_signals(struct tls_server *s)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? fail(ERR_IO, "signalfd: %s", strerror(errno))
		      : tls_server_watch(s, fd, stop, s);
}

int
tls_server_open(struct tls_server *s, const struct tls_service *service,
    const char *dir, const char *client_ca, long port)
{
	int r;

	memset(s, 0, sizeof *s);
	s->service = service;
	s->listener = -1;
	if ((r = set_up_tls(s, dir, client_ca)) != OK ||
	    (r = watch_signals(s)) != OK)
		return r;
	return listen_on(s, port);
}

static void
close_peer(struct tls_peer *p)
{
	if (p->ready)
		p->server->service->closed(p);
	SSL_free(p->ssl);
	close(p->fd);
	buf_release(&p->out);
	free(p);
}

static void
accept_peer(struct tls_server *s)
{
	struct tls_peer *p = calloc(1, sizeof *p);
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int on = 1;
	SSL *ssl = fd >= 0 ? SSL_new(s->ctx) : NULL;

	if (p == NULL || ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		if (fd >= 0)
			close(fd);
		free(p);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	buf_init(&p->out, OUT_MAX);
	p->server = s;
	p->fd = fd;
	p->ssl = ssl;
	p->number = ++s->last_number;
	SSL_set_accept_state(ssl);
	p->next = s->peers;
	s->peers = p;
}

/*
 * Closes our side. What the peer still sends is read and forgotten, because
 * closing a socket with unread bytes would take back what was said last.
 */
static int
linger(struct tls_peer *p)
{
	uint8_t piece[PIECE];
	ssize_t n;

	if (!p->lingering)
		shutdown(p->fd, SHUT_WR);
	p->lingering = true;
	while ((n = recv(p->fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
		;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? OK : ERR_IO;
}

/* ERR_IO when the connection is over; what has to wait is OK. */
static int
look_at(struct tls_peer *p, int result)
{
	int why = SSL_get_error(p->ssl, result);

	p->wants_write = why == SSL_ERROR_WANT_WRITE;
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return OK;
	ERR_clear_error();
	return ERR_IO;
}

static int
shake_hands(struct tls_peer *p)
{
	int n = SSL_do_handshake(p->ssl), why;

	if (n == 1) {
		p->ready = true;
		return p->server->service->opened(p);
	}
	why = SSL_get_error(p->ssl, n);
	p->wants_write = why == SSL_ERROR_WANT_WRITE;
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return OK;
	log_line(LOG_NOTICE, "connection %ld: handshake: %s", p->number,
	    ssl_reason());
	return linger(p);
}

static int
read_all(struct tls_peer *p)
{
	uint8_t piece[PIECE];
	int n = 0, r = OK;

	while (r == OK && !p->frozen && !p->closing &&
	    (n = SSL_read(p->ssl, piece, sizeof piece)) > 0)
		r = p->server->service->received(p, blob_of(piece, (size_t)n));
	if (r != OK || p->frozen || p->closing)
		return r;
	return look_at(p, n);
}

/* Sends what there is, or one byte if that is how it is to be. */
static int
write_all(struct tls_peer *p)
{
	while (!p->frozen && p->sent < p->out.n) {
		size_t left = p->out.n - p->sent;
		int n;

		if (p->drip > 0 && milliseconds() < p->drip_next)
			return OK;
		if (left > PIECE)
			left = PIECE;
		n = SSL_write(
		    p->ssl, p->out.p + p->sent, p->drip > 0 ? 1 : (int)left);
		if (n <= 0)
			return look_at(p, n);
		p->sent += (size_t)n;
		p->drip_next = milliseconds() + p->drip;
		if (p->sent < p->out.n)
			continue;
		buf_reset(&p->out);
		p->sent = 0;
		if (p->server->service->drained != NULL)
			p->server->service->drained(p);
	}
	return OK;
}

/* One turn of a connection; anything but OK is its end. */
static int
serve(struct tls_peer *p)
{
	int r = OK;

	ERR_clear_error();
	if (p->lingering)
		return linger(p);
	if (!p->ready && ((r = shake_hands(p)) != OK || !p->ready))
		return r;
	if ((r = read_all(p)) != OK || p->abandoned ||
	    (r = write_all(p)) != OK || p->abandoned)
		return r;
	if (p->closing && p->sent == p->out.n && !p->frozen) {
		SSL_shutdown(p->ssl);
		return linger(p);
	}
	return OK;
}

static short
events_of(const struct tls_peer *p)
{
	bool has_output = p->ready && p->sent < p->out.n && p->drip == 0;

	if (p->frozen)
		return POLLRDHUP;
	return (short)((p->closing && !p->lingering ? 0 : POLLIN) |
	    (has_output || p->wants_write ? POLLOUT : 0));
}

/* How long to wait at most: until a slow peer may have its next byte. */
static int
patience(const struct tls_server *s)
{
	int64_t now = milliseconds(), wait = 60000;

	for (const struct tls_peer *p = s->peers; p != NULL; p = p->next)
		if (p->drip > 0 && p->sent < p->out.n && !p->frozen &&
		    p->drip_next - now < wait)
			wait = p->drip_next > now ? p->drip_next - now : 0;
	return (int)wait;
}

/*
 * Serves every peer that is ready, or that something else gave work to, and
 * frees those that are over. polled[i] belongs to the i-th peer.
 */
static void
serve_peers(struct tls_server *s, const struct pollfd *polled)
{
	struct tls_peer **at = &s->peers;

	for (size_t i = 0; *at != NULL; i++) {
		struct tls_peer *p = *at;
		short got = polled[i].revents;
		bool over = p->frozen && got != 0;

		if (!p->frozen &&
		    (got != 0 || p->sent < p->out.n || p->closing))
			over = serve(p) != OK;
		if (over || p->abandoned) {
			*at = p->next;
			close_peer(p);
		} else {
			at = &p->next;
		}
	}
}

static void
serve_watches(struct tls_server *s, const struct pollfd *polled, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (polled[i].revents != 0 && s->watches[i].fd >= 0)
			s->watches[i].readable(s->watches[i].arg, polled[i].fd);
	for (size_t i = 0; i < s->watch_count; i++)
		if (s->watches[i].fd >= 0)
			s->watches[kept++] = s->watches[i];
	s->watch_count = kept;
}

/* Listener, watches, peers, in this order. */
static int
turn(struct tls_server *s)
{
	size_t watches = s->watch_count, n = 1 + watches, i = 1;
	struct pollfd *polled;
	int r = OK;

	for (const struct tls_peer *p = s->peers; p != NULL; p = p->next)
		n++;
	if ((polled = calloc(n, sizeof *polled)) == NULL)
		return fail(ERR_NOMEM, "no memory");
	polled[0] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
	for (size_t w = 0; w < watches; w++)
		polled[i++] =
		    (struct pollfd){ .fd = s->watches[w].fd, .events = POLLIN };
	for (const struct tls_peer *p = s->peers; p != NULL; p = p->next)
		polled[i++] =
		    (struct pollfd){ .fd = p->fd, .events = events_of(p) };
	if (poll(polled, n, patience(s)) < 0 && errno != EINTR)
		r = fail(ERR_IO, "poll: %s", strerror(errno));
	clock_refresh();
	serve_watches(s, polled + 1, watches);
	serve_peers(s, polled + 1 + watches);
	if (polled[0].revents != 0)
		accept_peer(s);
	free(polled);
	return r;
}

int
tls_server_run(struct tls_server *s)
{
	int r = OK;

	while (r == OK && !s->stopping)
		r = turn(s);
	return r;
}

void
tls_server_release(struct tls_server *s)
{
	while (s->peers != NULL) {
		struct tls_peer *p = s->peers;

		s->peers = p->next;
		close_peer(p);
	}
	if (s->listener >= 0)
		close(s->listener);
	for (size_t i = 0; i < s->watch_count; i++)
		if (s->watches[i].fd >= 0)
			close(s->watches[i].fd);
	free(s->watches);
	s->watches = NULL;
	s->watch_count = 0;
	SSL_CTX_free(s->ctx);
}
