#include <stdio.h>
#include <stdlib.h>

#include "admin/admin_certificate.h"
#include "base/log.h"
#include "bin/authorities.h"
#include "bin/cmd.h"
#include "bin/paging.h"
#include "bin/view.h"
#include "wire/x509.h"

static const struct view_column list_columns[] = {
	{ "id", "CERTIFICATE", VIEW_TEXT },
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "state", "STATE", VIEW_TEXT },
	{ "hardware_attested", "ATTESTED", VIEW_BOOL },
	{ "not_after", "EXPIRES", VIEW_TIME },
	{ "sha256", NULL, VIEW_TEXT },
	{ "enrollment_id", NULL, VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static const struct view_column columns[] = {
	{ "id", "Certificate", VIEW_TEXT },
	{ "serial", "Device", VIEW_TEXT },
	{ "state", "State", VIEW_TEXT },
	{ "hardware_attested", "Attested", VIEW_BOOL },
	{ "purpose", "Purpose", VIEW_TEXT },
	{ "serial_number", "Serial number", VIEW_TEXT },
	{ "sha256", "SHA-256", VIEW_TEXT },
	{ "spki_sha256", "SHA-256 of the key", VIEW_TEXT },
	{ "issuer_key_id", "Issuer's key", VIEW_TEXT },
	{ "enrollment_id", "Enrollment", VIEW_TEXT },
	{ "order_id", "Order", VIEW_TEXT },
	{ "not_before", "Valid from", VIEW_TIME },
	{ "not_after", "Valid until", VIEW_TIME },
	{ "first_used_at", "First used", VIEW_TIME },
	{ "revoked_at", "Revoked", VIEW_TIME },
	{ "revocation_reason", "Reason", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
load(struct cli *cli, const struct paging *p, struct certificate_list *list)
{
	const char *serial = cli_option(cli, "serial");
	struct certificate_filter filter = { .search =
						 cli_option(cli, "search"),
		.revoked = cli_flag(cli, "revoked"),
		.cursor = p->after,
		.limit = p->limit };

	return serial != NULL
	    ? certificates_list_by_serial(cli->db, serial, list)
	    : certificates_list(cli->db, &filter, list);
}

static int
list_part(struct cli *cli, struct view *v, struct paging *p, void *context)
{
	struct certificate_list list;
	const struct certificate *c;
	size_t i;
	int r = load(cli, p, &list);

	(void)context;
	if (r != OK)
		return r;
	for (i = 0; i < list.n; i++) {
		c = &list.rows[i];
		view_text(v, c->id);
		view_text(v, c->serial);
		view_text(v, certificates_state_name(c->state));
		view_bool(v, c->hardware_attested);
		view_time(v, c->not_after);
		view_hex(v, blob_of(c->sha256, sizeof c->sha256));
		view_text(v, c->enrollment_id);
	}
	paging_took(p, list.n, list.next);
	certificates_list_release(&list);
	return OK;
}

static int
cert_list(struct cli *cli)
{
	return paging_show(cli, list_columns, list_part, NULL, "certificates",
	    paging_is_filtered(cli)
		? "No certificate matches."
		: "No certificate was issued yet. A device gets one when it "
		  "enrolls.");
}

static int
record(struct cli *cli, const struct certificate *c)
{
	bool revoked = c->state == CERTIFICATE_REVOKED;
	struct view *v = view_new(columns);
	int r;

	view_text(v, c->id);
	view_text(v, c->serial);
	view_text(v, certificates_state_name(c->state));
	view_bool(v, c->hardware_attested);
	view_text(v, enrollments_purpose_name(c->purpose));
	view_hex(v, blob_of(c->serial_number, c->serial_number_len));
	view_hex(v, blob_of(c->sha256, sizeof c->sha256));
	view_hex(v, blob_of(c->spki_sha256, sizeof c->spki_sha256));
	view_hex(v, blob_of(c->issuer_key_id, c->issuer_key_id_len));
	view_text(v, c->enrollment_id);
	view_text(v, c->order_id);
	view_time(v, c->not_before);
	view_time(v, c->not_after);
	view_time(v, c->first_used_at);
	view_time(v, c->revoked_at);
	view_text(v,
	    revoked ? admin_certificate_reason_name(c->revocation_reason) : "");
	r = view_record(cli, v);
	view_free(v);
	return r;
}

static int
show(struct cli *cli)
{
	struct certificate c;
	struct buf pem;
	int r;

	if ((r = admin_certificate_find(cli->db, cli->arguments[0], &c)) != OK)
		return r;
	buf_init(&pem, 65536);
	if ((r = x509_write_pem(c.der, &pem)) != OK)
		goto done;
	if (cli_flag(cli, "pem") && !cli->json)
		fputs(buf_str(&pem), stdout);
	else
		r = record(cli, &c);
	out_json_string(&cli->out, "pem", buf_str(&pem));
done:
	buf_release(&pem);
	certificates_release(&c);
	return r;
}

static bool
same_issuer(const struct certificate *a, const struct certificate *b)
{
	return blob_eq(blob_of(a->issuer_key_id, a->issuer_key_id_len),
	    blob_of(b->issuer_key_id, b->issuer_key_id_len));
}

/*
 * One list of each CA that signed any of them. The programs refuse the
 * certificates from now on, list or no list.
 */
static void
publish(struct cli *cli, const struct certificate *all)
{
	struct authorities_one one;
	bool done = true;
	int i, before;

	for (i = 0; i < cli->count && done; i++) {
		for (before = 0; before < i; before++) {
			if (same_issuer(&all[before], &all[i]))
				break;
		}
		if (before < i)
			continue;
		done =
		    authorities_find(&cli->conf,
			blob_of(all[i].issuer_key_id, all[i].issuer_key_id_len),
			&one)
		    ? authorities_publish(&one, &cli->conf) == OK
		    : fail(ERR_NOT_FOUND, "no CA here signed it") == OK;
	}
	out_json_bool(&cli->out, "crl_published", done);
	if (!done)
		cli_say(cli,
		    "The revocation list is not published yet (%s);\nthe timer "
		    "does so within a minute.",
		    log_reason());
}

static void
say_revoked(struct cli *cli, const struct certificate *all)
{
	int i;

	out_json_open_array(&cli->out, "ids");
	for (i = 0; i < cli->count; i++) {
		out_json_string(&cli->out, NULL, all[i].id);
		cli_say(cli, "Certificate %s of %s is revoked.", all[i].id,
		    all[i].serial);
	}
	out_json_close_array(&cli->out);
}

static int
revoke(struct cli *cli)
{
	struct certificate *all;
	int reason, r, n = 0;

	if ((r = admin_certificate_reason(
		 cli_option(cli, "reason"), &reason)) != OK)
		return r;
	all = calloc((size_t)cli->count, sizeof *all);
	if (all == NULL)
		return fail(ERR_NOMEM, "no memory for the certificates");
	while (n < cli->count && r == OK) {
		if ((r = admin_certificate_find(
			 cli->db, cli->arguments[n], &all[n])) == OK)
			n++;
	}
	if (r == OK &&
	    (r = admin_certificate_revoke(&cli->admin, all, n, reason)) == OK) {
		say_revoked(cli, all);
		publish(cli, all);
	}
	while (n > 0)
		certificates_release(&all[--n]);
	free(all);
	return r;
}

static const struct cli_option list_options[] = {
	{ "serial", "SERIAL", "of this device", 0 },
	{ "search", "TEXT", "a whole id, or what a serial number begins with",
	    0 },
	{ "revoked", NULL, "revoked ones, the last revoked first", 0 },
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option show_options[] = {
	{ "pem", NULL, "print the certificate itself", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option revoke_options[] = {
	{ "reason", "WORD", "why, as RFC 5280 calls it (unspecified)", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "list",
	    .help = "lists identity certificates, newest first",
	    .options = list_options,
	    .needs = CLI_READ,
	    .run = cert_list },
	{ .name = "show",
	    .arguments = "CERTIFICATE",
	    .help = "shows one, by id, SHA-256 or serial number",
	    .options = show_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_READ,
	    .run = show },
	{ .name = "revoke",
	    .arguments = "CERTIFICATE...",
	    .help = "revokes them for ever and publishes the revocation list",
	    .options = revoke_options,
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = revoke },
	{ .run = NULL },
};

const struct cli_noun cmd_cert = {
	"cert",
	"Identity certificates of devices",
	verbs,
};
