#include "link-page.h"

#include <string.h>

#include "base/err.h"
#include "web/tmplset.h"

#define POLICY                                                                 \
	"default-src 'none'; style-src 'self'; img-src 'self'; "               \
	"form-action 'self'; "                                                 \
	"frame-ancestors 'none'; base-uri 'none'"

int
link_page_init(struct link_page *page, const struct conf *conf)
{
	int r;

	*page = (struct link_page){ .conf = conf };
	if ((r = tmplset_load(conf->templates, &page->tmpl)) != OK)
		return r;
	return stylesheet_load(conf, &page->style);
}

void
link_page_release(struct link_page *page)
{
	tmpl_free(page->tmpl);
	stylesheet_release(&page->style);
}

static int
render(const struct link_page *page, int code, struct buf *out)
{
	struct tmpl_row *row = tmplrow_new();
	int r;

	tmplrow_set(row, "organization", page->conf->organization);
	tmplrow_set(row, "style_version", page->style.version);
	tmplrow_flag(row, "usable", code == OK);
	tmplrow_set(row, "problem", code == OK ? "" : err_text(code));
	r = tmpl_render(page->tmpl, "manual", row, out);
	tmplrow_free(row);
	return r;
}

int
link_page_send(const struct link_page *page, int code, struct resp *resp)
{
	struct buf html;
	int r;

	if (code != OK && err_http_status(code) >= 500)
		return code;
	if ((r = resp_set(resp, "Content-Security-Policy", POLICY)) != OK)
		return r;
	buf_init(&html, RESP_BODY_MAX);
	if ((r = render(page, code, &html)) == OK)
		r = resp_body(resp, code == OK ? 200 : err_http_status(code),
		    "text/html; charset=utf-8", buf_blob(&html));
	buf_release(&html);
	return r;
}
