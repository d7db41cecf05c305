/* Writing XML property lists the way Apple's encoder lays them out. */
#ifndef SIM_XML_H
#define SIM_XML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct sim_xml {
	struct buf *out;
	int depth;
};

/* The prologue and the root dictionary; sim_xml_finish ends both. */
void sim_xml_start(struct sim_xml *x, struct buf *out);
void sim_xml_finish(struct sim_xml *x);

/* A nested value; a NULL key means an element of an array. */
void sim_xml_open_dict(struct sim_xml *x, const char *key);
void sim_xml_close_dict(struct sim_xml *x);
void sim_xml_open_array(struct sim_xml *x, const char *key);
void sim_xml_close_array(struct sim_xml *x);

/* A NULL value writes nothing at all. */
void sim_xml_string(struct sim_xml *x, const char *key, const char *value);
void sim_xml_data(struct sim_xml *x, const char *key, struct blob value);
void sim_xml_bool(struct sim_xml *x, const char *key, bool value);
void sim_xml_int(struct sim_xml *x, const char *key, int64_t value);
void sim_xml_real(struct sim_xml *x, const char *key, double value);

#endif
