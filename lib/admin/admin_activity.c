#include "admin/admin_activity.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "wire/out_json.h"
#include "wire/rfc3339.h"

#define DAY       86400
#define DAY_CHARS 10

/* RFC 5424 section 6: MSGID is up to 32 visible ASCII characters. */
#define MSGID_TEXT 33

/* RFC 5424 section 6.2.1: facility (log audit) times 8, plus severity. */
#define FACILITY (13 * 8)
#define NOTICE   5
#define WARNING  4

int
admin_activity_time(const char *text, bool is_end, int64_t *out)
{
	bool is_day = text != NULL && strlen(text) == DAY_CHARS;
	char day[CLOCK_TEXT];
	int r;

	*out = 0;
	if (text == NULL || *text == '\0')
		return OK;
	snprintf(day, sizeof day, "%.10sT00:00:00Z", text);
	r = rfc3339_read(blob_str(is_day ? day : text), out);
	if (r != OK)
		return fail(ERR_FIELD,
		    "%s is not a time: give a day, such as 2026-11-23, or "
		    "2026-11-23T21:30:00Z",
		    text);
	if (is_day && is_end)
		*out += DAY;
	return OK;
}

static void
write_members(struct out_json *json, const struct activity *a)
{
	char at[CLOCK_TEXT];
	struct buf hash;

	buf_init(&hash, 2 * SECRET_SHA256);
	if (a->chained)
		enc_hex(blob_of(a->hash, sizeof a->hash), &hash);
	clock_rfc3339(a->at, at);
	out_json_int(json, "id", a->id);
	out_json_string(json, "at", at);
	out_json_string(json, "actor", a->actor);
	out_json_string(json, "remote", a->remote);
	out_json_string(json, "request", a->request);
	out_json_string(json, "action", a->action);
	out_json_string(json, "serial", a->serial);
	out_json_string(json, "before", a->before);
	out_json_string(json, "after", a->after);
	out_json_string(json, "detail", a->detail);
	/* an entry outside of the chain has none */
	if (a->chained)
		out_json_string(json, "hash", buf_str(&hash));
	else
		out_json_null(json, "hash");
	buf_release(&hash);
}

int
admin_activity_json(const struct activity *a, struct buf *out)
{
	struct out_json json;

	out_json_init(&json, out);
	out_json_open_object(&json, NULL);
	write_members(&json, a);
	out_json_close_object(&json);
	return out_json_end(&json);
}

static void
msgid(const char *action, char out[MSGID_TEXT])
{
	size_t i;

	for (i = 0; i < MSGID_TEXT - 1 && action[i] != '\0'; i++)
		out[i] = action[i] > ' ' && action[i] < 0x7f ? action[i] : '?';
	out[i] = '\0';
	if (i == 0)
		snprintf(out, MSGID_TEXT, "-");
}

int
admin_activity_syslog(
    const struct activity *a, const char *host, struct buf *out)
{
	bool warns = !a->chained || strcmp(a->action, "alarm.raise") == 0;
	char at[CLOCK_TEXT], id[MSGID_TEXT];
	int r;

	clock_rfc3339(a->at, at);
	msgid(a->action, id);
	r = buf_printf(out, "<%d>1 %s %.255s attestmdm - %s - ",
	    FACILITY + (warns ? WARNING : NOTICE), at,
	    *host == '\0' ? "-" : host, id);
	return r == OK ? admin_activity_json(a, out) : r;
}
