#include "netfix.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

void
netfix_say(gnutls_session_t s, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t done = gnutls_record_send(s, text, n);

		if (done < 0)
			_exit(0);
		text += done;
		n -= (size_t)done;
	}
}

void
netfix_say_much(gnutls_session_t s, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		netfix_say(s, text);
}

void
netfix_reply(gnutls_session_t s, const char *status, const char *headers,
    const char *body)
{
	static char text[2 * NETFIX_REQUEST];

	/* Nothing is left to say when the client has all of it. */
	snprintf(text, sizeof text,
	    "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers,
	    strlen(body), body);
	netfix_say(s, text);
}

/* Requests are small: they come in one piece or two. */
static bool
read_request(gnutls_session_t s, char *text, size_t size)
{
	size_t n = 0, body = 0;
	char *end = NULL, *length;

	for (;;) {
		ssize_t got = gnutls_record_recv(s, text + n, size - 1 - n);

		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = '\0';
		if ((end = strstr(text, "\r\n\r\n")) == NULL)
			continue;
		if ((length = strstr(text, "Content-Length: ")) != NULL)
			body = (size_t)strtol(length + 16, NULL, 10);
		if (n >= (size_t)(end + 4 - text) + body)
			return true;
	}
}

static bool
shake_hands(gnutls_session_t s, int fd)
{
	char rest[4096];
	int r;

	do {
		r = gnutls_handshake(s);
	} while (r < 0 && !gnutls_error_is_fatal(r));
	if (r >= 0)
		return true;
	gnutls_alert_send(s, GNUTLS_AL_FATAL, GNUTLS_A_CERTIFICATE_REVOKED);
	/* Unread bytes would make the kernel drop the alert. */
	shutdown(fd, SHUT_WR);
	while (read(fd, rest, sizeof rest) > 0)
		continue;
	return false;
}

static void
serve_connection(const struct netfix_server *server, int fd)
{
	gnutls_certificate_credentials_t credentials;
	static char request[NETFIX_REQUEST];
	gnutls_session_t s;

	if (server->hangs_up)
		return;
	gnutls_certificate_allocate_credentials(&credentials);
	if (gnutls_certificate_set_x509_key_file(credentials, server->identity,
		server->identity, GNUTLS_X509_FMT_PEM) < 0)
		return;
	gnutls_init(&s, GNUTLS_SERVER);
	gnutls_priority_set_direct(
	    s, server->priorities ? server->priorities : "NORMAL", NULL);
	gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, credentials);
	if (server->client_ca != NULL) {
		gnutls_certificate_set_x509_trust_file(
		    credentials, server->client_ca, GNUTLS_X509_FMT_PEM);
		gnutls_certificate_server_set_request(s, GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_cert(s, NULL, 0);
	}
	gnutls_transport_set_int(s, fd);
	if (!shake_hands(s, fd))
		return;
	while (read_request(s, request, sizeof request))
		server->answer(s, request);
}

static void
serve(const struct netfix_server *server, int listener)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			alarm(120);
			serve_connection(server, fd);
			shutdown(fd, SHUT_WR);
			_exit(0);
		}
		close(fd);
	}
}

int
netfix_dead_port(int *fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(*fd >= 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

void
netfix_start(struct netfix_server *server)
{
	int fd;

	server->port = netfix_dead_port(&fd);
	assert_int_equal(listen(fd, 50), 0);
	server->pid = fork();
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		serve(server, fd);
	}
	setpgid(server->pid, server->pid);
	close(fd);
}

void
netfix_stop(struct netfix_server *server)
{
	kill(-server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}

void
netfix_pem(X509 *crt, EVP_PKEY *key, const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, crt), 1);
	if (key != NULL)
		assert_int_equal(
		    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
}
