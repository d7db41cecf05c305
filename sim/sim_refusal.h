/* Where and how a server refused, to be shown to a person or a test. */
#ifndef SIM_REFUSAL_H
#define SIM_REFUSAL_H

#include "sim/sim_http.h"

struct sim_refusal {
	const char *step; /* static text; NULL: nothing was refused */
	int status;
	struct buf body;
};

void sim_refusal_init(struct sim_refusal *r);
void sim_refusal_release(struct sim_refusal *r);

/* Notes it and returns ERR_UNAUTHORIZED, which ends the run. */
int sim_refusal_set(struct sim_refusal *r, const char *step,
    const struct sim_http_reply *reply);

/* "refused at STEP: HTTP STATUS" and the answer, on standard output. */
void sim_refusal_print(const struct sim_refusal *r);

#endif
