#include <stdio.h>

#include "base/log.h"
#include "sim/apple/business.h"
#include "sim/apple/openid_provider.h"
#include "sim/apple/push_portal.h"
#include "sim/apple/push_service.h"
#include "sim/apple/server_token.h"
#include "sim/commands/verbs.h"
#include "sim/forge/disk.h"

/* Nothing but options may be left. */
static int
parse(int argc, char **argv, const struct args *table, size_t count)
{
	int r = args_parse(&argc, argv, table, count);

	if (r == OK && argc != 0)
		r = fail(ERR_USAGE, "not understood: %s", argv[0]);
	return r;
}

int
apns_run(int argc, char **argv)
{
	const char *state = "";
	long port = 0;
	const struct args table[] = {
		{ "state", .text = &state, .required = true },
		{ "port", .number = &port },
	};
	int r = parse(argc, argv, table, ARGS_COUNT(table));

	return r == OK ? push_service_run(state, port) : r;
}

int
push_certificate_run(int argc, char **argv)
{
	const char *state = "", *request = "", *output = "-";
	struct push_portal_options options = { .days = 365 };
	long age = 0, days = 365;
	bool sign_only = false, is_signed = false;
	const struct args table[] = {
		{ "state", .text = &state, .required = true },
		{ "request", .text = &request, .required = true },
		{ "sign-only", .flag = &sign_only },
		{ "signed", .flag = &is_signed },
		{ "topic", .text = &options.topic },
		{ "renew", .text = &options.renew },
		{ "days", .number = &days },
		{ "age", .number = &age },
		{ "o", .text = &output },
	};
	SCRATCH_BUF(file);
	SCRATCH_BUF(message);
	SCRATCH_BUF(pem);
	int r = parse(argc, argv, table, ARGS_COUNT(table));

	if (r != OK || (r = disk_read(NULL, request, &file)) != OK)
		return r;
	r = is_signed ? buf_add_blob(&message, buf_blob(&file))
		      : push_portal_sign(state, buf_blob(&file), &message);
	if (r != OK || sign_only)
		return r == OK
		    ? disk_write(NULL, output, buf_blob(&message), 0644)
		    : r;
	options.days = days;
	options.age = age;
	r = push_portal_issue(state, buf_blob(&message), &options, &pem);
	return r == OK ? disk_write(NULL, output, buf_blob(&pem), 0644) : r;
}

int
business_service_run(int argc, char **argv)
{
	struct business_plan plan = { .dir = "",
		.accounts = "example",
		.prefix = "SIM",
		.first = 1,
		.devices = 5000 };
	const struct args table[] = {
		{ "state", .text = &plan.dir, .required = true },
		{ "port", .number = &plan.port },
		{ "accounts", .text = &plan.accounts },
		{ "devices", .number = &plan.devices },
		{ "serial-prefix", .text = &plan.prefix },
		{ "first", .number = &plan.first },
	};
	int r = parse(argc, argv, table, ARGS_COUNT(table));

	return r == OK ? business_run(&plan) : r;
}

int
server_token_run(int argc, char **argv)
{
	const char *state = "", *account = "example", *output = "-";
	struct server_token_options options = { .certificate = "",
		.cipher = "AES-256-CBC" };
	long days = 365;
	const struct args table[] = {
		{ "state", .text = &state, .required = true },
		{ "account", .text = &account },
		{ "certificate", .text = &options.certificate,
		    .required = true },
		{ "cipher", .text = &options.cipher },
		{ "crlf", .flag = &options.crlf },
		{ "renew", .flag = &options.renew },
		{ "days", .number = &days },
		{ "o", .text = &output },
	};
	SCRATCH_BUF(out);
	int r = parse(argc, argv, table, ARGS_COUNT(table));

	options.days = days;
	if (r != OK ||
	    (r = server_token_export(state, account, &options, &out)) != OK)
		return r;
	return disk_write(NULL, output, buf_blob(&out), 0600);
}

int
provider_run(int argc, char **argv)
{
	struct openid_provider_plan plan = { .dir = "",
		.client_id = "attestmdm",
		.client_secret = "",
		.alg = "RS256" };
	const struct args table[] = {
		{ "state", .text = &plan.dir, .required = true },
		{ "port", .number = &plan.port },
		{ "client-id", .text = &plan.client_id },
		{ "client-secret", .text = &plan.client_secret },
		{ "alg", .text = &plan.alg },
	};
	int r = parse(argc, argv, table, ARGS_COUNT(table));

	return r == OK ? openid_provider_run(&plan) : r;
}
