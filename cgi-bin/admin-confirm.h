/* "Do you mean it?": a page between a form and what is hard to undo. */
#ifndef ADMIN_CONFIRM_H
#define ADMIN_CONFIRM_H

#include "admin-page.h"

struct admin_confirm {
	const char *heading;
	/* whom or what it is done to; a device may have written it */
	const char *subject;
	/* what it means */
	const char *text;
	/* the word on the button */
	const char *act;
	/* where Cancel leads */
	const char *back;
	/* fields of the form to send again; the last is NULL */
	const char *const *fields;
};

/* Was that page answered? */
bool admin_confirm_given(const struct form *form);

/* Asks; the answer is the same form, sent to the same path. */
int admin_confirm_send(struct admin_app *app, const struct req *req,
    const struct form *form, const struct admin_confirm *confirm,
    struct resp *resp);

#endif
