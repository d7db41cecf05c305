#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bin/inspect.h"
#include "bin/probe.h"
#include "ca/file.h"
#include "web/listener.h"
#include "web/nginx_secret.h"

#define NGINX_OUTPUT_MAX (4 * 1024 * 1024)

#define INCLUDE_DEVICES                                                        \
	"include attestmdm-devices.conf, or attestmdm-server.conf, in your "   \
	"server { }"

/* What nginx's whole configuration must hold. */
static const struct {
	const char *text;
	const char *missing;
} needed[] = {
	{ "log_format attestmdm", "include attestmdm-http.conf in http { }" },
	{ "ssl_verify_client optional_no_ca", INCLUDE_DEVICES },
	{ "error_page 495 = @attestmdm_certificate", INCLUDE_DEVICES },
	{ "acme-finalize.sock", INCLUDE_DEVICES },
	{ "/scep.sock", INCLUDE_DEVICES },
	{ "MDM_CLIENT_CERT $ssl_client_escaped_cert", INCLUDE_DEVICES },
	{ "admin-settings.sock",
	    "include attestmdm-admin.conf in a server { }" },
	{ "admin-api.sock", "install the present attestmdm-admin.conf" },
};

/*
 * An address may have 4096 requests under way, each with a connection of the
 * client and one to a program; as much is left for everybody else.
 */
#define CONNECTIONS_LEAST 16384

/* The last number that a directive is given in nginx's configuration. */
static long
nginx_number(const char *text, const char *name, long otherwise)
{
	const char *line, *end, *at;
	size_t n = strlen(name);

	for (line = text; *line != '\0'; line = *end == '\0' ? end : end + 1) {
		end = line + strcspn(line, "\n");
		at = line + strspn(line, " \t");
		if (strncmp(at, "events", 6) == 0)
			at += 6 + strspn(at + 6, " \t{");
		if (strncmp(at, name, n) == 0 &&
		    (at[n] == ' ' || at[n] == '\t'))
			otherwise = strtol(at + n, NULL, 10);
	}
	return otherwise;
}

static void
limits(struct verdict *v, const char *text)
{
	long connections = nginx_number(text, "worker_connections", 512);
	long files = nginx_number(text, "worker_rlimit_nofile", 0);

	if (connections < CONNECTIONS_LEAST)
		verdict_add(v, VERDICT_BAD, "nginx limits",
		    "worker_connections is %ld, which one address can use up: "
		    "set worker_connections %d in events { } of nginx.conf",
		    connections, CONNECTIONS_LEAST);
	else if (files < connections)
		verdict_add(v, VERDICT_BAD, "nginx limits",
		    "a process of nginx may not open as many files as it has "
		    "connections: set worker_rlimit_nofile %ld at the top of "
		    "nginx.conf",
		    2 * connections);
	else
		verdict_add(v, VERDICT_OK, "nginx limits",
		    "%ld connections for each process", connections);
}

/* A longer backlog than this is cut in silence. */
void
inspect_backlog(struct verdict *v)
{
	FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");
	long most = LISTENER_BACKLOG;
	char line[32];

	if (f != NULL && fgets(line, sizeof line, f) != NULL)
		most = strtol(line, NULL, 10);
	if (f != NULL)
		fclose(f);
	if (most < LISTENER_BACKLOG)
		verdict_add(v, VERDICT_WARNING, "backlog",
		    "net.core.somaxconn is %ld, so that nginx answers 502 when "
		    "many devices come at once: set it to %d",
		    most, LISTENER_BACKLOG);
	else
		verdict_add(v, VERDICT_OK, "backlog",
		    "%d requests may wait for a program", LISTENER_BACKLOG);
}

void
inspect_nginx_secret(struct verdict *v, const struct conf *conf)
{
	char secret[SECRET_TOKEN_TEXT];
	int r = file_check_secret(conf->nginx_secret);

	if (r == OK)
		r = nginx_secret_load(conf->nginx_secret, secret);
	secret_wipe(secret, sizeof secret);
	verdict_of(v, r, "nginx secret", "%s", conf->nginx_secret);
}

/* Does nginx send what the programs expect? */
static bool
sends(const struct conf *conf, const char *text)
{
	char secret[SECRET_TOKEN_TEXT];
	bool found;

	found = nginx_secret_load(conf->nginx_secret, secret) == OK &&
	    strstr(text, secret) != NULL;
	secret_wipe(secret, sizeof secret);
	return found;
}

static void
check_text(struct verdict *v, const struct conf *conf, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		if (strstr(text, needed[i].text) == NULL) {
			verdict_add(v, VERDICT_BAD, "nginx",
			    "its configuration lacks our locations: %s",
			    needed[i].missing);
			return;
		}
	}
	if (!sends(conf, text)) {
		verdict_add(v, VERDICT_BAD, "nginx",
		    "its configuration lacks the secret in %s: let "
		    "attestmdm-fastcgi.conf include this file, and reload "
		    "nginx",
		    conf->nginx_secret);
		return;
	}
	verdict_add(v, VERDICT_OK, "nginx",
	    "its configuration is sound and "
	    "has our locations");
	limits(v, text);
}

/* The last line that is about a fault. */
static void
fault(struct verdict *v, char *text)
{
	char *line, *next, *last = text;

	for (line = text; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		if (strstr(line, "[emerg]") != NULL)
			last = line;
	}
	verdict_add(v, VERDICT_BAD, "nginx", "%s", last);
}

void
inspect_nginx(
    struct verdict *v, const struct conf *conf, const char *nginx_conf)
{
	const char *argv[] = { "nginx", "-T", NULL, NULL, NULL };
	struct buf out;
	int status, r;

	if (nginx_conf != NULL) {
		argv[2] = "-c";
		argv[3] = nginx_conf;
	}
	buf_init(&out, NGINX_OUTPUT_MAX);
	if ((r = probe_run(argv, &out, &status)) != OK)
		verdict_of(v, r, "nginx", "cannot be run");
	else if (status == 127)
		verdict_add(v, VERDICT_WARNING, "nginx",
		    "is not installed on this machine, or not in PATH");
	else if (status != 0 && out.n > 0)
		fault(v, (char *)out.p);
	else if (status != 0)
		verdict_add(v, VERDICT_BAD, "nginx", "nginx -T fails silently");
	else
		check_text(v, conf, buf_str(&out));
	buf_wipe(&out);
}

