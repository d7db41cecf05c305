/* Which hosts the URL of a list asks for, and in what order. */
#ifndef ADMIN_HOST_FILTER_H
#define ADMIN_HOST_FILTER_H

#include "admin-page.h"
#include "store/host_list.h"

/* The query parameters; those that are "" do not count. */
#define ADMIN_HOST_FILTER_FIELDS                                               \
	"q", "state", "attested", "product", "os", "certificate_days", "sort", \
	    "order"

struct admin_host_filter {
	struct host_filter filter;
	/* what filter.products points to */
	const char *products[2];
};

/*
 * Texts stay the query's. `after` is the cursor. ERR_FIELD: a parameter is none of
 * the words or numbers it can be.
 */
int admin_host_filter_read(
    const struct form *query, struct admin_host_filter *out);

/* The fields of the form that chooses them, with what was chosen. */
void admin_host_filter_fill(struct admin_page *page);

#endif
