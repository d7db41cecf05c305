#include "wire/cmsnode.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Made by asn1Parser from schema/asn/cms.asn. */
extern const asn1_static_node cms_asn1_tab[];

/* The module's tree, built at the first use and kept. */
static asn1_node
module(void)
{
	static asn1_node tree;

	if (tree == NULL)
		asn1_array2tree(cms_asn1_tab, &tree, NULL);
	return tree;
}

asn1_node
cmsnode_decode(const char *type, struct blob in)
{
	asn1_node node = NULL;
	int len = (int)in.n;

	if (asn1_create_element(module(), type, &node) != ASN1_SUCCESS)
		return NULL;
	if (asn1_der_decoding2(&node, in.p, &len, 0, NULL) == ASN1_SUCCESS)
		return node;
	asn1_delete_structure(&node);
	return NULL;
}

int
cmsnode_bytes(asn1_node node, const char *name, struct buf *out)
{
	uint8_t *p;
	int len = 0, r;

	r = asn1_read_value(node, name, NULL, &len);
	if (r == ASN1_SUCCESS && len == 0)
		return OK;
	if (r != ASN1_MEM_ERROR && r != ASN1_SUCCESS)
		return ERR_NOT_FOUND;
	if ((p = malloc((size_t)len)) == NULL)
		return ERR_NOMEM;
	r = asn1_read_value(node, name, p, &len) == ASN1_SUCCESS
	    ? buf_add(out, p, (size_t)len)
	    : ERR_NOT_FOUND;
	free(p);
	return r;
}

bool
cmsnode_oid(asn1_node node, const char *name, char out[CMSNODE_OID_TEXT])
{
	int len = CMSNODE_OID_TEXT;

	return asn1_read_value(node, name, out, &len) == ASN1_SUCCESS;
}

bool
cmsnode_oid_is(asn1_node node, const char *name, const char *oid)
{
	char text[CMSNODE_OID_TEXT];

	return cmsnode_oid(node, name, text) && strcmp(text, oid) == 0;
}

int
cmsnode_count(asn1_node node, const char *name)
{
	int n;

	return asn1_number_of_elements(node, name, &n) == ASN1_SUCCESS ? n : -1;
}
