#include "admin-api-hosts.h"

#include <string.h>

#include "admin/admin_host.h"
#include "base/log.h"
#include "store/host_list.h"

static void
write_members(const struct host *h, struct out_json *w)
{
	out_json_string(w, "id", h->id);
	out_json_string(w, "serial_number", h->device.serial);
	admin_api_http_string(w, "udid", h->device.udid);
	admin_api_http_string(w, "name", h->device_name);
	admin_api_http_string(w, "model", h->model);
	admin_api_http_string(w, "model_name", h->model_name);
	admin_api_http_string(w, "product", h->device.product);
	admin_api_http_string(w, "os_version", h->device.os_version);
	admin_api_http_string(w, "build_version", h->device.build_version);
	out_json_string(w, "state", hosts_state_name(h->state));
	out_json_bool(w, "mdm_enrollment_hardware_attested", hosts_is_attested(h));
	admin_api_http_string(w, "account", h->account);
	out_json_bool(w, "can_be_pushed", h->push_token_len > 0);
	out_json_bool(w, "has_bootstrap_token", h->has_bootstrap_token);
	admin_api_http_time(w, "created_at", h->created_at);
	admin_api_http_time(w, "enrolled_at", h->enrolled_at);
	admin_api_http_time(w, "last_seen_at", h->last_seen_at);
	admin_api_http_time(w, "certificate_ends_at", h->certificate_ends_at);
}

static int
read_attested(struct admin_api *api, enum host_attested *out)
{
	bool attested;
	int r;

	*out = HOST_ANY;
	if (form_get(api->query, "attested") == NULL)
		return OK;
	r = admin_api_http_flag(api, "attested", &attested);
	if (r == OK)
		*out = attested ? HOST_ATTESTED : HOST_NOT_ATTESTED;
	return r;
}

static int
read_state(struct admin_api *api, const char **out)
{
	*out = form_get(api->query, "state");
	if (*out == NULL)
		return OK;
	for (size_t i = 0; i < HOSTS_STATES; i++)
		if (strcmp(hosts_states[i], *out) == 0)
			return OK;
	return fail(admin_api_http_field(api, ERR_FIELD, "state"),
	    "there is no state \"%.32s\"", *out);
}

/* "serial", or "-serial" for descending order. */
static int
read_sort(struct admin_api *api, struct host_filter *f)
{
	const char *text = form_get(api->query, "sort");

	if (text == NULL)
		return OK;
	f->descending = *text == '-';
	if (host_list_find_sort(text + f->descending, &f->sort))
		return OK;
	return fail(admin_api_http_field(api, ERR_FIELD, "sort"),
	    "hosts are not sorted by \"%.32s\"", text);
}

static int
read_filter(
    struct admin_api *api, const char *products[2], struct host_filter *f)
{
	int r;

	*f = (struct host_filter){
		.search = form_text(api->query, "search"),
		.os_version = form_text(api->query, "os_version"),
	};
	products[0] = form_get(api->query, "product");
	products[1] = NULL;
	if (products[0] != NULL)
		f->products = products;
	if ((r = read_attested(api, &f->attested)) != OK ||
	    (r = read_state(api, &f->state)) != OK ||
	    (r = read_sort(api, f)) != OK ||
	    (r = admin_api_http_limit(api, &f->limit, &f->cursor)) != OK)
		return r;
	return admin_api_http_number(api, "certificate_ends_before", 1,
	    INT64_C(99999999999), 0, &f->certificate_ends_before);
}

/* What host_list_load() may have refused; read_filter() has checked the rest. */
static const char *
refused_field(const struct admin_api *api)
{
	return form_get(api->query, "cursor") != NULL ? "cursor" : "search";
}

int
admin_api_hosts_list(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "search", "attested", "state",
		"product", "os_version", "certificate_ends_before", "sort",
		"limit", "cursor", NULL };
	struct admin_api *api = p;
	const char *products[2];
	struct host_filter filter;
	struct host_list hosts;
	struct out_json w;
	int r;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = read_filter(api, products, &filter)) != OK)
		return r;
	r = host_list_load(api->context.db, &filter, &hosts);
	if (r == ERR_FIELD)
		return fail(admin_api_http_field(api, r, refused_field(api)),
		    "the cursor is of another list, or the search is not "
		    "valid");
	if (r != OK)
		return r;
	admin_api_http_open(&w, resp);
	out_json_open_array(&w, "hosts");
	for (size_t i = 0; i < hosts.n; i++) {
		out_json_open_object(&w, NULL);
		write_members(&hosts.rows[i], &w);
		out_json_close_object(&w);
	}
	out_json_close_array(&w);
	admin_api_http_string(&w, "next", hosts.next);
	host_list_release(&hosts);
	return admin_api_http_send(&w, 200, resp);
}

static void
write_certificate(const struct certificate *c, struct out_json *w)
{
	out_json_open_object(w, "certificate");
	out_json_string(w, "id", c->id);
	admin_api_http_hex(w, "sha256", blob_of(c->sha256, sizeof c->sha256));
	admin_api_http_hex(w, "serial_number",
	    blob_of(c->serial_number, c->serial_number_len));
	out_json_string(w, "state", certificates_state_name(c->state));
	out_json_string(w, "method", c->order_id[0] != '\0' ? "acme" : "scep");
	admin_api_http_time(w, "not_before", c->not_before);
	admin_api_http_time(w, "not_after", c->not_after);
	out_json_close_object(w);
}

static void
write_renewal(const struct admin_host_details *d, struct out_json *w)
{
	bool open = d->renewal.enrollment_id[0] != '\0';

	out_json_open_object(w, "renewal");
	out_json_bool(w, "open", open);
	admin_api_http_time(w, "opened_at", open ? d->renewal.opened_at : 0);
	admin_api_http_time(w, "due_at", d->renewal_due_at);
	out_json_int(w, "failures", d->renewal.failures);
	admin_api_http_string(w, "last_error", d->renewal.last_error);
	admin_api_http_time(w, "next_try_at", d->renewal.next_try_at);
	out_json_close_object(w);
}

/* What Apple attested when the certificate was made. */
static void
write_evidence(const struct attestation_row *a, struct out_json *w)
{
	out_json_open_object(w, "attestation");
	admin_api_http_time(w, "verified_at", a->verified_at);
	admin_api_http_string(w, "os_version", a->os_version);
	admin_api_http_string(w, "sepos_version", a->sepos_version);
	admin_api_http_string(w, "sip", a->sip);
	admin_api_http_string(w, "secure_boot", a->secure_boot);
	admin_api_http_string(w, "kernel_extensions", a->kernel_extensions);
	out_json_close_object(w);
}

static int
write_details(struct admin_api *api, const struct host *h, struct out_json *w)
{
	struct admin_host_details d;
	int r = admin_host_load(api->context.conf, api->context.db, h, &d);

	if (r == OK && d.has_certificate)
		write_certificate(&d.certificate, w);
	else
		out_json_null(w, "certificate");
	if (r == OK && d.has_certificate && h->state == HOST_ENROLLED)
		write_renewal(&d, w);
	else
		out_json_null(w, "renewal");
	if (r == OK && d.has_evidence)
		write_evidence(&d.evidence, w);
	else
		out_json_null(w, "attestation");
	admin_host_release(&d);
	return r;
}

static int
send_host(struct admin_api *api, const struct req *req, struct resp *resp)
{
	struct out_json w;
	struct host h;
	int r;

	r = admin_host_find(api->context.db, req_path_param(req, "host"), &h);
	if (r != OK)
		return r;
	admin_api_http_open(&w, resp);
	write_members(&h, &w);
	if ((r = write_details(api, &h, &w)) != OK)
		return r;
	return admin_api_http_send(&w, 200, resp);
}

int
admin_api_hosts_show(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;
	int r = admin_api_http_no_query(api, req);

	return r == OK ? send_host(api, req, resp) : r;
}

static int
change(void *p, const struct req *req,
    int (*act)(
	const struct admin_actor *actor, const char *const *names, int n),
    struct resp *resp)
{
	static const char *const none[] = { NULL };
	const char *name = req_path_param(req, "host");
	struct admin_api *api = p;
	struct admin_actor actor = admin_api_http_actor(api);
	struct json *body = NULL;
	int r;

	if ((r = admin_api_http_no_query(api, req)) == OK &&
	    (r = admin_api_http_body(api, req, none, true, &body)) == OK)
		r = act(&actor, &name, 1);
	in_json_free(body);
	return r == OK ? send_host(api, req, resp) : r;
}

int
admin_api_hosts_block(void *app, const struct req *req, struct resp *resp)
{
	return change(app, req, admin_host_block, resp);
}

int
admin_api_hosts_unblock(void *app, const struct req *req, struct resp *resp)
{
	return change(app, req, admin_host_unblock, resp);
}

int
admin_api_hosts_delete(void *p, const struct req *req, struct resp *resp)
{
	const char *name = req_path_param(req, "host");
	struct admin_api *api = p;
	struct admin_actor actor = admin_api_http_actor(api);
	int r;

	if ((r = admin_api_http_no_query(api, req)) != OK ||
	    (r = admin_host_delete(&actor, &name, 1)) != OK)
		return r;
	resp->status = 204;
	return OK;
}
