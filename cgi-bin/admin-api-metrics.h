/* /metrics, in the text format of Prometheus (version 0.0.4). */
#ifndef ADMIN_API_METRICS_H
#define ADMIN_API_METRICS_H

#include "admin-api-http.h"

/* Reads counters and bounded counts, so that many hosts do not make it slow. */
int admin_api_metrics_show(void *app, const struct req *req, struct resp *resp);

#endif
