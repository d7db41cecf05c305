#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 2048

static const char *program_name = "attestmdm";
static enum log_priority least_urgent = LOG_INFO;
static char request_id[64];
static char request_address[64];
static char last_reason[512];

void
log_open(const char *program, enum log_priority least)
{
	program_name = program;
	least_urgent = least;
}

void
log_request(const char *id, const char *address)
{
	request_id[0] = request_address[0] = '\0';
	if (id != NULL)
		log_escape(blob_str(id), request_id, sizeof request_id);
	if (address != NULL)
		log_escape(blob_str(address), request_address,
		    sizeof request_address);
}

const char *
log_request_id(void)
{
	return request_id;
}

const char *
log_request_address(void)
{
	return request_address;
}

const char *
log_program(void)
{
	return program_name;
}

void
log_escape(struct blob in, char *out, size_t outlen)
{
	char shown[UTF8_SHOWN];
	size_t at, n, o = 0;

	for (at = 0; at < in.n; o += n) {
		/*
		 * or an escape could not be told from text that looks like one
		 */
		bool backslash = in.p[at] == '\\';

		at += utf8_show(in, at, shown);
		if (backslash)
			memcpy(shown, "\\x5c", sizeof "\\x5c");
		n = strlen(shown);
		if (o + n >= outlen)
			break;
		memcpy(out + o, shown, n);
	}
	out[o] = '\0';
}

/* One write() per line, so that lines of many processes do not mix. */
static void
emit(enum log_priority prio, const char *text)
{
	char line[LINE_MAX_BYTES + 256];
	size_t n;

	if (prio > least_urgent)
		return;
	n = (size_t)snprintf(line, sizeof line, "<%d>%s[%d]%s%s: %s\n",
	    (int)prio, program_name, (int)getpid(), request_id[0] ? " " : "",
	    request_id, text);
	/* nobody could be told of a failure */
	if (n < sizeof line && write(STDERR_FILENO, line, n) < 0)
		return;
}

void
log_line(enum log_priority prio, const char *fmt, ...)
{
	char raw[LINE_MAX_BYTES / 4], safe[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	log_escape(blob_str(raw), safe, sizeof safe);
	emit(prio, safe);
}

void
log_fail(const char *file, int line, const char *func, int code,
    const char *fmt, ...)
{
	char raw[sizeof last_reason], text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	log_escape(blob_str(raw), last_reason, sizeof last_reason);
	snprintf(text, sizeof text, "%s: %s (%s, %s:%d)", err_name(code),
	    last_reason, func, file, line);
	emit((enum log_priority)err_priority(code), text);
}

const char *
log_reason(void)
{
	return last_reason;
}

void
log_restate_reason(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_reason, sizeof last_reason, fmt, ap);
	va_end(ap);
}

void
log_forget_reason(void)
{
	last_reason[0] = '\0';
}
