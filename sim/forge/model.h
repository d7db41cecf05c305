/* What a device is, judged by its product name ("Mac15,3", "iPad14,1"). */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>

enum model_system {
	MODEL_MACOS,
	MODEL_IOS, /* iPadOS as well */
	MODEL_TVOS,
	MODEL_WATCHOS,
	MODEL_VISIONOS,
};

struct model {
	const char *name;
	enum model_system system;
	bool is_silicon; /* a Mac with Apple silicon, or a virtual one on it */
	bool has_t2;     /* an Intel Mac with Apple's security chip */
	bool attests;    /* can prove what it is, given a new enough system */
	bool has_imei;
	const char *model; /* as people call it: MacBook Pro */
	const char *board; /* SoftwareUpdateDeviceID */
};

/* Never fails: a name that is not known is that of an old phone. */
struct model model_of(const char *name);

bool model_is_mac(const struct model *p);

/* The system that such a device runs if nobody says another. */
const char *model_version(const struct model *p);

/* The build of a version of its system, or what could be it: "24B83". */
void model_build(
    const struct model *p, const char *version, char *out, size_t room);

/*
 * True when the version is of that age or newer; counted in releases of iOS, of
 * which every other system's have their number: macOS 14 is of iOS 17's time.
 */
bool model_since(
    const struct model *p, const char *version, long major, long minor);

#endif
