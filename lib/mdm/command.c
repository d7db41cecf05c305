#include "mdm/command.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "mdm/command_types.h"
#include "wire/in_plist.h"
#include "wire/out_plist.h"

/* OS 27 removed SoftwareUpdateDeviceID, and nobody misses the answer. */
static const char *const usual_queries[] = { "UDID", "SerialNumber",
	"DeviceName", "Model", "ModelName", "ProductName", "OSVersion",
	"BuildVersion", "IsAppleSilicon", "IsSupervised", "HostName",
	"ProvisioningUDID" };

void
command_text_init(struct command_text *t)
{
	*t = (struct command_text){ .uuid = "" };
	buf_init(&t->plist, COMMANDS_PLIST_MAX);
}

void
command_text_release(struct command_text *t)
{
	buf_release(&t->plist);
}

static bool
is_word(const char *s)
{
	size_t n;

	for (n = 0; s[n] != '\0'; n++)
		if (!isalnum((unsigned char)s[n]))
			return false;
	return n > 0 && n < DB_NAME_TEXT;
}

static bool
is_uuid(const char *s)
{
	size_t i;

	for (i = 0; i < SECRET_UUID_TEXT - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return s[i] == '\0';
}

/* Starts the document: RequestType and a fresh CommandUUID. */
static struct out_plist_node *
start(struct out_plist *doc, const char *request_type, struct command_text *out)
{
	struct out_plist_node *root = out_plist_root(doc), *command;

	secret_uuid(out->uuid);
	snprintf(
	    out->request_type, sizeof out->request_type, "%s", request_type);
	command = out_plist_dict(root, "Command");
	out_plist_string(command, "RequestType", request_type);
	out_plist_string(root, "CommandUUID", out->uuid);
	return command;
}

int
command_device_information(
    const char *const *queries, size_t n, struct command_text *out)
{
	struct out_plist *doc;
	struct out_plist_node *array;
	size_t i;
	int r;

	if (n == 0) {
		queries = usual_queries;
		n = sizeof usual_queries / sizeof usual_queries[0];
	}
	for (i = 0; i < n; i++)
		if (!is_word(queries[i]))
			return fail(ERR_FIELD,
			    "\"%s\" is not the name of a query", queries[i]);
	doc = out_plist_new();
	array =
	    out_plist_array(start(doc, "DeviceInformation", out), "Queries");
	for (i = 0; i < n; i++)
		out_plist_string(array, NULL, queries[i]);
	r = out_plist_write(doc, &out->plist);
	out_plist_free(doc);
	return r;
}

int
command_simple(const char *request_type, struct command_text *out)
{
	struct out_plist *doc;
	int r;

	if (!is_word(request_type))
		return fail(ERR_FIELD, "\"%s\" is not the name of a command",
		    request_type);
	doc = out_plist_new();
	start(doc, request_type, out);
	r = out_plist_write(doc, &out->plist);
	out_plist_free(doc);
	return r;
}

static int
read_names(const struct in_plist_node *root, struct command_text *out)
{
	const struct in_plist_node *command;
	const char *type, *uuid;

	if (in_plist_dict(root, "Command", &command) != OK ||
	    in_plist_string(command, "RequestType", &type) != OK ||
	    !is_word(type))
		return fail(
		    ERR_FIELD, "the command has no Command with a RequestType");
	snprintf(out->request_type, sizeof out->request_type, "%s", type);
	/* passwords and challenges hide in a profile in many forms */
	out->needs_client_certificate = strcmp(type, "InstallProfile") == 0;
	if (in_plist_get(root, "CommandUUID") == NULL) {
		secret_uuid(out->uuid);
		return OK;
	}
	if (in_plist_string(root, "CommandUUID", &uuid) != OK || !is_uuid(uuid))
		return fail(
		    ERR_FIELD, "the command's CommandUUID is not a UUID");
	snprintf(out->uuid, sizeof out->uuid, "%s", uuid);
	return OK;
}

/*
 * Copies a document that was read, with a CommandUUID added at the end of its
 * root. Not by way of libplist's tree, which does not write every number as it
 * read it.
 */
static int
copy_with_uuid(struct blob plist, struct command_text *out)
{
	static const char end[] = "</dict>";
	size_t at = plist.n - strlen(end);

	/* The last </dict> is the root's: only </plist> comes after it. */
	while (memcmp(plist.p + at, end, strlen(end)) != 0)
		at--;
	buf_add(&out->plist, plist.p, at);
	buf_printf(&out->plist, "<key>CommandUUID</key><string>%s</string>",
	    out->uuid);
	return buf_add(&out->plist, plist.p + at, plist.n - at);
}

int
command_read(struct blob plist, struct command_text *out)
{
	const struct in_plist_node *root;
	struct in_plist *doc = NULL;
	int r;

	if ((r = in_plist_parse(plist, COMMANDS_PLIST_MAX, &doc)) != OK)
		return r;
	root = in_plist_root(doc);
	if ((r = read_names(root, out)) == OK)
		r = in_plist_get(root, "CommandUUID") != NULL
		    ? buf_add_blob(&out->plist, plist)
		    : copy_with_uuid(plist, out);
	in_plist_free(doc);
	return r;
}

int
command_enqueue(struct db *db, const char *host_id,
    const struct command_text *t, int priority, const char *created_by)
{
	struct command c = { .plist = buf_blob(&t->plist),
		.priority = priority,
		.needs_client_certificate = t->needs_client_certificate };

	memcpy(c.uuid, t->uuid, sizeof c.uuid);
	memcpy(c.request_type, t->request_type, sizeof c.request_type);
	snprintf(c.host_id, sizeof c.host_id, "%s", host_id);
	snprintf(c.created_by, sizeof c.created_by, "%s", created_by);
	return commands_enqueue(db, &c);
}

int
command_check_keys(const struct command_text *t)
{
	const struct command_type *e = command_types_find(t->request_type);
	struct in_plist *doc = NULL;
	const char *missing;
	int r;

	if (e == NULL)
		return OK;
	if ((r = in_plist_parse(
		 buf_blob(&t->plist), COMMANDS_PLIST_MAX, &doc)) != OK)
		return r;
	missing = command_types_missing(
	    e, in_plist_get(in_plist_root(doc), "Command"));
	if (missing != NULL)
		r = fail(
		    ERR_FIELD, "%s needs %s in its Command", e->type, missing);
	in_plist_free(doc);
	return r;
}
