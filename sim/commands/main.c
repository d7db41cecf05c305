/* attestmdm-sim: a simulated Apple device and a stand-in for Apple. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/commands/verbs.h"
#include "sim/forge/apple.h"

static const char usage[] =
    "attestmdm-sim: an Apple device, and a stand-in for Apple\n"
    "\n"
    "  apple DIR                    make a fake Apple\n"
    "  enroll OPTIONS               enroll a device\n"
    "  poll --state DIR             fetch and answer commands\n"
    "  wait --push DIR DEVICE...    poll whenever a push comes\n"
    "    --pushes N --patience SECONDS\n"
    "  authenticate, token-update, checkout, set-bootstrap-token or\n"
    "    get-bootstrap-token --state DIR    send one check-in message\n"
    "  fleet N OPTIONS              enroll N devices, measure\n"
    "    --concurrency C --serial-prefix SIM --first 1 --list --json\n"
    "  faults [--tabs]              list the faults\n"
    "  make WHAT OPTIONS            make one piece of a request\n"
    "  apns --state DIR [--port N]  play APNs\n"
    "  push-certificate --state DIR --request FILE [--sign-only | --signed]\n"
    "    [--topic T | --renew FILE] [--days N] [--age DAYS] [-o FILE]\n"
    "  business --state DIR [--port N] [--accounts NAME,...]\n"
    "    [--devices 5000] [--serial-prefix SIM] [--first 1]\n"
    "                               play Apple Business\n"
    "  provider --state DIR [--port N] [--alg RS256] [--client-id attestmdm]\n"
    "    [--client-secret S]        play an identity provider\n"
    "  server-token --state DIR --certificate FILE [--account NAME]\n"
    "    [--cipher AES-256-CBC] [--crlf] [--renew] [--days N] [-o FILE]\n"
    "\n"
    "Options of enroll, most of which the others take as well:\n"
    "  --server https://HOST[:PORT] | --link URL\n"
    "  --apple DIR --serial S --state DIR\n"
    "  --product Mac15,3 --os-version 15.1 --build 24B83 --udid U\n"
    "  --awaiting --no-mdm --fault NAME,...\n"
    "  --sign-in ACCOUNT [--provider-ca FILE]   in the web view\n"
    "  --cacert FILE | --insecure   --unix-socket PATH | --connect HOST:PORT\n"
    "  --timeout SECONDS --verbose\n"
    "Everywhere: --clock-offset SECONDS | --clock-offset-file FILE.\n"
    "\n"
    "What to make:\n"
    "  key FILE [--curve P-256|P-384|P-521|Ed25519|RSA-2048]\n"
    "  jwk --key FILE\n"
    "  jws --protected JSON [--payload TEXT] [--key FILE]\n"
    "      [--alg ES256|ES384|EdDSA|HS256|none] [--secret TEXT]\n"
    "      [--short] [--der-signature] [--corrupt]\n"
    "  attestation --apple DIR --token T --key FILE --serial S\n"
    "      [--fault NAME,...]   base64url\n"
    "  csr --key FILE --subject /CN=... [--signer FILE] [--digest sha256]\n"
    "      [--dns NAME] [--eku OID] [--fault NAME,...]   base64url\n"
    "  machineinfo --apple DIR --serial S [--udid U] [--product P]\n"
    "      [--os-version V] [--build B] [--cannot-update]\n"
    "      [--must-update] [--fault NAME,...] [-o FILE]   BER\n"
    "  mdm-signature --key FILE --cert FILE --body FILE [--digest sha256]\n"
    "      [--attributes] [--der] [--attached] [--no-certificates]   base64\n"
    "  pkimessage --ca FILE --key FILE [--cert FILE] [--request FILE]\n"
    "      [--envelope FILE] [--cipher AES-128-CBC] [--digest sha256]\n"
    "      [--fault NAME,...] [-o FILE]   BER; request, envelope: DER\n"
    "  certificate --key FILE --subject /CN=... [--days N] [--age DAYS]\n"
    "      [-o FILE]   PEM\n"
    "  tls --dir DIR --name HOST [--days N]   tls.pem, tls.key, tls-ca.pem\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 not understood, 3 the server refused.\n";

static int
make_apple(int argc, char **argv)
{
	SCRATCH_APPLE(apple);
	int r;

	if (argc != 1)
		return fail(ERR_USAGE, "attestmdm-sim apple DIR");
	r = apple_make(&apple);
	return r == OK ? apple_save(argv[0], &apple) : r;
}

static int
list_faults(int argc, char **argv)
{
	fault_list(stdout, argc > 0 && strcmp(argv[0], "--tabs") == 0);
	return OK;
}

static const struct {
	const char *name;
	int (*run)(int, char **);
} commands[] = {
	{ "apns", apns_run },
	{ "apple", make_apple },
	{ "authenticate", check_in_run },
	{ "business", business_service_run },
	{ "checkout", check_in_run },
	{ "enroll", enroll_run },
	{ "faults", list_faults },
	{ "fleet", fleet_run },
	{ "get-bootstrap-token", check_in_run },
	{ "make", make_run },
	{ "poll", poll_run },
	{ "provider", provider_run },
	{ "push-certificate", push_certificate_run },
	{ "server-token", server_token_run },
	{ "set-bootstrap-token", check_in_run },
	{ "token-update", check_in_run },
	{ "wait", wait_run },
};

/* The clock is understood everywhere: take it out of the arguments. */
static int
take_clock(int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--clock-offset") == 0 && i + 1 < argc)
			clock_set_offset(strtol(argv[++i], NULL, 10));
		else if (strcmp(argv[i], "--clock-offset-file") == 0 &&
		    i + 1 < argc)
			clock_use_offset_file(argv[++i]);
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

/* Exit codes: 0 done, 1 failed, 2 not understood, 3 the server refused. */
static int
exit_code(int r)
{
	if (r == OK)
		return 0;
	if (r == ERR_USAGE)
		return 2;
	return r == ERR_UNAUTHORIZED ? 3 : 1;
}

int
main(int argc, char **argv)
{
	log_open("attestmdm-sim", LOG_NOTICE);
	signal(SIGPIPE, SIG_IGN);
	argc = take_clock(argc, argv);
	if (argc < 2 || strcmp(argv[1], "help") == 0 ||
	    strcmp(argv[argc - 1], "--help") == 0) {
		fputs(usage, stdout);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("attestmdm-sim " PACKAGE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return exit_code(commands[i].run(argc - 2, argv + 2));
	fprintf(stderr, "attestmdm-sim: no command is called %s\n", argv[1]);
	return 2;
}
