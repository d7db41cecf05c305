/*
 * admin-api: the REST API of administrators, and metrics for Prometheus. Clients
 * authenticate with a bearer token (RFC 6750); there are no cookies.
 */
#include "admin-api-certificates.h"
#include "admin-api-commands.h"
#include "admin-api-config.h"
#include "admin-api-enrollments.h"
#include "admin-api-hosts.h"
#include "admin-api-metrics.h"
#include "admin-api-records.h"
#include "web/worker.h"

#define V1    "/api/v1"
#define HOST  V1 "/hosts/:host"
#define SMALL ADMIN_API_HTTP_BODY

static const struct route routes[] = {
	{ "GET", V1 "/openapi.json", admin_api_records_openapi, SMALL },
	{ "GET", V1 "/config", admin_api_config_show, SMALL },
	{ "PATCH", V1 "/config", admin_api_config_change, SMALL },
	{ "GET", V1 "/hosts", admin_api_hosts_list, SMALL },
	{ "GET", HOST, admin_api_hosts_show, SMALL },
	{ "DELETE", HOST, admin_api_hosts_delete, SMALL },
	{ "POST", HOST "/block", admin_api_hosts_block, SMALL },
	{ "POST", HOST "/unblock", admin_api_hosts_unblock, SMALL },
	{ "GET", HOST "/commands", admin_api_commands_list, SMALL },
	{ "POST", HOST "/commands", admin_api_commands_queue,
	    ADMIN_API_COMMANDS_BODY },
	{ "GET", HOST "/commands/:command", admin_api_commands_show, SMALL },
	{ "DELETE", HOST "/commands/:command", admin_api_commands_cancel,
	    SMALL },
	{ "GET", V1 "/enrollments", admin_api_enrollments_list, SMALL },
	{ "GET", V1 "/enrollments/:id", admin_api_enrollments_show, SMALL },
	{ "GET", V1 "/links", admin_api_enrollments_links, SMALL },
	{ "POST", V1 "/links", admin_api_enrollments_new_link, SMALL },
	{ "DELETE", V1 "/links/:id", admin_api_enrollments_revoke_link, SMALL },
	{ "GET", V1 "/certificates", admin_api_certificates_list, SMALL },
	{ "GET", V1 "/certificates/:id", admin_api_certificates_show, SMALL },
	{ "POST", V1 "/certificates/:id/revoke", admin_api_certificates_revoke,
	    SMALL },
	{ "GET", V1 "/renewals", admin_api_certificates_renewals, SMALL },
	{ "POST", V1 "/renewals", admin_api_certificates_renew, SMALL },
	{ "GET", V1 "/activities", admin_api_records_activities, SMALL },
	{ "GET", V1 "/alarms", admin_api_records_alarms, SMALL },
	{ "GET", V1 "/ade/devices", admin_api_records_devices, SMALL },
	{ "GET", V1 "/status", admin_api_records_status, SMALL },
	{ "GET", "/metrics", admin_api_metrics_show, SMALL },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "admin-api",
	.summary = "REST API for administrators, and metrics",
	.routes = routes,
	.app_size = sizeof(struct admin_api),
	.database = DB_DURABLE,
	.load = admin_api_http_load,
	.begin = admin_api_http_begin,
	.end = admin_api_http_end,
	.on_error = admin_api_http_on_error,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
