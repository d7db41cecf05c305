/* /metrics, in the text format of Prometheus (version 0.0.4). */
#ifndef ADMIN_API_METRICS_H
#define ADMIN_API_METRICS_H

#include "admin-api-http.h"

/* Costs the same however many hosts there are. */
int admin_api_metrics_show(void *app, const struct req *req, struct resp *resp);

#endif
