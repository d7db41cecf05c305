/*
 * Lists of hosts: filtered, sorted, page by page. A page costs the same whatever
 * the number of hosts.
 */
#ifndef STORE_HOST_LIST_H
#define STORE_HOST_LIST_H

#include "store/cursor.h"
#include "store/hosts.h"

/* The most rows of one page. */
#define HOST_LIST_MAX 500

/* A filter that finds more hosts than this leaves the order; see `unsorted`. */
#define HOST_LIST_SORTED 1000

/* How many hosts are looked at for one page. */
#define HOST_LIST_LOOKED_AT 4000

/* About how many texts are read for one page of a search, beyond those found. */
#define HOST_LIST_SEARCHED 5000

enum host_attested { HOST_ANY, HOST_ATTESTED, HOST_NOT_ATTESTED };

enum host_sort {
	HOST_BY_SERIAL,
	/* the first 40 characters, whatever their case */
	HOST_BY_NAME,
	/* last_seen_at */
	HOST_BY_CONTACT,
	/* enrolled_at; those that did not complete it come first */
	HOST_BY_ENROLLMENT,
	/* those without a certificate come first */
	HOST_BY_CERTIFICATE_END,
};

#define HOST_SORTS (HOST_BY_CERTIFICATE_END + 1)

struct host_filter {
	/*
	 * A part of serial number, UDID, name, model or product, whatever its
	 * case. One letter has to begin one of these, two letters a word there.
	 * NULL and "" find all.
	 */
	const char *search;
	/* of enrolled hosts only, unless HOST_ANY */
	enum host_attested attested;
	/* in this state only: a name of hosts_state_name(); NULL and "": any */
	const char *state;
	/* what product_name begins with, such as "iPhone" or "Mac15,3"; any of
	 * these, ended by NULL; NULL: any */
	const char *const *products;
	/* "14": 14 and 14.1.2, not 140; NULL and "": any */
	const char *os_version;
	/* has a certificate that ends before; 0: whenever */
	int64_t certificate_ends_before;
	enum host_sort sort;
	bool descending;
	/* `next` of the page before, of the same filter; NULL and "": from the
	 * beginning */
	const char *cursor;
	/* at most HOST_LIST_MAX */
	int limit;
};

struct host_list {
	struct host *rows;
	size_t n;
	/* "" after the last page */
	char next[CURSOR_TEXT];
	/*
	 * There are fewer rows than asked for, perhaps none, because so many
	 * hosts, or texts to search, were looked at; `next` goes on.
	 */
	bool partial;
	/* So many match the search, or may do, that they come in the order of
	 * their first enrollment. */
	bool unsorted;
};

/* The sort of this word in URLs and options; false: no such word. */
bool host_list_find_sort(const char *name, enum host_sort *out);

/*
 * Each host is in one page at most, and one that did not change meanwhile in
 * exactly one. ERR_FIELD: the cursor, the state or the search cannot be (not
 * UTF-8).
 */
int host_list_load(
    struct db *db, const struct host_filter *filter, struct host_list *out);
void host_list_release(struct host_list *list);

#endif
