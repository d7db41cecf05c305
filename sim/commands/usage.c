#include <string.h>

#include "sim/commands/usage.h"

static const char usage_overview[] =
    "attestmdm-sim: a simulated Apple device, and a stand-in for Apple\n"
    "\n"
    "  attestmdm-sim apple DIR                  make a fake Apple\n"
    "  attestmdm-sim enroll OPTIONS             enroll a device\n"
    "  attestmdm-sim poll --state DIR           fetch and answer commands\n"
    "  attestmdm-sim authenticate --state DIR   send one check-in message:\n"
    "                token-update, checkout, set-bootstrap-token,\n"
    "                get-bootstrap-token likewise\n"
    "  attestmdm-sim fleet N OPTIONS            enroll N devices, measure\n"
    "  attestmdm-sim faults [--tabs]            list the faults of --fault\n"
    "  attestmdm-sim make WHAT OPTIONS          make one piece of a request\n"
    "\n"
    "Everywhere: --clock-offset SECONDS moves the device's clock.\n"
    "attestmdm-sim COMMAND --help tells more.\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 not understood, 3 the server refused.\n";

static const char usage_apple[] =
    "attestmdm-sim apple DIR\n"
    "\n"
    "Makes a fake Apple in DIR, with keys beside the certificates:\n"
    "  attestation-root.pem   what the server's attestation_root must name\n"
    "  attestation-sub.pem    signs the attestations\n"
    "  device-ca.pem          what the server's device_ca must name\n"
    "A server that trusts these trusts everybody who can read DIR: use it\n"
    "for trials only.\n";

static const char usage_make[] =
    "attestmdm-sim make WHAT OPTIONS\n"
    "\n"
    "  key FILE [--curve P-256|P-384|P-521|Ed25519|RSA-2048]\n"
    "  jwk --key FILE\n"
    "  thumbprint --key FILE\n"
    "  jws --protected JSON --payload TEXT|@FILE [--key FILE]\n"
    "      [--alg ES256|ES384|EdDSA|HS256|none] [--secret TEXT|@FILE]\n"
    "      [--short] [--der-signature] [--pad] [--corrupt]\n"
    "  attestation --apple DIR --token T --key FILE --serial S\n"
    "      [--udid U] [--os-version V] [--board B] [--thumbprint T]\n"
    "      [--fault NAME,…] [-o FILE]   base64url; -o: bytes\n"
    "  csr --key FILE [--subject /CN=…/O=…] [--signer FILE] [--digest sha256]\n"
    "      [--dns A,B] [--email A,B] [--uri A,B] [--eku OID,OID]\n"
    "      [--permanent-identifier A,B] [--usage BITS] [--no-extensions]\n"
    "      [--fault NAME,…] [-o FILE]   base64url; -o: DER\n"
    "  machineinfo --apple DIR --serial S [--udid U] [--product P]\n"
    "      [--os-version V] [--build B] [--cannot-update]\n"
    "      [--fault NAME,…] [-o FILE]   BER\n"
    "  mdm-signature --key FILE --cert FILE --body FILE\n"
    "      [--digest sha1|sha256|sha384] [--attributes] [--der]\n"
    "      [--attached] [--no-certificates]   base64\n"
    "  pkimessage --ca FILE --key FILE [--cert FILE] [--request FILE]\n"
    "      [--envelope FILE] [--cipher AES-128-CBC] [--digest sha256]\n"
    "      [--fault NAME,…] [-o FILE]   BER; request, envelope: DER\n"
    "  certificate --key FILE --subject /CN=… [--ca-cert FILE --ca-key FILE]\n"
    "      [--host NAME] [--purpose OID] [--days N] [--age DAYS] [-o FILE]\n"
    "  tls --dir DIR --name HOST    tls.pem, tls.key, tls-ca.pem\n";

static const char usage_enroll[] =
    "attestmdm-sim enroll --server https://HOST[:PORT] --apple DIR --serial S\n"
    "\n"
    "Plays a device that asks for its enrollment profile, gets the "
    "certificate\n"
    "that this names, by ACME with an attestation or by SCEP, and checks in.\n"
    "\n"
    "  --server URL          the server, without a path\n"
    "  --link URL            enroll by this one-time link instead\n"
    "  --apple DIR           the fake Apple that the server trusts\n"
    "  --serial S            serial number, which the server must know\n"
    "  --state DIR           keep the device here: keys, certificate, "
    "profile;\n"
    "                        an existing folder is that device again\n"
    "  --product Mac15,3 --os-version 15.1 --build 24B83 --udid U\n"
    "                        iPad14,1, Watch6,1, MacBookPro16,1 ... as well\n"
    "  --awaiting            say that Setup Assistant is waiting\n"
    "  --no-mdm              stop when the certificate is there\n"
    "  --fault NAME,…        cheat; see attestmdm-sim faults\n"
    "  --cacert FILE         CA of the server's TLS certificate\n"
    "  --insecure            believe any TLS certificate\n"
    "  --unix-socket PATH    connect to this socket instead of the host\n"
    "  --connect HOST:PORT   connect there instead\n"
    "  --timeout SECONDS     wait so long for an answer (15)\n"
    "  --verbose             show each exchange on standard error\n"
    "\n"
    "Prints \"enrolled S, UDID U\" and ends with 0, or \"refused at STEP: "
    "HTTP\n"
    "STATUS\" with the server's answer and ends with 3.\n";

static const char usage_poll[] =
    "attestmdm-sim poll --state DIR [TLS and --fault options of enroll]\n"
    "\n"
    "Polls for commands as an enrolled device does after a push, answers each\n"
    "(DeviceInformation, SecurityInfo, ProfileList, CertificateList,\n"
    "DeviceConfigured; others with Error 12021) and prints one line for it:\n"
    "CommandUUID, RequestType, Status. --fault not-now first answers all\n"
    "of them NotNow, then polls again.\n"
    "\n"
    "InstallProfile is followed: the device gets the certificate that the "
    "profile\n"
    "names and checks in with it; if that fails it keeps what it had and says "
    "Error.\n"
    "For this --apple is needed.\n"
    "\n"
    "  --os-version V --build B   the device was updated to these\n";

static const char usage_fleet[] =
    "attestmdm-sim fleet N --server URL --apple DIR [options of enroll]\n"
    "\n"
    "Enrolls N devices and tells how fast that went.\n"
    "\n"
    "  --concurrency C       devices at work at once, a process each (8)\n"
    "  --serial-prefix SIM   serial numbers are SIM000001, SIM000002, ...\n"
    "  --first 1             the first number\n"
    "  --list                print the serial numbers, one a line, and stop:\n"
    "                        the server must know them\n"
    "  --json                one line of JSON\n"
    "\n"
    "Keys are made before the clock starts. Exit status 0: all enrolled,\n"
    "3: some refused, 1: some failed.\n";

static const char usage_messages[] =
    "attestmdm-sim authenticate|token-update|checkout|set-bootstrap-token|\n"
    "    get-bootstrap-token --state DIR [TLS and --fault options of "
    "enroll]\n"
    "\n"
    "Sends one check-in message of an enrolled device and prints the body of\n"
    "the answer, if it has one.\n";

static const struct {
	const char *topic;
	const char *text;
} usage_table[] = {
	{ "apple", usage_apple },
	{ "authenticate", usage_messages },
	{ "checkout", usage_messages },
	{ "enroll", usage_enroll },
	{ "fleet", usage_fleet },
	{ "get-bootstrap-token", usage_messages },
	{ "make", usage_make },
	{ "poll", usage_poll },
	{ "set-bootstrap-token", usage_messages },
	{ "token-update", usage_messages },
};

void
usage_print(FILE *f, const char *topic)
{
	size_t n = sizeof usage_table / sizeof usage_table[0];

	for (size_t i = 0; topic != NULL && i < n; i++) {
		if (strcmp(topic, usage_table[i].topic) == 0) {
			fputs(usage_table[i].text, f);
			return;
		}
	}
	fputs(usage_overview, f);
}
