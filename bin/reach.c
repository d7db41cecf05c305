#include "bin/reach.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "web/nginx_secret.h"

/* FastCGI specification, section 8 */
enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };
#define RECORD_HEAD 8

#define HOST_TEXT 256

static void
limit_waits(int fd)
{
	struct timeval limit = { .tv_sec = REACH_SECONDS };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static int
unix(const char *path, int *out)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, r;

	*out = -1;
	if (strlen(path) >= sizeof at.sun_path)
		return fail(ERR_IO, "the path %s is too long", path);
	memcpy(at.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return fail(ERR_IO, "no socket: %s", strerror(errno));
	limit_waits(fd);
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
		r = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
		fail(r, "%s: %s", path, strerror(errno));
		close(fd);
		return r;
	}
	*out = fd;
	return OK;
}

static int
tcp(const char *host, const char *port, int *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *a;
	int fd = -1, r = getaddrinfo(host, port, &hints, &list);
	int why = 0;

	*out = -1;
	if (r != 0)
		return fail(ERR_IO, "%s: %s", host, gai_strerror(r));
	for (a = list; a != NULL && *out < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		limit_waits(fd);
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			*out = fd;
		else {
			why = errno;
			close(fd);
		}
	}
	freeaddrinfo(list);
	return *out >= 0 ? OK
			 : fail(ERR_IO, "cannot connect to %s port %s: %s",
			       host, port, strerror(why));
}

static void
record(struct buf *out, int type, struct blob content)
{
	const uint8_t head[RECORD_HEAD] = { 1, (uint8_t)type, 0, 1,
		(uint8_t)(content.n >> 8), (uint8_t)content.n, 0, 0 };

	buf_add(out, head, sizeof head);
	buf_add_blob(out, content);
}

/* Names and values shorter than 128 bytes. */
static void
param(struct buf *out, const char *name, const char *value)
{
	buf_add_byte(out, (uint8_t)strlen(name));
	buf_add_byte(out, (uint8_t)strlen(value));
	buf_add_str(out, name);
	buf_add_str(out, value);
}

static int
fastcgi_request(const char *secret, const char *path, struct buf *out)
{
	static const uint8_t responder[8] = { 0, 1 };
	struct buf params;

	buf_init(&params, 4096);
	param(&params, "REQUEST_METHOD", "GET");
	param(&params, "REQUEST_URI", path);
	param(&params, "DOCUMENT_URI", path);
	param(&params, "SERVER_PROTOCOL", "HTTP/1.1");
	if (*secret != '\0')
		param(&params, NGINX_SECRET_PARAM, secret);
	record(out, BEGIN_REQUEST, blob_of(responder, sizeof responder));
	record(out, PARAMS, buf_blob(&params));
	record(out, PARAMS, blob_of("", 0));
	record(out, STDIN, blob_of("", 0));
	buf_wipe(&params);
	return buf_status(out);
}

static int64_t
deadline(void)
{
	return (int64_t)time(NULL) + REACH_SECONDS;
}

/* The first record must be an answer, and not that of a program that fails. */
static int
fastcgi_answer(int fd, const char *socket)
{
	static const char failed[] = "Status: 5";
	uint8_t head[RECORD_HEAD + sizeof failed - 1] = { 0 };
	size_t n = 0;
	ssize_t k;
	int64_t until = deadline();

	while (n < sizeof head) {
		k = recv(fd, head + n, sizeof head - n, 0);
		if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return fail(ERR_IO, "%s: no answer in %d seconds",
			    socket, REACH_SECONDS);
		if (k <= 0 || time(NULL) > until)
			return fail(ERR_IO, "%s: it hung up", socket);
		n += (size_t)k;
	}
	if (head[0] != 1 || head[1] != STDOUT || (head[4] | head[5]) == 0)
		return fail(ERR_IO,
		    "%s: what answers is not a program of attestmdm", socket);
	if (memcmp(head + RECORD_HEAD, failed, sizeof failed - 1) == 0)
		return fail(ERR_IO,
		    "%s: it fails, or does not take the secret in the file of "
		    "nginx: restart it",
		    socket);
	return OK;
}

int
reach_program(const char *socket, const char *secret, const char *path)
{
	struct buf request;
	int fd, r;

	if ((r = unix(socket, &fd)) != OK)
		return r;
	buf_init(&request, 8192);
	r = fastcgi_request(secret, path, &request);
	if (r == OK &&
	    send(fd, request.p, request.n, MSG_NOSIGNAL) != (ssize_t)request.n)
		r = fail(ERR_IO, "%s: %s", socket, strerror(errno));
	if (r == OK)
		r = fastcgi_answer(fd, socket);
	buf_wipe(&request);
	close(fd);
	return r;
}

/* "https://host:port" or "host:port" in two. */
static void
split(const char *url, char host[HOST_TEXT], char port[8])
{
	const char *at = strstr(url, "://");
	const char *colon;

	at = at == NULL ? url : at + 3;
	colon = strrchr(at, ':');
	snprintf(host, HOST_TEXT, "%.*s",
	    colon == NULL ? HOST_TEXT - 1 : (int)(colon - at), at);
	snprintf(port, 8, "%s", colon == NULL ? "443" : colon + 1);
}

static int
connect_to(const char *url, const char *where, int *fd)
{
	char host[HOST_TEXT], port[8];

	if (where != NULL && strncmp(where, "unix:", 5) == 0)
		return unix(where + 5, fd);
	split(where != NULL ? where : url, host, port);
	return tcp(host, port, fd);
}

static int
tls_fail(const char *host, gnutls_session_t session, int rc)
{
	unsigned status = gnutls_session_get_verify_cert_status(session);
	gnutls_datum_t why;
	int r;

	if (rc != GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR ||
	    gnutls_certificate_verification_status_print(
		status, GNUTLS_CRT_X509, &why, 0) != 0)
		return fail(ERR_IO, "%s: %s", host, gnutls_strerror(rc));
	r = fail(ERR_IO, "%s: %s", host, (const char *)why.data);
	gnutls_free(why.data);
	return r;
}

/* Of "HTTP/1.1 200 OK"; 0 when it is no such line. */
static int
http_status(const char *answer)
{
	static const char version[] = "HTTP/1.1 ";
	const char *digits = answer + sizeof version - 1;

	if (strncmp(answer, version, strlen("HTTP/1.")) != 0 ||
	    strlen(answer) < sizeof version + 2 ||
	    strspn(digits, "0123456789") != 3)
		return 0;
	return (int)strtol(digits, NULL, 10);
}

static int
tls_get(gnutls_session_t session, const char *host, const char *path,
    struct reach_answer *out)
{
	char request[1024], chunk[4096];
	int64_t until = deadline();
	ssize_t n;

	snprintf(request, sizeof request,
	    "GET %.512s HTTP/1.1\r\nHost: %.255s\r\nUser-Agent: attestmdm\r\n"
	    "Connection: close\r\n\r\n",
	    path, host);
	if (gnutls_record_send(session, request, strlen(request)) < 0)
		return fail(ERR_IO, "%s: it hung up", host);
	/* TLS 1.3: what follows the handshake, such as a ticket, is "again" */
	do {
		n = gnutls_record_recv(session, chunk, sizeof chunk);
		if (n > 0 && buf_add(&out->text, chunk, (size_t)n) != OK)
			break;
	} while (time(NULL) <= until &&
	    (n > 0 || n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED));
	if ((out->status = http_status(buf_str(&out->text))) == 0)
		return fail(ERR_IO, "%s: no answer in %d seconds", host,
		    REACH_SECONDS);
	return OK;
}

static int
tls_prepare(gnutls_certificate_credentials_t trust, const char *host,
    const char *ca, int fd, gnutls_session_t session)
{
	int r;

	/* without a store the certificate is refused, and the reason told */
	gnutls_certificate_set_x509_system_trust(trust);
	if (*ca != '\0')
		gnutls_certificate_set_x509_trust_file(
		    trust, ca, GNUTLS_X509_FMT_PEM);
	if ((r = gnutls_set_default_priority(session)) != 0 ||
	    (r = gnutls_credentials_set(
		 session, GNUTLS_CRD_CERTIFICATE, trust)) != 0 ||
	    (r = gnutls_server_name_set(
		 session, GNUTLS_NAME_DNS, host, strlen(host))) != 0)
		return fail(ERR_IO, "%s: %s", host, gnutls_strerror(r));
	gnutls_session_set_verify_cert(session, host, 0);
	gnutls_transport_set_int(session, fd);
	gnutls_handshake_set_timeout(session, REACH_SECONDS * 1000);
	return OK;
}

static int
tls_ask(gnutls_session_t session, const char *host, const char *path,
    struct reach_answer *out)
{
	int r;

	do
		r = gnutls_handshake(session);
	while (r < 0 && gnutls_error_is_fatal(r) == 0);
	if (r < 0)
		return tls_fail(host, session, r);
	out->not_after = gnutls_certificate_expiration_time_peers(session);
	return tls_get(session, host, path, out);
}

int
reach_url(const char *url, const char *path, const char *where, const char *ca,
    struct reach_answer *out)
{
	gnutls_certificate_credentials_t trust = NULL;
	gnutls_session_t session = NULL;
	char host[HOST_TEXT], port[8];
	int fd, r;

	split(url, host, port);
	if ((r = connect_to(url, where, &fd)) != OK)
		return r;
	if (gnutls_certificate_allocate_credentials(&trust) != 0 ||
	    gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) != 0)
		r = fail(ERR_NOMEM, "no memory for TLS");
	if (r == OK &&
	    (r = tls_prepare(trust, host, ca, fd, session)) == OK)
		r = tls_ask(session, host, path, out);
	if (session != NULL)
		gnutls_deinit(session);
	gnutls_certificate_free_credentials(trust);
	close(fd);
	return r;
}
