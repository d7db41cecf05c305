/*
 * The cost of an enrollment's signatures alone: how much processor time GnuTLS
 * takes for them, with nothing parsed, stored or sent. The server cannot be
 * cheaper; bench/enroll.pl sets its cost beside this.
 *
 * signatures KIND=COUNT ...
 * prints for each kind the microseconds of one and of COUNT, then the total.
 */
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* As many as fill this much processor time are measured. */
#define ENOUGH_SECONDS 0.1
#define MESSAGE_BYTES  600

struct kind {
	const char *name;
	gnutls_pk_algorithm_t algorithm;
	unsigned bits;
	gnutls_sign_algorithm_t signature;
	/* made by the server; otherwise verified */
	bool made;
};

static const struct kind kinds[] = {
	{ "verify-p256", GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
	    GNUTLS_SIGN_ECDSA_SHA256, false },
	{ "verify-p384", GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1),
	    GNUTLS_SIGN_ECDSA_SHA384, false },
	{ "verify-rsa1024", GNUTLS_PK_RSA, 1024, GNUTLS_SIGN_RSA_SHA1, false },
	{ "verify-rsa2048", GNUTLS_PK_RSA, 2048, GNUTLS_SIGN_RSA_SHA256,
	    false },
	{ "sign-rsa3072", GNUTLS_PK_RSA, 3072, GNUTLS_SIGN_RSA_SHA256, true },
	{ "sign-p256", GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
	    GNUTLS_SIGN_ECDSA_SHA256, true },
};

#define KINDS (sizeof kinds / sizeof kinds[0])

/* What one kind is measured with. */
struct bench {
	const struct kind *kind;
	gnutls_privkey_t private;
	gnutls_pubkey_t public;
	gnutls_datum_t message;
	gnutls_datum_t signature;
};

static void
must(int code, const char *what)
{
	if (code < 0) {
		fprintf(stderr, "%s: %s\n", what, gnutls_strerror(code));
		exit(1);
	}
}

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
bench_init(struct bench *b, const struct kind *kind)
{
	static unsigned char bytes[MESSAGE_BYTES];

	*b = (struct bench){ .kind = kind, .message = { bytes, sizeof bytes } };
	must(gnutls_privkey_init(&b->private), "key");
	must(gnutls_pubkey_init(&b->public), "key");
	must(
	    gnutls_privkey_generate(b->private, kind->algorithm, kind->bits, 0),
	    "key");
	must(gnutls_pubkey_import_privkey(b->public, b->private, 0, 0), "key");
	must(gnutls_privkey_sign_data2(
		 b->private, kind->signature, 0, &b->message, &b->signature),
	    "sign");
}

static void
bench_release(struct bench *b)
{
	gnutls_free(b->signature.data);
	gnutls_pubkey_deinit(b->public);
	gnutls_privkey_deinit(b->private);
}

static void
bench_once(struct bench *b)
{
	gnutls_datum_t signature;

	if (!b->kind->made) {
		must(
		    gnutls_pubkey_verify_data2(b->public, b->kind->signature,
			GNUTLS_VERIFY_ALLOW_BROKEN, &b->message, &b->signature),
		    "verify");
		return;
	}
	must(gnutls_privkey_sign_data2(
		 b->private, b->kind->signature, 0, &b->message, &signature),
	    "sign");
	gnutls_free(signature.data);
}

/* Microseconds of one operation. */
static double
bench_measure(const struct kind *kind)
{
	double start, spent;
	struct bench b;
	long n = 0;

	bench_init(&b, kind);
	/* the first one sets tables up */
	bench_once(&b);
	start = cpu_seconds();
	do {
		bench_once(&b);
		n++;
		spent = cpu_seconds() - start;
	} while (spent < ENOUGH_SECONDS);
	bench_release(&b);
	return spent / (double)n * 1e6;
}

/* KIND=COUNT; NULL when it is not understood. */
static const struct kind *
parse(const char *argument, double *count)
{
	const char *equals = strchr(argument, '=');
	char *end;

	if (equals == NULL)
		return NULL;
	errno = 0;
	*count = strtod(equals + 1, &end);
	if (errno != 0 || end == equals + 1 || *end != '\0' || *count < 0)
		return NULL;
	for (size_t i = 0; i < KINDS; i++)
		if (strlen(kinds[i].name) == (size_t)(equals - argument) &&
		    strncmp(kinds[i].name, argument,
			(size_t)(equals - argument)) == 0)
			return &kinds[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	double total = 0;

	for (int i = 1; i < argc; i++) {
		double count, one;
		const struct kind *kind = parse(argv[i], &count);

		if (kind == NULL) {
			fprintf(stderr, "signatures: not understood: %s\n",
			    argv[i]);
			return 2;
		}
		one = bench_measure(kind);
		printf("%s %.1f %.1f\n", kind->name, one, one * count);
		total += one * count;
	}
	printf("total %.1f\n", total);
	return 0;
}
