#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/forge/model.h"

/* More than any major number. */
#define NEVER 10000

static const struct family {
	const char *name;
	enum model_system system;
	int silicon; /* the first major number that attests */
	int t2[2];   /* the majors with a T2, from and to */
	const char *model;
	const char *board;
} families[] = {
	{ "Mac", MODEL_MACOS, 13, { 0, 0 }, "MacBook Pro", "J504AP" },
	{ "MacBookAir", MODEL_MACOS, 10, { 8, 9 }, "MacBook Air", "J313AP" },
	{ "MacBookPro", MODEL_MACOS, 17, { 15, 16 }, "MacBook Pro", "J152fAP" },
	{ "MacBook", MODEL_MACOS, NEVER, { 0, 0 }, "MacBook",
	    "Mac-EE2EBD4B90B839A8" },
	{ "Macmini", MODEL_MACOS, 9, { 8, 8 }, "Mac mini", "J174AP" },
	{ "iMac", MODEL_MACOS, 21, { 20, 20 }, "iMac", "J185AP" },
	{ "iMacPro", MODEL_MACOS, NEVER, { 1, 1 }, "iMac Pro", "J137AP" },
	{ "MacPro", MODEL_MACOS, NEVER, { 7, 7 }, "Mac Pro", "J160AP" },
	{ "VirtualMac", MODEL_MACOS, NEVER, { 0, 0 }, "Apple Virtual Machine 1",
	    "VMA2MACOSAP" },
	{ "iPhone", MODEL_IOS, 10, { 0, 0 }, "iPhone", "D74AP" },
	{ "iPad", MODEL_IOS, 8, { 0, 0 }, "iPad", "J310AP" },
	{ "iPod", MODEL_IOS, NEVER, { 0, 0 }, "iPod touch", "N112AP" },
	{ "AppleTV", MODEL_TVOS, 11, { 0, 0 }, "Apple TV", "J305AP" },
	{ "Watch", MODEL_WATCHOS, 4, { 0, 0 }, "Apple Watch", "N197bAP" },
	{ "RealityDevice", MODEL_VISIONOS, 1, { 0, 0 }, "Apple Vision Pro",
	    "N301AP" },
};

static const struct release {
	const char *version; /* of today */
	long before_ios;     /* so much lower are its major numbers */
	long before_build;   /* and so much higher those of its builds */
	char letter;         /* of a build whose minor number is 0 */
} releases[] = {
	[MODEL_MACOS] = { "15.1", 3, 9, 'A' },
	[MODEL_IOS] = { "18.1", 0, 4, 'A' },
	[MODEL_TVOS] = { "18.1", 0, 4, 'J' },
	[MODEL_WATCHOS] = { "11.1", 7, 11, 'R' },
	[MODEL_VISIONOS] = { "2.1", 16, 20, 'N' },
};

static const struct family *
find_family(const char *name, size_t n)
{
	size_t count = sizeof families / sizeof families[0];

	for (size_t i = 0; i < count; i++)
		if (strlen(families[i].name) == n &&
		    strncmp(families[i].name, name, n) == 0)
			return &families[i];
	return NULL;
}

struct model
model_of(const char *name)
{
	struct model p = {
		.name = name,
		.system = MODEL_IOS,
		.model = "Device",
		.board = "X000AP",
	};
	const struct family *f;
	size_t n = 0;
	long major;

	while (isalpha((unsigned char)name[n]))
		n++;
	f = find_family(name, n);
	major = strtol(name + n, NULL, 10);
	if (f == NULL)
		return p;
	p.system = f->system;
	p.model = f->model;
	p.board = f->board;
	p.attests = major >= f->silicon;
	p.is_silicon = f->system == MODEL_MACOS &&
	    (p.attests || strcmp(f->name, "VirtualMac") == 0);
	p.has_t2 = major > 0 && major >= f->t2[0] && major <= f->t2[1];
	p.has_imei = strcmp(f->name, "iPhone") == 0;
	return p;
}

bool
model_is_mac(const struct model *p)
{
	return p->system == MODEL_MACOS;
}

const char *
model_version(const struct model *p)
{
	return releases[p->system].version;
}

/* Since 2025 all systems have the number of the year to come. */
static bool
is_year(long major)
{
	return major >= 26;
}

static long
minor_of(const char *version)
{
	const char *dot = strchr(version, '.');

	return dot == NULL ? 0 : strtol(dot + 1, NULL, 10);
}

void
model_build(const struct model *p, const char *version, char *out, size_t room)
{
	const struct release *r = &releases[p->system];
	long major = strtol(version, NULL, 10);
	long minor = minor_of(version);
	long build = is_year(major) ? major - 3 : major + r->before_build;

	if (is_year(major) && model_is_mac(p))
		build = major - 1;
	snprintf(out, room, "%ld%c83", build,
	    (char)(r->letter + (minor < 0 || minor > 7 ? 7 : minor)));
}

bool
model_since(const struct model *p, const char *version, long major, long minor)
{
	long own = strtol(version, NULL, 10);

	if (!is_year(own))
		own += releases[p->system].before_ios;
	return own > major || (own == major && minor_of(version) >= minor);
}
