/* Where and how a server refused, to be shown to a person or a test. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "sim/client/http.h"

struct refusal {
	const char *step; /* static text; NULL: nothing was refused */
	int status;
	struct buf body;
};

void refusal_init(struct refusal *r);
void refusal_release(struct refusal *r);

/* Notes it and returns ERR_UNAUTHORIZED, which ends the run. */
int refusal_set(struct refusal *r, const char *step, const struct http *http);

/* "refused at STEP: HTTP STATUS" and the answer, on standard output. */
void refusal_print(const struct refusal *r);

#endif
