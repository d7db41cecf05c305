#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/log.h"
#include "sim/client/connect.h"

SSL_CTX *
connect_context(const struct http_config *config)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool good = ctx != NULL;

	if (good && config->insecure) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	} else if (good) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		good = config->cacert != NULL
		    ? SSL_CTX_load_verify_locations(
			  ctx, config->cacert, NULL) == 1
		    : SSL_CTX_set_default_verify_paths(ctx) == 1;
	}
	if (good)
		return ctx;
	SSL_CTX_free(ctx);
	fail(ERR_CRYPTO, "cannot load the certificates to trust");
	return NULL;
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof sun.sun_path)
		return -1;
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&sun, sizeof sun) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int
connect_tcp(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int fd = -1, one = 1;

	if (getaddrinfo(host, port, &hints, &list) != 0)
		return -1;
	for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC,
		    a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

/* host[:port] or [address][:port]; port 443 unless it says another. */
static void
connect_split(const char *authority, char host[300], char port[16])
{
	const char *colon = strrchr(authority, ':');
	const char *bracket = strchr(authority, ']');
	size_t n = strlen(authority);

	snprintf(port, 16, "443");
	if (colon != NULL && (bracket == NULL || colon > bracket)) {
		n = (size_t)(colon - authority);
		snprintf(port, 16, "%s", colon + 1);
	}
	if (authority[0] == '[' && bracket != NULL) {
		authority++;
		n = (size_t)(bracket - authority);
	}
	snprintf(host, 300, "%.*s", (int)n, authority);
}

static int
connect_socket(struct http *h, const char *host, const char *port)
{
	const struct http_config *c = h->config;
	long seconds = c->timeout > 0 ? c->timeout : 15;
	struct timeval tv = { .tv_sec = seconds };
	char to[300], at[16];

	if (c->unix_socket != NULL) {
		h->fd = connect_unix(c->unix_socket);
	} else if (c->connect != NULL) {
		connect_split(c->connect, to, at);
		h->fd = connect_tcp(to, at);
	} else {
		h->fd = connect_tcp(host, port);
	}
	if (h->fd < 0)
		return fail(ERR_IO, "cannot connect to %s: %s",
		    c->unix_socket != NULL ? c->unix_socket : host,
		    strerror(errno));
	setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(h->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	return OK;
}

static bool
connect_expect_host(SSL *ssl, char *host)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, host, &address) == 1 ||
	    inet_pton(AF_INET6, host, &address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(
			   SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 &&
	    SSL_set_tlsext_host_name(ssl, host) == 1;
}

int
connect_open(struct http *h, const char *authority)
{
	char host[300], port[16];
	int rc;

	connect_split(authority, host, port);
	if ((rc = connect_socket(h, host, port)) != OK)
		return rc;
	h->ssl = SSL_new(h->ctx);
	if (h->ssl == NULL || !connect_expect_host(h->ssl, host) ||
	    SSL_set_fd(h->ssl, h->fd) != 1)
		rc = fail(ERR_CRYPTO, "cannot prepare TLS");
	if (rc == OK && h->certificate != NULL &&
	    (SSL_use_certificate(h->ssl, h->certificate) != 1 ||
		SSL_use_PrivateKey(h->ssl, h->key) != 1))
		rc = fail(ERR_CRYPTO, "cannot use the client certificate");
	if (rc == OK && SSL_connect(h->ssl) != 1)
		rc = fail(ERR_CRYPTO, "TLS with %s fails: %s", authority,
		    SSL_get_verify_result(h->ssl) != X509_V_OK
			? X509_verify_cert_error_string(
			      SSL_get_verify_result(h->ssl))
			: ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	if (rc != OK)
		connect_close(h);
	return rc;
}

void
connect_close(struct http *h)
{
	if (h->ssl != NULL) {
		SSL_shutdown(h->ssl);
		SSL_free(h->ssl);
		h->ssl = NULL;
	}
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	ERR_clear_error();
}

bool
connect_is_dead(struct http *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	char c;

	if (poll(&p, 1, 0) <= 0)
		return false;
	/* Session tickets may wait to be read; an end of file is the end. */
	return recv(h->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 ||
	    (p.revents & (POLLHUP | POLLERR)) != 0;
}

int
connect_write(struct http *h, struct blob data)
{
	while (data.n > 0) {
		int n = SSL_write(
		    h->ssl, data.p, (int)(data.n > 65536 ? 65536 : data.n));

		if (n <= 0) {
			ERR_clear_error();
			return ERR_IO;
		}
		data.p += n;
		data.n -= (size_t)n;
	}
	return OK;
}

ssize_t
connect_read(struct http *h)
{
	char chunk[16384];
	int n = SSL_read(h->ssl, chunk, sizeof chunk);

	if (n > 0 && buf_add(&h->input, chunk, (size_t)n) != OK)
		return -1;
	ERR_clear_error();
	return n;
}
