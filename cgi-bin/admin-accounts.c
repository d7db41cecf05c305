#include "admin-accounts.h"

#include <string.h>

#include "admin/admin_account.h"
#include "admin/admin_session.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/admins.h"
#include "store/api_tokens.h"
#include "web/session.h"

#define PATH     "/admin/admins"
#define ONE_PATH PATH "/one"

static int
count_open(const struct session_list *sessions, const char *name)
{
	int n = 0;

	for (size_t i = 0; i < sessions->n; i++)
		n += strcmp(sessions->rows[i].admin, name) == 0 &&
		    session_is_open(&sessions->rows[i]);
	return n;
}

static void
fill_admin(struct tmpl_row *row, const struct admin *a,
    const struct session_list *sessions)
{
	tmplrow_set(row, "name", a->name);
	tmplrow_set(row, "role", admin_role_name(a->role));
	tmplrow_flag(row, "forged", !a->authentic);
	tmplrow_flag(row, "disabled", a->disabled_at != 0);
	tmplrow_setf(row, "open", "%d", count_open(sessions, a->name));
	admin_page_time(row, "created_at", a->created_at);
	admin_page_time(row, "disabled_at", a->disabled_at);
	admin_page_link(row, "one", ONE_PATH, "name", a->name);
}

/* Those after the name in the URL, as many as a page has. */
static void
fill_rows(struct admin_page *page, const struct admin_list *list,
    const struct session_list *sessions)
{
	const char *after = form_text(page->query, "after"), *last = "";
	int shown = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->rows[i].name, after) <= 0)
			continue;
		if (shown++ == ADMIN_PAGE_ROWS) {
			admin_page_link(page->row, "next", PATH, "after", last);
			break;
		}
		fill_admin(
		    tmplrow_add(page->row, "admins"), &list->rows[i], sessions);
		last = list->rows[i].name;
	}
	if (*after != '\0')
		tmplrow_set(page->row, "first_url", PATH);
}

/* `typed` is a form that was refused, or NULL. */
static int
fill_list(struct admin_page *page, const struct form *typed)
{
	struct db *db = page->app->context.db;
	struct session_list sessions = { .n = 0 };
	struct admin_list list;
	int r;

	if ((r = admins_list(db, &list)) == OK)
		r = sessions_list(db, clock_now(), &sessions);
	if (r == OK)
		fill_rows(page, &list, &sessions);
	sessions_list_release(&sessions);
	admins_list_release(&list);
	tmplrow_setf(page->row, "password_min", "%d", SESSION_PASSWORD_MIN);
	tmplrow_set(page->row, "new_name",
	    typed != NULL ? form_text(typed, "name") : "");
	admin_page_roles(page->row,
	    typed != NULL ? form_text(typed, "role")
			  : admin_role_name(ADMIN_ROLE_OBSERVER));
	return r;
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
		r = admin_page_send(&page, "admins", "Administrators", resp);
	}
	admin_page_release(&page);
	return r;
}

int
admin_accounts_list(void *app, const struct req *req, struct resp *resp)
{
	return show_list(app, req, OK, NULL, resp);
}

/* The newest; as many as a page has. */
static void
fill_sessions(struct admin_page *page, const struct session_list *sessions,
    const char *name)
{
	const struct session *s;
	struct tmpl_row *row;
	int shown = 0;

	for (size_t i = 0; i < sessions->n && shown < ADMIN_PAGE_ROWS; i++) {
		s = &sessions->rows[i];
		if (strcmp(s->admin, name) != 0 || !session_is_open(s))
			continue;
		shown++;
		row = tmplrow_add(page->row, "sessions");
		tmplrow_set(row, "session", s->id);
		tmplrow_flag(row, "this",
		    memcmp(s->token_mac, page->session.token_mac,
			sizeof s->token_mac) == 0);
		admin_page_time(row, "created_at", s->created_at);
		admin_page_time(row, "last_seen_at", s->last_seen_at);
		admin_page_time(row, "expires_at", s->expires_at);
	}
}

/* They outlive an administrator who is disabled. */
static int
fill_tokens(struct admin_page *page, const char *name)
{
	int64_t n;
	int r = api_tokens_count_by(page->app->context.db, name, &n);

	if (r == OK && n > 0)
		tmplrow_setf(page->row, "tokens", "%lld", (long long)n);
	return r;
}

static int
fill_one(struct admin_page *page, const char *name)
{
	struct db *db = page->app->context.db;
	struct session_list sessions;
	struct admin a;
	int r;

	if ((r = admins_load(db, name, &a)) == OK &&
	    (r = fill_tokens(page, name)) == OK &&
	    (r = sessions_list(db, clock_now(), &sessions)) == OK) {
		fill_admin(page->row, &a, &sessions);
		fill_sessions(page, &sessions, name);
		tmplrow_flag(
		    page->row, "any_open", count_open(&sessions, name) > 0);
		tmplrow_flag(page->row, "more_open",
		    count_open(&sessions, name) > ADMIN_PAGE_ROWS);
		tmplrow_flag(
		    page->row, "self", strcmp(name, page->session.admin) == 0);
		tmplrow_setf(
		    page->row, "password_min", "%d", SESSION_PASSWORD_MIN);
		admin_page_roles(page->row, admin_role_name(a.role));
		sessions_list_release(&sessions);
	}
	secret_wipe(&a, sizeof a);
	return r;
}

static int
show_one(struct admin_app *app, const struct req *req, int code,
    const char *name, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init_for(&page, app, req, ADMIN_CHANGE_ADMINS)) ==
		OK &&
	    (r = fill_one(&page,
		 name != NULL ? name : form_text(page.query, "name"))) == OK) {
		admin_page_problem(&page, code);
		tmplrow_flag(page.row, "in_admins", true);
		r = admin_page_send(&page, "admin", "Administrator", resp);
	}
	admin_page_release(&page);
	return r;
}

int
admin_accounts_show(void *app, const struct req *req, struct resp *resp)
{
	return show_one(app, req, OK, NULL, resp);
}

/* Where the page of one administrator is. */
static int
redirect(const char *name, struct resp *resp)
{
	struct buf url;
	int r;

	buf_init(&url, REQ_TARGET_MAX);
	if ((r = buf_add_str(&url, ONE_PATH "?name=")) == OK &&
	    (r = form_encode(name, &url)) == OK)
		r = resp_redirect(resp, buf_str(&url));
	buf_release(&url);
	return r;
}

static int
read_hash(const struct form *form, char hash[ADMINS_HASH_TEXT])
{
	return session_hash_password(form_text(form, "password"), hash);
}

static int
create(const struct admin_actor *actor, const struct form *form)
{
	char hash[ADMINS_HASH_TEXT];
	enum admin_role role;
	int r;

	if ((r = admin_role_find(form_text(form, "role"), &role)) == OK &&
	    (r = read_hash(form, hash)) == OK)
		r = admin_account_create(
		    actor, form_text(form, "name"), role, hash);
	secret_wipe(hash, sizeof hash);
	return r;
}

static int
set_role(const struct admin_actor *actor, const struct form *form)
{
	enum admin_role role;
	int r = admin_role_find(form_text(form, "role"), &role);

	return r == OK
	    ? admin_account_set_role(actor, form_text(form, "name"), role)
	    : r;
}

/* With a role where another program may have written the one that is there. */
static int
set_password(const struct admin_actor *actor, const struct form *form)
{
	const char *word = form_get(form, "role");
	char hash[ADMINS_HASH_TEXT];
	enum admin_role role;
	int r = word != NULL ? admin_role_find(word, &role) : OK;

	if (r == OK && (r = read_hash(form, hash)) == OK)
		r = admin_account_set_password(actor, form_text(form, "name"),
		    word != NULL ? &role : NULL, hash);
	secret_wipe(hash, sizeof hash);
	return r;
}

static int
disable(const struct admin_actor *actor, const struct form *form)
{
	const char *name = form_text(form, "name");

	return admin_account_disable(actor, &name, 1);
}

static int
enable(const struct admin_actor *actor, const struct form *form)
{
	const char *name = form_text(form, "name");

	return admin_account_enable(actor, &name, 1);
}

static int
sign_out(const struct admin_actor *actor, const struct form *form)
{
	const char *id = form_get(form, "session");
	int ended;

	return id != NULL
	    ? admin_session_end(actor, &id, 1)
	    : admin_session_end_all(actor, form_text(form, "name"), &ended);
}

/* Then the page of the one whom it was about, or why it was not done. */
static int
act(struct admin_app *app, const struct req *req, struct resp *resp,
    int (*what)(const struct admin_actor *actor, const struct form *form))
{
	struct admin_actor actor;
	struct session session;
	struct form *form;
	const char *name;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	name = form_text(form, "name");
	actor = admin_page_actor(app, &session);
	/* before a password costs a hash */
	if ((r = admin_actor_check(&actor, ADMIN_CHANGE_ADMINS)) != OK)
		goto done;
	if ((r = what(&actor, form)) == OK)
		r = redirect(name, resp);
	else if (admin_page_shows(r))
		r = what == create ? show_list(app, req, r, form, resp)
				   : show_one(app, req, r, name, resp);
done:
	form_free(form);
	return r;
}

int
admin_accounts_create(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, create);
}

int
admin_accounts_set_role(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, set_role);
}

int
admin_accounts_set_password(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, set_password);
}

int
admin_accounts_disable(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, disable);
}

int
admin_accounts_enable(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, enable);
}

int
admin_accounts_sign_out(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, sign_out);
}
