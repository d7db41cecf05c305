#include "mdm/message.h"

#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define USER_ID_MAX 255

static const char hexes[] = "0123456789abcdefABCDEF-";

static int
read_udid(struct message *m)
{
	const char *udid;
	size_t i;

	if (in_plist_get(m->root, "EnrollmentID") != NULL)
		return fail(ERR_MDM_MESSAGE,
		    "the message is of a user enrollment, which is not "
		    "offered");
	if (in_plist_string(m->root, "UDID", &udid) != OK)
		return fail(ERR_MDM_MESSAGE, "the message has no UDID");
	if (udid[0] == '\0' || strlen(udid) >= sizeof(m->udid) ||
	    udid[strspn(udid, hexes)] != '\0')
		return fail(ERR_MDM_MESSAGE,
		    "the message has a UDID of %zu bytes that is none",
		    strlen(udid));
	for (i = 0; udid[i] != '\0'; i++)
		m->udid[i] = (char)toupper((unsigned char)udid[i]);
	return OK;
}

static int
read_user(struct message *m)
{
	const char *user;
	int r;

	if ((r = message_text(m, "UserID", USER_ID_MAX, &user)) != OK)
		return r;
	m->user_channel = in_plist_get(m->root, "UserID") != NULL;
	if (user[strspn(user, hexes)] != '\0')
		return fail(ERR_MDM_MESSAGE, "the UserID is none");
	return OK;
}

int
message_parse(struct blob body, size_t max, struct message *out)
{
	struct message m = { .udid = "" };
	int r;

	*out = (struct message){ .udid = "" };
	r = in_plist_parse(body, max, &m.doc);
	if (r != OK)
		return r == ERR_MALFORMED ? ERR_MDM_MESSAGE : r;
	m.root = in_plist_root(m.doc);
	if ((r = read_udid(&m)) != OK || (r = read_user(&m)) != OK) {
		message_release(&m);
		return r;
	}
	*out = m;
	return OK;
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
	if (r == ERR_NOT_FOUND)
		return OK;
	if (r != OK || strlen(s) > max)
		return fail(ERR_MDM_MESSAGE, "%s is not a usable text", key);
	*out = s;
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
	if (r == ERR_NOT_FOUND)
		return OK;
	if (r != OK || data.n > max)
		return fail(ERR_MDM_MESSAGE, "%s is not usable data", key);
	*out = data;
	return OK;
}
