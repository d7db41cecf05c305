/*
 * The page behind a one-time link. Looking at it uses nothing up, so that a
 * chat's preview of the link does not; its button gets the profile.
 */
#ifndef LINK_PAGE_H
#define LINK_PAGE_H

#include "base/conf.h"
#include "stylesheet.h"
#include "web/req.h"
#include "web/resp.h"
#include "web/tmpl.h"

struct link_page {
	const struct conf *conf;
	struct tmpl *tmpl;
	struct stylesheet style;
};

/* ERR_IO, ERR_CONFIG. Released in any case. */
int link_page_init(struct link_page *page, const struct conf *conf);
void link_page_release(struct link_page *page);

/*
 * Answers with the page: for OK with the button, for ERR_NOT_FOUND and
 * refusals with what is wrong and its HTTP status. Returns other codes as they
 * are.
 */
int link_page_send(const struct link_page *page, int code, struct resp *resp);

#endif
