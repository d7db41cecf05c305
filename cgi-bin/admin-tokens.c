#include "admin-tokens.h"

#include <stdlib.h>
#include <string.h>

#include "admin-confirm.h"
#include "admin/admin_token.h"
#include "base/clock.h"
#include "base/log.h"

#define PATH "/admin/tokens"

static bool
is_active(const struct api_token *t)
{
	return t->revoked_at == 0 && t->expires_at > clock_now();
}

static void
fill_token(struct tmpl_row *row, const struct api_token *t)
{
	tmplrow_set(row, "name", t->name);
	tmplrow_set(row, "role", admin_role_name(t->role));
	tmplrow_set(row, "state", api_tokens_state_name(t, clock_now()));
	tmplrow_set(row, "created_by", t->created_by);
	tmplrow_flag(row, "forged", !t->authentic);
	tmplrow_flag(row, "active", is_active(t));
	admin_page_time(row, "created_at", t->created_at);
	admin_page_time(row, "expires_at", t->expires_at);
	admin_page_time(row, "last_used_at", t->last_used_at);
}

/* Those after the name in the URL, as many as a page has. */
static void
fill_rows(
    struct admin_page *page, const struct api_token_list *list, bool ended)
{
	const char *after = form_text(page->query, "after"), *last = "";
	size_t shown = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct api_token *t = &list->rows[i];

		if (strcmp(t->name, after) <= 0 || (!ended && !is_active(t)))
			continue;
		if (shown++ == ADMIN_PAGE_ROWS) {
			admin_page_link(page->row, "next",
			    ended ? PATH "?all=1" : PATH, "after", last);
			break;
		}
		fill_token(tmplrow_add(page->row, "tokens"), t);
		last = t->name;
	}
	tmplrow_flag(page->row, "any", shown > 0);
	if (*after != '\0')
		tmplrow_set(
		    page->row, "first_url", ended ? PATH "?all=1" : PATH);
}

/* `typed` is a form that was refused, or NULL. */
static int
fill_list(struct admin_page *page, const struct form *typed)
{
	bool ended = form_get(page->query, "all") != NULL;
	const char *role = typed != NULL ? form_text(typed, "role") : "";
	struct api_token_list list;
	int r = api_tokens_list(page->app->context.db, &list);

	if (r != OK)
		return r;
	fill_rows(page, &list, ended);
	api_tokens_list_release(&list);
	tmplrow_flag(page->row, "all", ended);
	tmplrow_setf(page->row, "days_max", "%d", ADMIN_TOKEN_DAYS_MAX);
	tmplrow_setf(page->row, "days", "%d", ADMIN_TOKEN_DAYS);
	tmplrow_set(page->row, "new_name", "");
	if (typed != NULL) {
		tmplrow_set(page->row, "new_name", form_text(typed, "name"));
		tmplrow_set(page->row, "days", form_text(typed, "days"));
	}
	admin_page_roles(page->row,
	    *role != '\0' ? role : admin_role_name(ADMIN_ROLE_OBSERVER));
	return OK;
}

/* `code` is why something was not done, or OK. */
static int
show_list(struct admin_app *app, const struct req *req, int code,
    const struct form *typed, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init_for(&page, app, req, ADMIN_CHANGE_ADMINS)) ==
		OK &&
	    (r = fill_list(&page, typed)) == OK) {
		admin_page_problem(&page, code);
		tmplrow_flag(page.row, "in_admins", true);
		r = admin_page_send(&page, "tokens", "API tokens", resp);
	}
	admin_page_release(&page);
	return r;
}

int
admin_tokens_list(void *app, const struct req *req, struct resp *resp)
{
	return show_list(app, req, OK, NULL, resp);
}

static int
read_days(const struct form *form, int *days)
{
	const char *text = form_text(form, "days");
	char *end;
	long n = strtol(text, &end, 10);

	*days = 0;
	if (*text < '0' || *text > '9' || *end != '\0' || n < 1 ||
	    n > ADMIN_TOKEN_DAYS_MAX)
		return fail(ERR_FIELD, "a token lives 1 to %d days",
		    ADMIN_TOKEN_DAYS_MAX);
	*days = (int)n;
	return OK;
}

static int
create(const struct admin_actor *actor, const struct form *form,
    char text[API_TOKENS_TEXT], int *days)
{
	enum admin_role role;
	int r;

	*days = 0;
	if ((r = admin_actor_check(actor, ADMIN_CHANGE_ADMINS)) != OK ||
	    (r = admin_role_find(form_text(form, "role"), &role)) != OK ||
	    (r = read_days(form, days)) != OK)
		return r;
	return admin_token_create(
	    actor, form_text(form, "name"), role, *days, text);
}

/* The one answer that has the token: loading it again is refused the name. */
static int
send_new(struct admin_page *page, const struct form *form, int days,
    const char *text, struct resp *resp)
{
	tmplrow_set(page->row, "name", form_text(form, "name"));
	tmplrow_set(page->row, "role", form_text(form, "role"));
	tmplrow_set(page->row, "token", text);
	admin_page_time(
	    page->row, "expires_at", clock_now() + (int64_t)days * 86400);
	tmplrow_flag(page->row, "in_admins", true);
	return admin_page_send(page, "token-new", "New API token", resp);
}

int
admin_tokens_create(void *app, const struct req *req, struct resp *resp)
{
	char text[API_TOKENS_TEXT] = "";
	struct admin_actor actor;
	struct session session;
	struct admin_page page;
	struct form *form;
	int days, r, code = OK;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	if ((r = admin_page_init(&page, app, req)) == OK) {
		actor = admin_page_actor(app, &session);
		code = create(&actor, form, text, &days);
		r = code == OK ? send_new(&page, form, days, text, resp) : code;
	}
	secret_wipe(text, sizeof text);
	admin_page_release(&page);
	if (code != OK && admin_page_shows(code))
		r = show_list(app, req, code, form, resp);
	form_free(form);
	return r;
}

/* Once the page that asks was answered. */
static int
revoke(struct admin_app *app, const struct req *req,
    const struct session *session, const struct form *form, struct resp *resp)
{
	static const char *const fields[] = { "name", NULL };
	const char *name = form_text(form, "name");
	struct admin_actor actor = admin_page_actor(app, session);
	int r;

	if ((r = admin_actor_check(&actor, ADMIN_CHANGE_ADMINS)) != OK)
		return r;
	if (!admin_confirm_given(form))
		return admin_confirm_send(app, req, form,
		    &(struct admin_confirm){
			.heading = "Revoke this API token?",
			.subject = name,
			.text = "Whatever uses it is refused from then on. "
				"This cannot be undone, and another token "
				"needs another name.",
			.act = "Revoke",
			.back = PATH,
			.fields = fields },
		    resp);
	r = admin_token_revoke(&actor, &name, 1);
	return r == OK ? resp_redirect(resp, PATH) : r;
}

int
admin_tokens_revoke(void *app, const struct req *req, struct resp *resp)
{
	struct session session;
	struct form *form;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	r = revoke(app, req, &session, form, resp);
	form_free(form);
	return r != OK && admin_page_shows(r)
	    ? show_list(app, req, r, NULL, resp)
	    : r;
}
