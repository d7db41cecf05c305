/*
 * Structures of schema/asn/cms.asn, decoded by libtasn1 from BER that
 * in_der_fault() has bounded. Names of parts are libtasn1's: "a.?1.b".
 */
#ifndef WIRE_CMSNODE_H
#define WIRE_CMSNODE_H

#include <libtasn1.h>
#include <stdbool.h>

#include "base/blob.h"
#include "base/buf.h"

#define CMSNODE_OID_TEXT 64

/*
 * Decodes the whole of `in` as one structure, such as "Cms.Signed"; NULL when
 * it is not one. The caller calls asn1_delete_structure.
 */
asn1_node cmsnode_decode(const char *type, struct blob in);

/*
 * Appends the bytes of a part: of an ANY the whole element, otherwise its
 * content, pieces joined. ERR_NOT_FOUND, unlogged, when it is absent.
 */
int cmsnode_bytes(asn1_node node, const char *name, struct buf *out);

/* The dotted text of an OBJECT IDENTIFIER; false when absent. */
bool cmsnode_oid(asn1_node node, const char *name, char out[CMSNODE_OID_TEXT]);
bool cmsnode_oid_is(asn1_node node, const char *name, const char *oid);

/* How many elements a SET OF has; -1 when it is absent. */
int cmsnode_count(asn1_node node, const char *name);

#endif
