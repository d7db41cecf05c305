/*
 * Reads the answers of the device enrollment service of Apple Business (Apple:
 * "Device assignment"). Unknown members are ignored, those of another type than
 * Apple documents are refused: ERR_ADE_ANSWER, logged. Texts are borrowed from
 * the document.
 */
#ifndef WIRE_IN_ADE_H
#define WIRE_IN_ADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"

/* Bytes of one answer: a thousand devices have some 700 KiB. */
#define IN_ADE_ANSWER_MAX ((size_t)4 << 20)
/* Devices of one page. */
#define IN_ADE_PAGE_MAX 5000
/* Room for a cursor, a session token and an error word, with the NUL. */
#define IN_ADE_CURSOR_TEXT  1025
#define IN_ADE_SESSION_TEXT 1025
#define IN_ADE_WORD_TEXT    65
#define IN_ADE_UUID_TEXT    65
#define IN_ADE_NAME_TEXT    129
/* Without the NUL. */
#define IN_ADE_SERIAL_MAX 64

struct json;

enum in_ade_op {
	/* of a full fetch, which says none */
	IN_ADE_LISTED,
	IN_ADE_ADDED,
	IN_ADE_MODIFIED,
	IN_ADE_DELETED,
};

struct in_ade_device {
	/* "" when it is none: not 1 to 64 letters, digits and '-' */
	const char *serial;
	const char *model;
	const char *description;
	const char *color;
	const char *device_family;
	/* "" when it has none, whatever else the record says */
	const char *profile_uuid;
	const char *profile_status;
	enum in_ade_op op;
	/* seconds since 1970; 0: absent or unreadable */
	int64_t op_date;
	int64_t assigned_date;
};

struct in_ade_page {
	struct json *doc;
	const struct json *devices;
	/* of the array */
	size_t n;
	char cursor[IN_ADE_CURSOR_TEXT];
	bool more_to_follow;
};

/*
 * A page of POST /server/devices or POST /devices/sync. All of its devices are
 * read once, so that in_ade_device() does not fail later. Free it with
 * in_ade_page_release(), after a failure too.
 */
int in_ade_page(struct blob text, struct in_ade_page *out);
void in_ade_page_release(struct in_ade_page *page);
int in_ade_device(
    const struct in_ade_page *page, size_t i, struct in_ade_device *out);

/* GET /session. The token is fit for a header field. */
int in_ade_session(struct blob text, char out[IN_ADE_SESSION_TEXT]);

/* May this text be a session token? */
bool in_ade_is_session(const char *text);

struct in_ade_server {
	char uuid[IN_ADE_UUID_TEXT];
	char name[IN_ADE_NAME_TEXT];
	char organization[IN_ADE_NAME_TEXT];
	/* devices of one page of a full fetch; 0: it does not say */
	int64_t page_max;
};

/* GET /account. */
int in_ade_server(struct blob text, struct in_ade_server *out);

/* POST /profile: the new profile's UUID. */
int in_ade_profile(struct blob text, char out[IN_ADE_UUID_TEXT]);

struct in_ade_results {
	struct json *doc;
	struct json *devices;
	/* 0: it does not say */
	int64_t retry_after_seconds;
};

/*
 * PUT /profile/devices, and POST /devices. Free with in_ade_results_release(),
 * after a failure too.
 */
int in_ade_results(struct blob text, struct in_ade_results *out);
void in_ade_results_release(struct in_ade_results *results);

/* Of an assignment: "SUCCESS" and so on; "" when the answer leaves it out. */
int in_ade_result(const struct in_ade_results *results, const char *serial,
    char out[IN_ADE_WORD_TEXT]);

/*
 * Of POST /devices: what Apple has for a device. *accessible is false when it
 * is not ours to ask for, or the answer leaves it out.
 */
int in_ade_details(const struct in_ade_results *results, const char *serial,
    struct in_ade_device *out, bool *accessible);

/*
 * The word in the body of a refusal, bare or in quotes, such as EXPIRED_CURSOR;
 * of a longer body a word that we know; else "".
 */
void in_ade_word(struct blob body, char out[IN_ADE_WORD_TEXT]);

#endif
