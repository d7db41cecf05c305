#include "mdm/report.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/plistmend.h"

/* The body as it is when it needs no repair, else its repaired copy. */
static int
repair(struct blob body, struct report *out)
{
	size_t changes;

	if (body.n > REPORT_PLIST_MAX)
		return fail(ERR_TOO_LARGE, "it has %zu bytes, more than %u",
		    body.n, REPORT_PLIST_MAX);
	buf_init(&out->repaired, REPORT_PLIST_MAX);
	changes = plistmend(body, &out->repaired);
	if (buf_status(&out->repaired) != OK)
		return fail(buf_status(&out->repaired),
		    "its repaired form has more than %u bytes",
		    REPORT_PLIST_MAX);
	out->plist = changes > 0 ? buf_blob(&out->repaired) : body;
	if (changes > 0)
		snprintf(out->note, sizeof out->note,
		    "changed in %zu places that XML or property lists do not "
		    "allow",
		    changes);
	return OK;
}

static int
take_whole(struct in_plist *doc, struct message *m, struct report *out)
{
	const char *status, *uuid;
	int r;

	if ((r = message_take(doc, m)) == OK &&
	    (r = message_text(m, "Status", sizeof out->status - 1, &status)) ==
		OK &&
	    (r = message_text(m, "CommandUUID", sizeof out->uuid - 1, &uuid)) ==
		OK) {
		memcpy(out->status, status, strlen(status) + 1);
		memcpy(out->uuid, uuid, strlen(uuid) + 1);
	}
	return r;
}

static int
take_head(struct blob body, struct message *m, struct report *out)
{
	struct plisthead_member all[] = { { .key = "CommandUUID" },
		{ .key = "Status" }, { .key = "UDID" }, { .key = "UserID" },
		{ .key = "EnrollmentID" } };

	(void)plisthead_find(body, all, sizeof all / sizeof all[0]);
	if (strlen(all[0].text) < sizeof out->uuid)
		memcpy(out->uuid, all[0].text, strlen(all[0].text) + 1);
	if (strlen(all[1].text) < sizeof out->status)
		memcpy(out->status, all[1].text, strlen(all[1].text) + 1);
	return message_take_head(&all[2], &all[3], &all[4], m);
}

int
report_read(struct blob body, struct message *m, struct report *out)
{
	struct in_plist *doc = NULL;
	int r;

	*out = (struct report){ .plist = { NULL, 0 } };
	*m = (struct message){ .udid = "" };
	if ((r = repair(body, out)) == OK &&
	    (r = in_plist_parse(out->plist, REPORT_PLIST_MAX, &doc)) == OK)
		return take_whole(doc, m, out);
	if (r == ERR_NOMEM)
		return r;
	out->plist = blob_of(NULL, 0);
	snprintf(
	    out->note, sizeof out->note, "not stored: %.200s", log_reason());
	return take_head(body, m, out);
}

void
report_too_large(struct report *out)
{
	*out = (struct report){ .plist = { NULL, 0 } };
	snprintf(out->note, sizeof out->note,
	    "not stored: it is larger than the server receives");
}

void
report_release(struct report *r)
{
	buf_release(&r->repaired);
	*r = (struct report){ .plist = { NULL, 0 } };
}
