#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/inspect.h"
#include "bin/probe.h"

#define NGINX_OUTPUT_MAX (4 * 1024 * 1024)

/* Nobody runs this before it was written. */
#define NOT_BEFORE 1790000000

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

static void
inspect_nginx_text(struct verdict *v, const char *text)
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
		inspect_nginx_text(v, buf_str(&out));
	buf_release(&out);
}

void
inspect_clock(struct verdict *v, const struct conf *conf)
{
	struct timex state = { .modes = 0 };
	char now[CLOCK_TEXT];

	clock_people(clock_now(), now);
	if (*conf->clock_offset_file != '\0')
		verdict_add(v, VERDICT_TEST, "clock", "MOVED by %s: it says %s",
		    conf->clock_offset_file, now);
	else if (time(NULL) < NOT_BEFORE)
		verdict_add(
		    v, VERDICT_BAD, "clock", "it is wrong: it says %s", now);
	else if (adjtimex(&state) == TIME_ERROR && (state.status & STA_UNSYNC))
		verdict_add(v, VERDICT_WARNING, "clock",
		    "nothing keeps it right: it says %s", now);
	else
		verdict_add(v, VERDICT_OK, "clock", "%s", now);
}
