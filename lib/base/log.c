#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/log.h"

#define LINE_MAX_BYTES 2048

static const char *program_name = "attestmdm";
static enum log_priority least_urgent = LOG_INFO;
static char request_id[64];
static char last_reason[512];

void
log_open(const char *program, enum log_priority least)
{
	program_name = program;
	least_urgent = least;
}

void
log_request(const char *id)
{
	if (id == NULL)
		request_id[0] = '\0';
	else
		log_escape(blob_str(id), request_id, sizeof(request_id));
}

void
log_escape(struct blob in, char *out, size_t outlen)
{
	static const char hex[] = "0123456789abcdef";
	size_t i, o = 0;

	for (i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		bool plain = c >= ' ' && c < 0x7f && c != '\\';
		size_t need = plain ? 1 : 4;

		if (o + need >= outlen)
			break;
		if (plain) {
			out[o++] = (char)c;
			continue;
		}
		out[o++] = '\\';
		out[o++] = 'x';
		out[o++] = hex[c >> 4];
		out[o++] = hex[c & 15];
	}
	out[o] = '\0';
}

/* One write() per line, so that lines of many processes do not mix. */
static void
emit(enum log_priority prio, const char *text)
{
	char line[LINE_MAX_BYTES + 256];
	int n;

	if (prio > least_urgent)
		return;
	n = snprintf(line, sizeof(line), "<%d>%s[%d]%s%s: %s\n", (int)prio,
	    program_name, (int)getpid(), request_id[0] ? " " : "", request_id,
	    text);
	if (n > 0 && (size_t)n < sizeof(line) &&
	    write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

void
log_line(enum log_priority prio, const char *fmt, ...)
{
	char raw[LINE_MAX_BYTES / 4], safe[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	log_escape(blob_str(raw), safe, sizeof(safe));
	emit(prio, safe);
}

void
log_fail(const char *file, int line, const char *func, int code,
    const char *fmt, ...)
{
	char raw[sizeof(last_reason)], text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	log_escape(blob_str(raw), last_reason, sizeof(last_reason));
	snprintf(text, sizeof(text), "%s: %s (%s, %s:%d)", err_name(code),
	    last_reason, func, file, line);
	emit((enum log_priority)err_priority(code), text);
}

const char *
log_reason(void)
{
	return last_reason;
}

void
log_forget_reason(void)
{
	last_reason[0] = '\0';
}
