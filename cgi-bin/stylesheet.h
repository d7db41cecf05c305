/* The one style sheet of all pages, templates/style.css, and their icon. */
#ifndef STYLESHEET_H
#define STYLESHEET_H

#include "base/conf.h"
#include "web/resp.h"

struct stylesheet {
	struct buf text;
	/* Changes with the text, so that browsers may keep it. */
	char version[17];
};

/* ERR_IO. Released in any case. */
int stylesheet_load(const struct conf *conf, struct stylesheet *out);
void stylesheet_release(struct stylesheet *s);

/* Answers with it, for browsers to keep a week. */
int stylesheet_send(const struct stylesheet *s, struct resp *resp);

/* The same with the icon that browsers show beside a page's title. */
int stylesheet_send_icon(struct resp *resp);

#endif
