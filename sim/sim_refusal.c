#include <stdio.h>

#include "sim/sim_refusal.h"

void
sim_refusal_init(struct sim_refusal *r)
{
	r->step = NULL;
	r->status = 0;
	buf_init(&r->body, (size_t)32 << 20);
}

void
sim_refusal_release(struct sim_refusal *r)
{
	buf_release(&r->body);
}

int
sim_refusal_set(
    struct sim_refusal *r, const char *step, const struct sim_http_reply *reply)
{
	r->step = step;
	r->status = reply->status;
	buf_reset(&r->body);
	buf_add_blob(&r->body, buf_blob(&reply->body));
	return ERR_UNAUTHORIZED;
}

void
sim_refusal_print(const struct sim_refusal *r)
{
	if (r->step == NULL)
		return;
	printf("refused at %s: HTTP %d\n%s\n", r->step, r->status,
	    buf_str(&r->body));
}
