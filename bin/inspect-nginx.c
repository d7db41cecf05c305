#include <string.h>

#include "base/log.h"
#include "bin/inspect.h"
#include "bin/probe.h"
#include "ca/file.h"
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
};

void
inspect_nginx_secret(struct verdict *v, const struct conf *conf)
{
	char secret[SECRET_TOKEN_TEXT];
	int r = file_check_secret(conf->nginx_secret);

	if (r == OK)
		r = nginx_secret_load(conf->nginx_secret, secret);
	secret_wipe(secret, sizeof(secret));
	verdict_of(v, r, "nginx secret", "%s", conf->nginx_secret);
}

/* Does nginx send what the programs expect? */
static bool
inspect_nginx_sends(const struct conf *conf, const char *text)
{
	char secret[SECRET_TOKEN_TEXT];
	bool found;

	found = nginx_secret_load(conf->nginx_secret, secret) == OK &&
	    strstr(text, secret) != NULL;
	secret_wipe(secret, sizeof(secret));
	return found;
}

static void
inspect_nginx_text(
    struct verdict *v, const struct conf *conf, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (strstr(text, needed[i].text) == NULL) {
			verdict_add(v, VERDICT_BAD, "nginx",
			    "its configuration lacks our locations: %s",
			    needed[i].missing);
			return;
		}
	}
	if (!inspect_nginx_sends(conf, text)) {
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
}

/* The last line that is about a fault. */
static void
inspect_nginx_fault(struct verdict *v, char *text)
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
		inspect_nginx_fault(v, (char *)out.p);
	else if (status != 0)
		verdict_add(v, VERDICT_BAD, "nginx", "nginx -T fails silently");
	else
		inspect_nginx_text(v, conf, buf_str(&out));
	buf_wipe(&out);
}

