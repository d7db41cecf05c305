/* /api/v1/certificates and /api/v1/renewals. */
#ifndef ADMIN_API_CERTIFICATES_H
#define ADMIN_API_CERTIFICATES_H

#include "admin-api-http.h"

/* Newest first. */
int admin_api_certificates_list(
    void *app, const struct req *req, struct resp *resp);

/*
 * By id, SHA-256 or serial number of the certificate. The answer to a revocation is
 * the revoked certificate.
 */
int admin_api_certificates_show(
    void *app, const struct req *req, struct resp *resp);
int admin_api_certificates_revoke(
    void *app, const struct req *req, struct resp *resp);

/* Hosts whose renewal is due, the certificate that ends soonest first. */
int admin_api_certificates_renewals(
    void *app, const struct req *req, struct resp *resp);

/* Renews the certificate of one host now. */
int admin_api_certificates_renew(
    void *app, const struct req *req, struct resp *resp);

#endif
