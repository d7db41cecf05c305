/*
 * One HTTP request as it came through FastCGI or CGI. All strings belong to
 * the request, are never NULL unless said, and live as long as it does.
 */
#ifndef WEB_REQ_H
#define WEB_REQ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"

#define REQ_PATH_PARAMS 4
#define REQ_TARGET_MAX  16384

struct req_path_param {
	const char *name; /* of the route's pattern, without the colon */
	size_t name_len;
	char *value;
};

struct req {
	const char *method;
	/* The request target exactly as the client wrote it, undecoded. */
	const char *target;
	/* Its part before '?', undecoded, and the part after it, or "". */
	const char *path;
	const char *query;
	const char *content_type;
	const char *remote_address;
	const char *id;
	struct blob body;

	/* Of req.c and route.c only. */
	char *const *envp;
	char *path_copy;
	char *id_copy;
	unsigned char *body_bytes;
	size_t body_left;
	struct req_path_param path_params[REQ_PATH_PARAMS];
	size_t path_param_count;
};

/* Reads up to n bytes: their number, 0 at the end, negative on failure. */
typedef long req_reader(void *arg, void *p, size_t n);

/*
 * Takes the parameters in envp ("NAME=value", NULL at the end), which must
 * outlive the request. ERR_MALFORMED when the target is missing, too long or
 * holds bytes no URL has, when CONTENT_LENGTH is no number, or when a
 * parameter that names somebody (HTTP_MDM_SIGNATURE,
 * HTTP_X_APPLE_ASPEN_DEVICEINFO, MDM_CLIENT_CERT, HTTP_AUTHORIZATION,
 * HTTP_COOKIE, HTTP_IF_MATCH, CONTENT_TYPE, CONTENT_LENGTH,
 * REQUEST_URI, REMOTE_ADDR, REQUEST_METHOD) comes twice. On failure the
 * request holds empty strings and must still be released.
 */
int req_init(struct req *req, char *const *envp);
void req_release(struct req *req);

/*
 * Reads the body into req->body. A body longer than max, by its announced
 * length or by its bytes, is ERR_TOO_LARGE; a shorter one than announced is
 * ERR_MALFORMED. Without a CONTENT_LENGTH there is no body.
 */
int req_read_body(struct req *req, size_t max, req_reader *reader, void *arg);

/*
 * Reads and drops what is left of the announced body, so that nginx can finish
 * sending it before it gets the answer.
 */
void req_drain(struct req *req, req_reader *reader, void *arg);

/* A FastCGI parameter by its name, such as "MDM_CLIENT_CERT"; NULL if unset. */
const char *req_param(const struct req *req, const char *name);

/* A header by its usual name, such as "Mdm-Signature"; NULL if absent. */
const char *req_header(const struct req *req, const char *name);

/*
 * A parameter of the route's pattern ("enrollment" for ":enrollment"): 1 to
 * 128 characters of the base64url alphabet. The name must be in the pattern.
 */
const char *req_path_param(const struct req *req, const char *name);

/* The content type is `type`, letter case aside, without any parameter. */
bool req_type_is(const struct req *req, const char *type);

/* The same, but parameters such as "; charset=UTF-8" may follow. */
bool req_media_type_is(const struct req *req, const char *type);

/*
 * Does the header Accept take this media type, by its name or by a wildcard?
 * Weights do not count. True without the header (RFC 9110 section 12.5.1).
 */
bool req_accepts(const struct req *req, const char *type);

bool req_method_is(const struct req *req, const char *method);

#endif
