/* What a device is, judged by its product name ("Mac15,3", "iPad14,1"). */
#ifndef SIM_PRODUCT_H
#define SIM_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

enum sim_product_system {
	SIM_PRODUCT_MACOS,
	SIM_PRODUCT_IOS, /* iPadOS as well */
	SIM_PRODUCT_TVOS,
	SIM_PRODUCT_WATCHOS,
	SIM_PRODUCT_VISIONOS,
};

struct sim_product {
	const char *name;
	enum sim_product_system system;
	bool is_silicon; /* a Mac with Apple silicon, or a virtual one on it */
	bool has_t2;     /* an Intel Mac with Apple's security chip */
	bool attests;    /* can prove what it is, given a new enough system */
	bool has_imei;
	const char *model; /* as people call it: MacBook Pro */
	const char *board; /* SoftwareUpdateDeviceID */
};

/* Never fails: a name that is not known is that of an old phone. */
struct sim_product sim_product_of(const char *name);

bool sim_product_is_mac(const struct sim_product *p);

/* The system that such a device runs if nobody says another. */
const char *sim_product_version(const struct sim_product *p);

/* The build of a version of its system, or what could be it: "24B83". */
void sim_product_build(
    const struct sim_product *p, const char *version, char *out, size_t room);

/*
 * True when the version is of that age or newer; counted in releases of iOS, of
 * which every other system's have their number: macOS 14 is of iOS 17's time.
 */
bool sim_product_since(
    const struct sim_product *p, const char *version, long major, long minor);

#endif
