/*
 * A stand-in for APNs: HTTP/2 with client certificates. It checks requests as
 * strictly as Apple's page "Sending notification requests to APNs" allows, and
 * appends each to DIR/pushes.log. A client certificate is one that
 * push_portal.h issued in the same folder.
 *
 * Scripted answers are for a token or, with "*", for all. In addition to
 * "answer" and "times" they have either
 *
 *	status, reason, timestamp (milliseconds), retry_after (seconds)
 *
 * or do: "reset" (with the HTTP/2 error `code`, 7 REFUSED_STREAM if absent),
 * "stall" (never an answer), "close" (the connection ends), "freeze" (it stays
 * open and dead), "goaway" (it ends; this request was not processed).
 *
 * Other lines of the script: {"set":NAME,"value":V} with
 *
 *	goaway_after   GOAWAY after so many answers on a connection; 0: never
 *	streams        concurrent streams that new connections allow (1000)
 *	refuse         1: every handshake ends with the alert
 *certificate_revoked
 *
 * and {"now":"goaway"} or {"now":"close"} for all connections.
 */
#ifndef PUSH_SERVICE_H
#define PUSH_SERVICE_H

/* Serves until SIGTERM; port 0: one of the kernel's choice, printed. */
int push_service_run(const char *dir, long port);

#endif
