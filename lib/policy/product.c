#include "policy/product.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "store/settings.h"

#define NEVER 10000

/*
 * The first major number of each family that can attest. Families that moved
 * from Intel to Apple silicon kept counting; newer Macs are plain "Mac".
 */
static const struct family_rule {
	const char *name;
	enum product_family family;
	enum product_system system;
	int first_major;
} families[] = {
	{ "Mac", PRODUCT_MAC, SYSTEM_MACOS, 13 },
	{ "MacBookAir", PRODUCT_MACBOOK_AIR, SYSTEM_MACOS, 10 },
	{ "MacBookPro", PRODUCT_MACBOOK_PRO, SYSTEM_MACOS, 17 },
	{ "MacBook", PRODUCT_MACBOOK, SYSTEM_MACOS, NEVER },
	{ "Macmini", PRODUCT_MAC_MINI, SYSTEM_MACOS, 9 },
	{ "iMac", PRODUCT_IMAC, SYSTEM_MACOS, 21 },
	{ "iMacPro", PRODUCT_IMAC_PRO, SYSTEM_MACOS, NEVER },
	{ "MacPro", PRODUCT_MAC_PRO, SYSTEM_MACOS, NEVER },
	{ "ADP", PRODUCT_DEVELOPER_MAC, SYSTEM_MACOS, NEVER },
	{ "VirtualMac", PRODUCT_VIRTUAL_MAC, SYSTEM_MACOS, NEVER },
	{ "iPhone", PRODUCT_IPHONE, SYSTEM_IOS, 10 },
	{ "iPad", PRODUCT_IPAD, SYSTEM_IPADOS, 8 },
	{ "iPod", PRODUCT_IPOD, SYSTEM_IOS, NEVER },
	{ "AppleTV", PRODUCT_APPLE_TV, SYSTEM_TVOS, 11 },
	{ "Watch", PRODUCT_WATCH, SYSTEM_WATCHOS, 4 },
	{ "RealityDevice", PRODUCT_VISION, SYSTEM_VISIONOS, 1 },
};

/* Intel Macs with a T2, by the major numbers (inclusive) that have one. */
static const struct t2_rule {
	enum product_family family;
	int first_major;
	int last_major;
} t2_macs[] = {
	{ PRODUCT_MACBOOK_AIR, 8, 9 },
	{ PRODUCT_MACBOOK_PRO, 15, 16 },
	{ PRODUCT_MAC_MINI, 8, 8 },
	{ PRODUCT_IMAC, 20, 20 },
	{ PRODUCT_IMAC_PRO, 1, 1 },
	{ PRODUCT_MAC_PRO, 7, 7 },
};

static const struct system_rule {
	const char *name;
	struct os_version floor;
	/* The build's letter that means minor version 0; 0 when it does not. */
	char first_letter;
	/* in store/settings.h */
	const char *minimum_setting;
} systems[] = {
	[SYSTEM_UNKNOWN] = { "its system", { 0, 0, 0 }, 0, NULL },
	[SYSTEM_MACOS] = { "macOS", { 14, 0, 0 }, 0, SETTINGS_MINIMUM_MACOS },
	[SYSTEM_IOS] = { "iOS", { 16, 0, 0 }, 'A', SETTINGS_MINIMUM_IOS },
	[SYSTEM_IPADOS] = { "iPadOS", { 16, 1, 0 }, 'A',
	    SETTINGS_MINIMUM_IPADOS },
	[SYSTEM_TVOS] = { "tvOS", { 16, 0, 0 }, 'J', SETTINGS_MINIMUM_TVOS },
	[SYSTEM_WATCHOS] = { "watchOS", { 10, 0, 0 }, 'R',
	    SETTINGS_MINIMUM_WATCHOS },
	[SYSTEM_VISIONOS] = { "visionOS", { 1, 1, 0 }, 'N',
	    SETTINGS_MINIMUM_VISIONOS },
};
_Static_assert(sizeof systems / sizeof systems[0] == PRODUCT_SYSTEMS,
    "PRODUCT_SYSTEMS ends at another system");

/* Reads 1..4 digits and returns what follows them, or NULL. */
static const char *
number(const char *s, int *out)
{
	int digits;

	*out = 0;
	for (digits = 0; digits < 5 && isdigit((unsigned char)s[digits]);
	     digits++)
		*out = *out * 10 + (s[digits] - '0');
	return digits >= 1 && digits <= 4 ? s + digits : NULL;
}

void
product_parse(const char *name, struct product *out)
{
	const struct family_rule *rule;
	const char *s;
	int major, minor;
	size_t i, n;

	*out = (struct product){ .family = PRODUCT_UNKNOWN };
	for (i = 0; i < sizeof families / sizeof families[0]; i++) {
		rule = &families[i];
		n = strlen(rule->name);
		if (strncmp(name, rule->name, n) == 0 &&
		    (s = number(name + n, &major)) != NULL && *s == ',' &&
		    (s = number(s + 1, &minor)) != NULL && *s == '\0')
			*out = (struct product){ rule->family, rule->system,
				major, minor, major >= rule->first_major };
	}
}

/* A word such as "M1" or "M4,": an M, digits, and no letter on either side. */
static bool
names_chip(const char *words, size_t at)
{
	size_t end = at + 1;

	while (isdigit((unsigned char)words[end]))
		end++;
	return words[at] == 'M' &&
	    (at == 0 || !isalnum((unsigned char)words[at - 1])) &&
	    end > at + 1 && end <= at + 3 &&
	    !isalpha((unsigned char)words[end]);
}

bool
product_names_silicon(const char *words)
{
	struct product product;
	bool silicon;
	size_t i;

	product_parse(words, &product);
	silicon = product.can_attest;
	for (i = 0; !silicon && words[i] != '\0'; i++)
		silicon = names_chip(words, i);
	return silicon;
}

enum product_kind
product_kind_of(const char *words)
{
	/* "Mac" is in all names of Macs, and in no other. */
	static const char *const others[] = { "iphone", "ipad", "ipod",
		"apple tv", "appletv", "watch", "vision", "realitydevice" };
	size_t i;

	if (strcasestr(words, "mac") != NULL)
		return PRODUCT_KIND_MAC;
	for (i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcasestr(words, others[i]) != NULL)
			return PRODUCT_KIND_OTHER;
	return PRODUCT_KIND_UNKNOWN;
}

static bool
has_t2(const struct product *p)
{
	size_t i;

	for (i = 0; i < sizeof t2_macs / sizeof t2_macs[0]; i++)
		if (t2_macs[i].family == p->family &&
		    p->major >= t2_macs[i].first_major &&
		    p->major <= t2_macs[i].last_major)
			return true;
	return false;
}

static const char *
describe_mac(const struct product *p)
{
	if (p->family == PRODUCT_VIRTUAL_MAC)
		return "a virtual Mac, which has no attestation";
	if (p->family == PRODUCT_DEVELOPER_MAC)
		return "an Apple developer kit, which has no attestation";
	if (p->can_attest)
		return "a Mac with Apple silicon";
	if (has_t2(p))
		return "an Intel Mac with a T2 chip, which cannot attest";
	return "an Intel Mac, which cannot attest";
}

const char *
product_describe(const struct product *p)
{
	if (p->family == PRODUCT_UNKNOWN)
		return "an unknown kind of device";
	if (p->system == SYSTEM_MACOS)
		return describe_mac(p);
	if (!p->can_attest)
		return "a device with a chip too old to attest";
	return "a device with a chip that can attest";
}

const char *
product_system_name(enum product_system s)
{
	return systems[s].name;
}

bool
product_os_parse(const char *text, struct os_version *out)
{
	int n[3] = { 0, 0, 0 }, i;
	const char *s = text;

	*out = (struct os_version){ 0, 0, 0 };
	for (i = 0; i < 3; i++) {
		if ((s = number(s, &n[i])) == NULL)
			return false;
		if (*s == '\0')
			break;
		if (*s++ != '.' || i == 2)
			return false;
	}
	*out = (struct os_version){ n[0], n[1], n[2] };
	return true;
}

/*
 * The number that starts a build counts the kernel's releases. Apple named
 * all systems after the year from kernel 25 (Macs) and build 23 (others) on.
 */
static int
major_of_build(enum product_system system, int build)
{
	switch (system) {
	case SYSTEM_MACOS:
		if (build >= 25)
			return build + 1;
		return build >= 20 ? build - 9 : 10;
	case SYSTEM_IOS:
	case SYSTEM_IPADOS:
	case SYSTEM_TVOS:
		return build >= 23 ? build + 3 : build - 4;
	case SYSTEM_WATCHOS:
		return build >= 23 ? build + 3 : build - 11;
	case SYSTEM_VISIONOS:
		return build >= 23 ? build + 3 : build - 20;
	case SYSTEM_UNKNOWN:
		break;
	}
	return 0;
}

bool
product_os_from_build(
    enum product_system system, const char *build, struct os_version *out)
{
	const char *s;
	char first = systems[system].first_letter;
	int n, major;

	*out = (struct os_version){ 0, 0, 0 };
	if ((s = number(build, &n)) == NULL || !isupper((unsigned char)*s) ||
	    !isdigit((unsigned char)s[1]))
		return false;
	if ((major = major_of_build(system, n)) <= 0)
		return false;
	out->major = major;
	if (first != 0 && *s > first)
		out->minor = *s - first;
	return true;
}

int
product_os_compare(const struct os_version *a, const struct os_version *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->minor != b->minor)
		return a->minor < b->minor ? -1 : 1;
	if (a->patch != b->patch)
		return a->patch < b->patch ? -1 : 1;
	return 0;
}

void
product_os_text(const struct os_version *v, char out[OS_VERSION_TEXT])
{
	if (v->patch != 0)
		snprintf(out, OS_VERSION_TEXT, "%d.%d.%d", v->major, v->minor,
		    v->patch);
	else
		snprintf(out, OS_VERSION_TEXT, "%d.%d", v->major, v->minor);
}

bool
product_os_floor(enum product_system system, struct os_version *out)
{
	*out = systems[system].floor;
	return system != SYSTEM_UNKNOWN;
}

const char *
product_minimum_setting(enum product_system system)
{
	return systems[system].minimum_setting;
}
