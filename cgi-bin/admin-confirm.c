#include "admin-confirm.h"

#include <string.h>

bool
admin_confirm_given(const struct form *form)
{
	return strcmp(form_text(form, "confirmed"), "yes") == 0;
}

static void
fill(struct tmpl_row *row, const struct form *form,
    const struct admin_confirm *confirm)
{
	const char *const *name = confirm->fields;
	struct tmpl_row *field;

	tmplrow_set(row, "heading", confirm->heading);
	tmplrow_set(row, "subject", confirm->subject);
	tmplrow_set(row, "text", confirm->text);
	tmplrow_set(row, "act", confirm->act);
	tmplrow_set(row, "back", confirm->back);
	for (; name != NULL && *name != NULL; name++) {
		field = tmplrow_add(row, "fields");
		tmplrow_set(field, "name", *name);
		tmplrow_set(field, "value", form_text(form, *name));
	}
}

int
admin_confirm_send(struct admin_app *app, const struct req *req,
    const struct form *form, const struct admin_confirm *confirm,
    struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK) {
		fill(page.row, form, confirm);
		tmplrow_set(page.row, "action", req->path);
		r = admin_page_send(&page, "confirm", confirm->heading, resp);
	}
	admin_page_release(&page);
	return r;
}
