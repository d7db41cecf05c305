#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_product.h"

/* More than any major number. */
#define SIM_PRODUCT_NEVER 10000

static const struct sim_product_family {
	const char *name;
	enum sim_product_system system;
	int silicon; /* the first major number that attests */
	int t2[2];   /* the majors with a T2, from and to */
	const char *model;
	const char *board;
} sim_product_families[] = {
	{ "Mac", SIM_PRODUCT_MACOS, 13, { 0, 0 }, "MacBook Pro", "J504AP" },
	{ "MacBookAir", SIM_PRODUCT_MACOS, 10, { 8, 9 }, "MacBook Air",
	    "J313AP" },
	{ "MacBookPro", SIM_PRODUCT_MACOS, 17, { 15, 16 }, "MacBook Pro",
	    "J152fAP" },
	{ "MacBook", SIM_PRODUCT_MACOS, SIM_PRODUCT_NEVER, { 0, 0 }, "MacBook",
	    "Mac-EE2EBD4B90B839A8" },
	{ "Macmini", SIM_PRODUCT_MACOS, 9, { 8, 8 }, "Mac mini", "J174AP" },
	{ "iMac", SIM_PRODUCT_MACOS, 21, { 20, 20 }, "iMac", "J185AP" },
	{ "iMacPro", SIM_PRODUCT_MACOS, SIM_PRODUCT_NEVER, { 1, 1 }, "iMac Pro",
	    "J137AP" },
	{ "MacPro", SIM_PRODUCT_MACOS, SIM_PRODUCT_NEVER, { 7, 7 }, "Mac Pro",
	    "J160AP" },
	{ "VirtualMac", SIM_PRODUCT_MACOS, SIM_PRODUCT_NEVER, { 0, 0 },
	    "Apple Virtual Machine 1", "VMA2MACOSAP" },
	{ "iPhone", SIM_PRODUCT_IOS, 10, { 0, 0 }, "iPhone", "D74AP" },
	{ "iPad", SIM_PRODUCT_IOS, 8, { 0, 0 }, "iPad", "J310AP" },
	{ "iPod", SIM_PRODUCT_IOS, SIM_PRODUCT_NEVER, { 0, 0 }, "iPod touch",
	    "N112AP" },
	{ "AppleTV", SIM_PRODUCT_TVOS, 11, { 0, 0 }, "Apple TV", "J305AP" },
	{ "Watch", SIM_PRODUCT_WATCHOS, 4, { 0, 0 }, "Apple Watch", "N197bAP" },
	{ "RealityDevice", SIM_PRODUCT_VISIONOS, 1, { 0, 0 },
	    "Apple Vision Pro", "N301AP" },
};

static const struct sim_product_release {
	const char *version; /* of today */
	long before_ios;     /* so much lower are its major numbers */
	long before_build;   /* and so much higher those of its builds */
	char letter;         /* of a build whose minor number is 0 */
} sim_product_releases[] = {
	[SIM_PRODUCT_MACOS] = { "15.1", 3, 9, 'A' },
	[SIM_PRODUCT_IOS] = { "18.1", 0, 4, 'A' },
	[SIM_PRODUCT_TVOS] = { "18.1", 0, 4, 'J' },
	[SIM_PRODUCT_WATCHOS] = { "11.1", 7, 11, 'R' },
	[SIM_PRODUCT_VISIONOS] = { "2.1", 16, 20, 'N' },
};

static const struct sim_product_family *
sim_product_family(const char *name, size_t n)
{
	size_t count =
	    sizeof sim_product_families / sizeof sim_product_families[0];

	for (size_t i = 0; i < count; i++)
		if (strlen(sim_product_families[i].name) == n &&
		    strncmp(sim_product_families[i].name, name, n) == 0)
			return &sim_product_families[i];
	return NULL;
}

struct sim_product
sim_product_of(const char *name)
{
	struct sim_product p = {
		.name = name,
		.system = SIM_PRODUCT_IOS,
		.model = "Device",
		.board = "X000AP",
	};
	const struct sim_product_family *f;
	size_t n = 0;
	long major;

	while (isalpha((unsigned char)name[n]))
		n++;
	f = sim_product_family(name, n);
	major = strtol(name + n, NULL, 10);
	if (f == NULL)
		return p;
	p.system = f->system;
	p.model = f->model;
	p.board = f->board;
	p.attests = major >= f->silicon;
	p.is_silicon = f->system == SIM_PRODUCT_MACOS &&
	    (p.attests || strcmp(f->name, "VirtualMac") == 0);
	p.has_t2 = major > 0 && major >= f->t2[0] && major <= f->t2[1];
	p.has_imei = strcmp(f->name, "iPhone") == 0;
	return p;
}

bool
sim_product_is_mac(const struct sim_product *p)
{
	return p->system == SIM_PRODUCT_MACOS;
}

const char *
sim_product_version(const struct sim_product *p)
{
	return sim_product_releases[p->system].version;
}

/* Since 2025 all systems have the number of the year to come. */
static bool
sim_product_is_year(long major)
{
	return major >= 26;
}

static long
sim_product_minor(const char *version)
{
	const char *dot = strchr(version, '.');

	return dot == NULL ? 0 : strtol(dot + 1, NULL, 10);
}

void
sim_product_build(
    const struct sim_product *p, const char *version, char *out, size_t room)
{
	const struct sim_product_release *r = &sim_product_releases[p->system];
	long major = strtol(version, NULL, 10);
	long minor = sim_product_minor(version);
	long build =
	    sim_product_is_year(major) ? major - 3 : major + r->before_build;

	if (sim_product_is_year(major) && sim_product_is_mac(p))
		build = major - 1;
	snprintf(out, room, "%ld%c83", build,
	    (char)(r->letter + (minor < 0 || minor > 7 ? 7 : minor)));
}

bool
sim_product_since(
    const struct sim_product *p, const char *version, long major, long minor)
{
	long own = strtol(version, NULL, 10);

	if (!sim_product_is_year(own))
		own += sim_product_releases[p->system].before_ios;
	return own > major ||
	    (own == major && sim_product_minor(version) >= minor);
}
