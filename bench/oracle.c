/*
 * Does the time to refuse a SCEP message tell what was wrong inside of its
 * envelope? If it did, an attacker could use the server to decrypt what others
 * sent, or to sign (RFC 3218). Messages with different faults are opened in
 * turn, many times each, and their times compared with those of the first kind.
 *
 * oracle [COUNT]
 * prints for each kind its median and 99th percentile in microseconds, the
 * difference of the medians to the first kind's, and z, the difference of mean
 * ranks (Mann and Whitney): beyond 4 or below -4 there is something to see.
 */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "wire/csr.h"
#include "wire/enveloped.h"

#define RSA_BITS  3072
#define RSA_BYTES (RSA_BITS / 8)
#define COUNT     10000
/* As long as a real certificate request. */
#define CONTENT_BYTES 1000

enum kind { BAD_CONTENT, BAD_RSA_PADDING, BAD_KEY_SIZE, BAD_PADDING, KINDS };

static const char *const names[] = {
	[BAD_CONTENT] = "no request inside",
	[BAD_RSA_PADDING] = "no key inside",
	[BAD_KEY_SIZE] = "key of another size",
	[BAD_PADDING] = "another key, padding wrong",
};

struct ca {
	gnutls_privkey_t key;
	gnutls_pubkey_t public;
	gnutls_x509_crt_t crt;
};

struct sample {
	double micros;
	enum kind kind;
};

static void
must(int code, const char *what)
{
	if (code < 0) {
		fprintf(stderr, "%s: %s\n", what, gnutls_strerror(code));
		exit(1);
	}
}

static void
ca_init(struct ca *ca)
{
	gnutls_x509_privkey_t key;
	uint8_t serial = 1;

	must(gnutls_x509_privkey_init(&key), "key");
	must(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, RSA_BITS, 0),
	    "key");
	must(gnutls_x509_crt_init(&ca->crt), "certificate");
	must(gnutls_x509_crt_set_version(ca->crt, 3), "version");
	must(gnutls_x509_crt_set_serial(ca->crt, &serial, 1), "serial");
	must(gnutls_x509_crt_set_activation_time(ca->crt, time(NULL)), "time");
	must(gnutls_x509_crt_set_expiration_time(ca->crt, time(NULL) + 86400),
	    "time");
	must(gnutls_x509_crt_set_dn(ca->crt, "CN=bench", NULL), "name");
	must(gnutls_x509_crt_set_key(ca->crt, key), "key");
	must(gnutls_x509_crt_sign2(ca->crt, ca->crt, key, GNUTLS_DIG_SHA256, 0),
	    "sign");
	must(gnutls_privkey_init(&ca->key), "key");
	must(gnutls_privkey_import_x509(
		 ca->key, key, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE),
	    "key");
	must(gnutls_pubkey_init(&ca->public), "key");
	must(gnutls_pubkey_import_x509(ca->public, ca->crt, 0), "key");
}

static void
ca_release(struct ca *ca)
{
	gnutls_pubkey_deinit(ca->public);
	gnutls_privkey_deinit(ca->key);
	gnutls_x509_crt_deinit(ca->crt);
}

/* Where the encrypted key stands in a message. */
static uint8_t *
encrypted_key(struct buf *message)
{
	static const uint8_t head[] = { 0x04, 0x82, RSA_BYTES >> 8,
		RSA_BYTES & 0xff };
	uint8_t *at = memmem(message->p, message->n, head, sizeof head);

	if (at == NULL) {
		fprintf(stderr, "there is no encrypted key\n");
		exit(1);
	}
	return at + sizeof head;
}

/* Another encrypted key takes the place: one of `n` random bytes. */
static void
put_key(const struct ca *ca, struct buf *message, unsigned n)
{
	uint8_t bytes[64];
	gnutls_datum_t plain = { bytes, n }, encrypted;

	must(gnutls_rnd(GNUTLS_RND_RANDOM, bytes, n), "random");
	must(gnutls_pubkey_encrypt_data(ca->public, 0, &plain, &encrypted),
	    "encrypt");
	memcpy(encrypted_key(message), encrypted.data, encrypted.size);
	gnutls_free(encrypted.data);
}

static void
make_message(const struct ca *ca, enum kind kind, struct buf *out)
{
	uint8_t content[CONTENT_BYTES];

	must(gnutls_rnd(GNUTLS_RND_NONCE, content, sizeof content), "random");
	out->n = 0;
	if (enveloped_seal(blob_of(content, sizeof content), ca->crt,
		ENVELOPED_AES128, out) != OK)
		exit(1);
	if (kind == BAD_RSA_PADDING)
		/* A leading 0 keeps it below the modulus. */
		must(gnutls_rnd(GNUTLS_RND_NONCE, encrypted_key(out) + 1,
			 RSA_BYTES - 1),
		    "random");
	else if (kind == BAD_KEY_SIZE)
		put_key(ca, out, 24);
	else if (kind == BAD_PADDING)
		put_key(ca, out, 16);
}

/* The same steps as a request takes; microseconds. */
static double
open_message(const struct ca *ca, struct blob message, struct buf *content)
{
	struct timespec start, end;
	enum enveloped_cipher cipher;
	struct csr *csr = NULL;

	content->n = 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (enveloped_open(message, ca->key, ca->crt, 0, &cipher, content) ==
	    OK)
		(void)csr_parse(buf_blob(content), CSR_ALLOW_RSA, &csr);
	clock_gettime(CLOCK_MONOTONIC, &end);
	csr_free(csr);
	return (double)(end.tv_sec - start.tv_sec) * 1e6 +
	    (double)(end.tv_nsec - start.tv_nsec) / 1e3;
}

static int
by_time(const void *a, const void *b)
{
	double x = ((const struct sample *)a)->micros;
	double y = ((const struct sample *)b)->micros;

	return (x > y) - (x < y);
}

/* The part'th of 100 of a kind's sorted samples. */
static double
quantile(const struct sample *s, size_t n, enum kind kind, double part)
{
	size_t want = (size_t)((double)(n / KINDS) * part), i;

	for (i = 0; i < n; i++)
		if (s[i].kind == kind && want-- == 0)
			return s[i].micros;
	return 0;
}

/* z of the rank sum of `kind` among the samples of both kinds. */
static double
rank_z(const struct sample *s, size_t n, enum kind kind, enum kind other)
{
	double rank = 0, sum = 0, m = (double)(n / KINDS);
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i].kind != kind && s[i].kind != other)
			continue;
		rank++;
		if (s[i].kind == kind)
			sum += rank;
	}
	return (sum - m * (2 * m + 1) / 2) / sqrt(m * m * (2 * m + 1) / 12);
}

static void
report(struct sample *s, size_t n)
{
	double first;
	int k;

	qsort(s, n, sizeof *s, by_time);
	first = quantile(s, n, BAD_CONTENT, 0.5);
	printf("%-28s %10s %10s %10s %8s\n", "what is wrong", "median", "99 %",
	    "difference", "z");
	for (k = 0; k < KINDS; k++)
		printf("%-28s %10.1f %10.1f %+10.1f %8.2f\n", names[k],
		    quantile(s, n, (enum kind)k, 0.5),
		    quantile(s, n, (enum kind)k, 0.99),
		    quantile(s, n, (enum kind)k, 0.5) - first,
		    k == BAD_CONTENT ? 0.0
				     : rank_z(s, n, (enum kind)k, BAD_CONTENT));
}

/* A new order of the kinds in each round, so that no kind has a better place.
 */
static void
shuffle(enum kind order[KINDS])
{
	int i;

	for (i = 0; i < KINDS; i++)
		order[i] = (enum kind)i;
	for (i = KINDS - 1; i > 0; i--) {
		int j = rand() % (i + 1);
		enum kind k = order[i];

		order[i] = order[j];
		order[j] = k;
	}
}

int
main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : COUNT;
	enum kind order[KINDS];
	struct buf message, content;
	struct sample *samples;
	struct ca ca;
	size_t n = 0;

	if (count < 1 || count > 1000000) {
		fprintf(stderr, "usage: oracle [COUNT]\n");
		return 2;
	}
	samples = calloc((size_t)count * KINDS, sizeof *samples);
	if (samples == NULL)
		return 1;
	log_open("oracle", LOG_ERROR);
	ca_init(&ca);
	buf_init(&message, ENVELOPED_BYTES_MAX);
	buf_init(&content, ENVELOPED_BYTES_MAX);
	while (count-- > 0) {
		shuffle(order);
		for (int k = 0; k < KINDS; k++) {
			make_message(&ca, order[k], &message);
			samples[n].micros =
			    open_message(&ca, buf_blob(&message), &content);
			samples[n++].kind = order[k];
		}
	}
	report(samples, n);
	buf_release(&content);
	buf_release(&message);
	ca_release(&ca);
	free(samples);
	return 0;
}
