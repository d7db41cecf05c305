#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "base/log.h"
#include "sim/client/http.h"

#define HTTP_BODY_MAX ((size_t)32 << 20)

void
http_init(struct http *h, const struct http_config *config)
{
	memset(h, 0, sizeof *h);
	h->config = config;
	h->easy = curl_easy_init();
	buf_init(&h->body, HTTP_BODY_MAX);
}

void
http_release(struct http *h)
{
	curl_easy_cleanup(h->easy);
	h->easy = NULL;
	curl_share_cleanup(h->cookies);
	h->cookies = NULL;
	if (h->identity != NULL)
		fclose(h->identity);
	h->identity = NULL;
	buf_release(&h->body);
}

int
http_present(struct http *h, struct blob certificate, EVP_PKEY *key)
{
	const unsigned char *p = certificate.p;
	X509 *crt = d2i_X509(NULL, &p, (long)certificate.n);
	int fd = memfd_create("identity", MFD_CLOEXEC);
	bool good = fd >= 0 && (h->identity = fdopen(fd, "w")) != NULL &&
	    crt != NULL && PEM_write_X509(h->identity, crt) == 1 &&
	    PEM_write_PrivateKey(h->identity, key, NULL, NULL, 0, NULL, NULL) ==
		1 &&
	    fflush(h->identity) == 0;

	X509_free(crt);
	return good ? OK : fail(ERR_CRYPTO, "cannot present the identity");
}

static size_t
receive(char *data, size_t size, size_t count, void *body)
{
	return buf_add(body, data, size * count) == OK ? size * count : 0;
}

/* Where to and how: what all requests of the object share. */
static void
set_connection(struct http *h, bool abroad, struct curl_slist *connect_to)
{
	const struct http_config *c = h->config;
	const char *ca = abroad ? c->provider_ca : c->cacert;
	char identity[32];

	curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	if (h->cookies != NULL) {
		curl_easy_setopt(h->easy, CURLOPT_SHARE, h->cookies);
		curl_easy_setopt(h->easy, CURLOPT_COOKIEFILE, "");
	}
	curl_easy_setopt(h->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(
	    h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(
	    h->easy, CURLOPT_TIMEOUT, c->timeout > 0 ? c->timeout : 15);
	curl_easy_setopt(h->easy, CURLOPT_UNIX_SOCKET_PATH,
	    abroad ? NULL : c->unix_socket);
	curl_easy_setopt(h->easy, CURLOPT_CONNECT_TO, connect_to);
	curl_easy_setopt(
	    h->easy, CURLOPT_SSL_VERIFYPEER, c->insecure ? 0L : 1L);
	curl_easy_setopt(
	    h->easy, CURLOPT_SSL_VERIFYHOST, c->insecure ? 0L : 2L);
	/* It alone: the system's roots take 50 ms to load. */
	if (ca != NULL) {
		curl_easy_setopt(h->easy, CURLOPT_CAINFO, ca);
		curl_easy_setopt(h->easy, CURLOPT_CAPATH, NULL);
	}
	if (h->identity == NULL)
		return;
	/* libcurl reads PEM from files alone. */
	snprintf(
	    identity, sizeof identity, "/proc/self/fd/%d", fileno(h->identity));
	curl_easy_setopt(h->easy, CURLOPT_SSLCERT, identity);
	curl_easy_setopt(h->easy, CURLOPT_SSLKEY, identity);
}

/* A list for which there is no memory stays as it is. */
static void
add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer != NULL)
		*list = longer;
}

static void
set_request(
    struct http *h, const struct http_request *q, struct curl_slist **headers)
{
	bool is_head = strcmp(q->method, "HEAD") == 0;
	struct buf url;

	buf_init(&url, HTTP_BODY_MAX);
	/* Apple's ACME client escapes a finished URL once more. */
	for (const char *p = q->url; *p != '\0'; p++)
		buf_add_str(&url,
		    *p == '%' && !q->as_is ? "%25" : (char[]){ *p, '\0' });
	curl_easy_setopt(h->easy, CURLOPT_URL, buf_str(&url));
	buf_release(&url);
	curl_easy_setopt(h->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h->easy, CURLOPT_NOBODY, is_head ? 1L : 0L);
	curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, q->method);
	if (q->has_body && !is_head) {
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)q->body.n);
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS,
		    q->body.n > 0 ? (const char *)q->body.p : "");
	}
	/* Devices do not ask before they send a body. */
	add_line(headers, "Expect:");
	for (size_t i = 0; i < HTTP_LINES && q->headers[i] != NULL; i++)
		add_line(headers, q->headers[i]);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, *headers);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, &h->body);
}

int
http_send(struct http *h, const struct http_request *q)
{
	struct curl_slist *headers = NULL, *connect_to = NULL;
	char why[CURL_ERROR_SIZE] = "", target[300];
	long status = 0;
	CURLcode code;

	buf_reset(&h->body);
	curl_easy_reset(h->easy);
	curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, why);
	if (h->config->connect != NULL && !q->abroad) {
		snprintf(target, sizeof target, "::%s", h->config->connect);
		add_line(&connect_to, target);
	}
	set_connection(h, q->abroad, connect_to);
	set_request(h, q, &headers);
	code = curl_easy_perform(h->easy);
	/* The cookies stay; curl_easy_reset() would leak the name of no file. */
	if (h->cookies != NULL)
		curl_easy_setopt(h->easy, CURLOPT_COOKIEFILE, NULL);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	h->status = (int)status;
	curl_slist_free_all(headers);
	curl_slist_free_all(connect_to);
	if (h->config->verbose)
		fprintf(stderr, "> %s %s\n< %d %.*s\n", q->method, q->url,
		    h->status, (int)(h->body.n > 2000 ? 2000 : h->body.n),
		    buf_str(&h->body));
	if (code == CURLE_OK)
		return OK;
	return fail(ERR_IO, "no answer to %s %s: %s", q->method, q->url,
	    why[0] != '\0' ? why : curl_easy_strerror(code));
}

void
http_keep_cookies(struct http *h)
{
	h->cookies = curl_share_init();
	curl_share_setopt(h->cookies, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
}

const char *
http_header(const struct http *h, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(h->easy, name, 0, CURLH_HEADER, -1, &header) !=
	    CURLHE_OK)
		return NULL;
	return header->value;
}
