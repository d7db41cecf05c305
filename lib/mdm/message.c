#include "mdm/message.h"

#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define USER_ID_MAX 255

static const char hexes[] = "0123456789abcdefABCDEF-";

static int
refuse_user_enrollment(void)
{
	return fail(ERR_MDM_MESSAGE,
	    "the message is of a user enrollment, which is not offered");
}

static int
set_udid(struct message *m, const char *udid)
{
	size_t i;

	if (udid[0] == '\0' || strlen(udid) >= sizeof m->udid ||
	    udid[strspn(udid, hexes)] != '\0')
		return fail(ERR_MDM_MESSAGE,
		    "the message's UDID of %zu bytes is malformed",
		    strlen(udid));
	for (i = 0; udid[i] != '\0'; i++)
		m->udid[i] = (char)toupper((unsigned char)udid[i]);
	return OK;
}

int
message_take(struct in_plist *doc, struct message *out)
{
	const char *udid, *user;
	int r;

	*out = (struct message){ .doc = doc, .root = in_plist_root(doc) };
	out->user_channel = in_plist_get(out->root, "UserID") != NULL;
	if (in_plist_get(out->root, "EnrollmentID") != NULL)
		r = refuse_user_enrollment();
	else if (in_plist_string(out->root, "UDID", &udid) != OK)
		r = fail(ERR_MDM_MESSAGE, "the message has no UDID");
	else if ((r = set_udid(out, udid)) == OK &&
	    (r = message_text(out, "UserID", USER_ID_MAX, &user)) == OK &&
	    user[strspn(user, hexes)] != '\0')
		r = fail(ERR_MDM_MESSAGE, "the UserID is malformed");
	if (r != OK)
		message_release(out);
	return r;
}

int
message_parse(struct blob body, size_t max, struct message *out)
{
	struct in_plist *doc;
	int r = in_plist_parse(body, max, &doc);

	*out = (struct message){ .udid = "" };
	if (r == OK)
		r = message_take(doc, out);
	return r == ERR_MALFORMED ? ERR_MDM_MESSAGE : r;
}

int
message_take_head(const struct plisthead_member *udid,
    const struct plisthead_member *user,
    const struct plisthead_member *enrollment, struct message *out)
{
	*out = (struct message){ .user_channel = user->present };
	if (enrollment->present)
		return refuse_user_enrollment();
	return udid->text[0] == '\0' ? OK : set_udid(out, udid->text);
}

bool
message_is_checkin(struct blob body)
{
	struct plisthead_member type = { .key = "MessageType" };

	return plisthead_find(body, &type, 1) == OK && type.present;
}

void
message_release(struct message *m)
{
	in_plist_free(m->doc);
	*m = (struct message){ .udid = "" };
}

int
message_text(
    const struct message *m, const char *key, size_t max, const char **out)
{
	const char *s;
	int r;

	*out = "";
	r = in_plist_string(m->root, key, &s);
	if (r == OK && strlen(s) <= max)
		*out = s;
	else if (r != ERR_NOT_FOUND)
		return fail(ERR_MDM_MESSAGE, "%s is not a usable text", key);
	return OK;
}

int
message_data(
    const struct message *m, const char *key, size_t max, struct blob *out)
{
	struct blob data;
	int r;

	*out = blob_of("", 0);
	r = in_plist_data(m->root, key, &data);
	if (r == OK && data.n <= max)
		*out = data;
	else if (r != ERR_NOT_FOUND)
		return fail(ERR_MDM_MESSAGE, "%s is not usable data", key);
	return OK;
}
