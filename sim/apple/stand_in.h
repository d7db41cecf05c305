/*
 * What the stand-ins for Apple's services share: a folder with their CA and
 * certificate, a script that tests write, and logs that tests read.
 *
 * The script is the file `script` in the folder, one JSON object a line. It is
 * read whenever it grows and before every answer, so that a line counts from
 * the moment it is written. A line with the member "answer" is an answer that
 * waits for its request:
 *
 *	answer   what it is for, as the service says
 *	times    how often; 1 if absent, 0 for ever
 *
 * {"clear":true} forgets all of them. Other lines go to the service.
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <json-c/json.h>

#include "sim/apple/tls_server.h"

struct stand_in {
	const char *dir; /* borrowed */
	struct tls_server server;
	off_t script_at;      /* how much of the script was read */
	json_object *answers; /* those that wait, oldest first */
	void (*apply)(void *arg, json_object *line);
	void *arg; /* of apply */
};

/*
 * Makes the folder with CA (ca.pem) and server certificate (server.pem, for
 * 127.0.0.1 and localhost) unless they are there; reads the script from its
 * beginning; listens as tls_server_open() does.
 */
int stand_in_open(struct stand_in *s, const struct tls_service *service,
    const char *client_ca, long port);

/* Prints the port on standard output, and serves until SIGTERM. */
int stand_in_run(struct stand_in *s);
void stand_in_release(struct stand_in *s);

/* Reads what is new in the script. */
void stand_in_read_script(struct stand_in *s);

/*
 * Takes the oldest answer that is meant for `what`, or for the word that stands
 * for everything of its kind; json_object_put() it. NULL when there is none.
 */
json_object *stand_in_take(
    struct stand_in *s, const char *what, const char *everything);

/* Appends an object as a line to a file of the folder, and frees it. */
void stand_in_log(const char *dir, const char *file, json_object *line);

/* Members of a line: the text, or `other`; the number, or `other`. */
const char *stand_in_text(
    json_object *line, const char *name, const char *other);
int64_t stand_in_number(json_object *line, const char *name, int64_t other);

#endif
