/* What every page of the administration shares. */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include "admin/admin_actor.h"
#include "stylesheet.h"
#include "store/context.h"
#include "store/sessions.h"
#include "web/form.h"
#include "web/req.h"
#include "web/resp.h"
#include "web/tmpl.h"

#define ADMIN_PAGE_ROWS 25

/* Forms are small; the body of a GET is read and ignored. */
#define ADMIN_PAGE_BODY 16384

struct admin_app {
	struct context context;
	struct tmpl *tmpl;
	struct stylesheet style;
};

/* Hooks of struct web_program. */
int admin_page_load(void *app);
void admin_page_unload(void *app);

/* ERR_SESSION leads to the sign-in page, all else to a page that says it. */
void admin_page_on_error(
    void *app, const struct req *req, int code, struct resp *resp);

/* A signed-in request for a page, with what its URL asks for. */
struct admin_page {
	struct admin_app *app;
	struct session session;
	struct form *query;
	struct tmpl_row *row;
	/* why what was asked for was refused, or OK: the status of the answer */
	int code;
};

/*
 * Checks the session and prepares the values of the layout. ERR_SESSION, or
 * ERR_MALFORMED for a query nobody's browser sends. Always released.
 */
int admin_page_init(
    struct admin_page *page, struct admin_app *app, const struct req *req);
void admin_page_release(struct admin_page *page);

/* The same for a page that not everybody sees. ERR_ROLE. */
int admin_page_init_for(struct admin_page *page, struct admin_app *app,
    const struct req *req, enum admin_permission permission);

/* Answers with a template filled from page->row, with the status of page->code. */
int admin_page_send(const struct admin_page *page, const char *template,
    const char *title, struct resp *resp);

/* A page that only shows what `fill` sets in page->row. */
struct admin_page_view {
	const char *template;
	const char *title;
	/* the flag of its entry in the menu of head.html, such as "in_hosts" */
	const char *section;
	int (*fill)(struct admin_page *page);
};

/* Answers with it: all of the above in one. The codes of admin_page_init() and fill. */
int admin_page_show(struct admin_app *app, const struct req *req,
    const struct admin_page_view *view, struct resp *resp);

/*
 * `problem` and `problem_advice`: why what was asked for was refused, for
 * templates/problem.html. OK sets them to "". Becomes page->code.
 */
void admin_page_problem(struct admin_page *page, int code);

/*
 * Does a refusal belong on the page whose form was sent? Else it has a page of its
 * own: admin_page_on_error().
 */
bool admin_page_shows(int code);

/* A page without session: signing in, errors. */
int admin_page_send_bare(const struct admin_app *app, const char *template,
    const char *title, int status, struct tmpl_row *row, struct resp *resp);

/*
 * Checks the session, reads the form of a POST and its CSRF token. The caller
 * frees the form.
 */
int admin_page_form(struct admin_app *app, const struct req *req,
    struct session *session, struct form **form);

/* Whoever is signed in, with his role; needs *session as long as it is used. */
struct admin_actor admin_page_actor(
    const struct admin_app *app, const struct session *session);

/* The list `roles` for a choice: `role`, and which one is `chosen`. */
void admin_page_roles(struct tmpl_row *row, const char *chosen);

/* NAME (for people), NAME_iso and NAME_ago; all "" when t is 0. */
void admin_page_time(struct tmpl_row *row, const char *name, int64_t t);

/* Lower-case hex, for fingerprints and certificate numbers. */
void admin_page_hex(struct tmpl_row *row, const char *name, struct blob value);

/* NAME_url: `path` with one query parameter. */
void admin_page_link(struct tmpl_row *row, const char *name, const char *path,
    const char *param, const char *value);

/*
 * `name`: `path` with those of `filters`, which ends with NULL, that the URL has.
 */
void admin_page_filtered(struct admin_page *page, const char *name,
    const char *path, const char *const *filters);

/*
 * The links of a list that goes on with `next` (store/cursor.h), "" at its end:
 * `next_url`, and `first_url` on all but the first page. The parameter `after` of
 * the URL holds the cursor. `filters` ends with NULL and names the query parameters
 * to keep.
 */
void admin_page_cursor(struct admin_page *page, const char *path,
    const char *const *filters, const char *next);

#endif
