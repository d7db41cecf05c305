#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#define BUF_FIRST 256

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof *b);
	b->max = max;
}

void
buf_release(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void
buf_wipe(struct buf *b)
{
	secret_wipe(b->p, b->cap);
	buf_release(b);
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->status = OK;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL. */
static int
reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap > 0 ? b->cap : BUF_FIRST;
	uint8_t *p;

	if (b->status != OK)
		return b->status;
	if (n > b->max || b->n > b->max - n)
		return b->status = ERR_TOO_LARGE;
	if (b->n + n < b->cap)
		return OK;
	while (cap <= b->n + n)
		cap *= 2;
	if ((p = malloc(cap)) == NULL)
		return b->status = ERR_NOMEM;
	if (b->n > 0)
		memcpy(p, b->p, b->n);
	/* No realloc: what was moved away may have been a secret. */
	secret_wipe(b->p, b->cap);
	free(b->p);
	b->p = p;
	b->cap = cap;
	return OK;
}

int
buf_add(struct buf *b, const void *p, size_t n)
{
	int r = reserve(b, n);

	if (r != OK)
		return r;
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
	return OK;
}

int
buf_add_blob(struct buf *b, struct blob x)
{
	return buf_add(b, x.p, x.n);
}

int
buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_add_byte(struct buf *b, uint8_t c)
{
	return buf_add(b, &c, 1);
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n, r;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	/* a text that vsnprintf() cannot count is too large for any buffer */
	if ((r = reserve(b, (size_t)n)) == OK) {
		vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
	va_end(ap);
	return r;
}

int
buf_status(const struct buf *b)
{
	return b->status;
}

struct blob
buf_blob(const struct buf *b)
{
	return blob_of(b->p, b->n);
}

const char *
buf_str(const struct buf *b)
{
	return b->p != NULL ? (const char *)b->p : "";
}

uint8_t *
buf_steal(struct buf *b, size_t *n)
{
	uint8_t *p = b->p;

	*n = b->n;
	b->p = NULL;
	buf_init(b, b->max);
	return p;
}
