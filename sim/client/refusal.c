#include <stdio.h>

#include "sim/client/refusal.h"

void
refusal_init(struct refusal *r)
{
	r->step = NULL;
	r->status = 0;
	buf_init(&r->body, (size_t)32 << 20);
}

void
refusal_release(struct refusal *r)
{
	buf_release(&r->body);
}

int
refusal_set(struct refusal *r, const char *step, const struct http *http)
{
	r->step = step;
	r->status = http->status;
	buf_reset(&r->body);
	buf_add_blob(&r->body, buf_blob(&http->body));
	return ERR_UNAUTHORIZED;
}

void
refusal_print(const struct refusal *r)
{
	if (r->step == NULL)
		return;
	printf("refused at %s: HTTP %d\n%s\n", r->step, r->status,
	    buf_str(&r->body));
}
