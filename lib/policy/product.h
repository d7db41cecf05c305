/*
 * What a device is, from the product name it gives (MachineInfo PRODUCT, such
 * as "MacBookPro18,3"), and whether such hardware with such a system can make
 * a Managed Device Attestation for an ACME enrollment.
 *
 * Apple: device management schema, com.apple.security.acme, "supported
 * hardware" of Attest and HardwareBound: A11 and later (iPhone, iPad), A12 and
 * later (Apple TV), S4 and later (Watch), every Vision Pro, every Mac with
 * Apple silicon. T2 Macs ignore Attest, which proves nothing to a server, so
 * they count as unable.
 */
#ifndef POLICY_PRODUCT_H
#define POLICY_PRODUCT_H

#include <stdbool.h>

enum product_family {
	PRODUCT_UNKNOWN,
	PRODUCT_MAC,
	PRODUCT_MACBOOK_AIR,
	PRODUCT_MACBOOK_PRO,
	PRODUCT_MACBOOK,
	PRODUCT_MAC_MINI,
	PRODUCT_IMAC,
	PRODUCT_IMAC_PRO,
	PRODUCT_MAC_PRO,
	PRODUCT_DEVELOPER_MAC,
	PRODUCT_VIRTUAL_MAC,
	PRODUCT_IPHONE,
	PRODUCT_IPAD,
	PRODUCT_IPOD,
	PRODUCT_APPLE_TV,
	PRODUCT_WATCH,
	PRODUCT_VISION,
};

enum product_system {
	SYSTEM_UNKNOWN,
	SYSTEM_MACOS,
	SYSTEM_IOS,
	SYSTEM_IPADOS,
	SYSTEM_TVOS,
	SYSTEM_WATCHOS,
	SYSTEM_VISIONOS,
};

#define PRODUCT_SYSTEMS (SYSTEM_VISIONOS + 1)

struct product {
	enum product_family family;
	enum product_system system;
	int major;
	int minor;
	/* the hardware alone, whatever its system */
	bool can_attest;
};

/*
 * Splits a name into family and numbers. The whole name must match
 * FAMILY + digits + "," + digits; anything else, and every family without a
 * rule here, becomes PRODUCT_UNKNOWN with zeros.
 */
void product_parse(const char *name, struct product *out);

/*
 * Whether Apple Business's words for a device name Apple silicon: a product
 * name that has it ("Mac15,3"), or a chip of its own ("Apple M2", "M3 Pro").
 */
bool product_names_silicon(const char *words);

/* Whether something is a Mac, as far as it is known. */
enum product_kind {
	PRODUCT_KIND_UNKNOWN,
	PRODUCT_KIND_MAC,
	PRODUCT_KIND_OTHER,
};

/*
 * What Apple Business's words or a product name tell: a device family ("Mac",
 * "iPhone", "AppleTV"), a model ("MacBook Pro") or a description. Words of both
 * kinds count as a Mac.
 */
enum product_kind product_kind_of(const char *words);

/*
 * What the hardware is, as part of a sentence for an administrator: "an Intel
 * Mac with a T2 chip", "a Mac with Apple silicon", "an unknown kind of device".
 */
const char *product_describe(const struct product *p);

/* "macOS", "iPadOS", … and "its system" when unknown. */
const char *product_system_name(enum product_system s);

struct os_version {
	int major;
	int minor;
	int patch;
};

#define OS_VERSION_TEXT 40

/*
 * "14", "14.0.1", "26.0": one to three numbers of at most four digits. False,
 * and all zero, for anything else.
 */
bool product_os_parse(const char *text, struct os_version *out);

/*
 * The version that a build such as "22A380" belongs to, as far as the build
 * tells: its letter gives the minor number, except on macOS, where only the
 * major number is sure. For systems too old to send OS_VERSION.
 */
bool product_os_from_build(
    enum product_system system, const char *build, struct os_version *out);

/* Numerically by component: <0, 0 or >0. */
int product_os_compare(const struct os_version *a, const struct os_version *b);

void product_os_text(const struct os_version *v, char out[OS_VERSION_TEXT]);

/*
 * The first version of a system whose devices can attest for a key that is
 * bound to the hardware: macOS 14, iOS 16, iPadOS 16.1, tvOS 16, watchOS 10,
 * visionOS 1.1. False for an unknown system.
 */
bool product_os_floor(enum product_system system, struct os_version *out);

/*
 * The name of the setting (store/settings.h) that holds this system's minimum
 * version; NULL for SYSTEM_UNKNOWN.
 */
const char *product_minimum_setting(enum product_system system);

#endif
