#include "unit/jwsfix.h"

#include "unit/unit.h"

#include <stdio.h>

#include "base/enc.h"
#include "base/log.h"

void
jwsfix_encode(const char *text, struct buf *out)
{
	assert_int_equal(enc_base64url(blob_str(text), out), OK);
}

void
jwsfix_body(struct buf *out, const char *header, const char *payload,
    const char *signature)
{
	buf_init(out, 100000);
	buf_add_str(out, "{\"protected\":\"");
	jwsfix_encode(header, out);
	buf_printf(out, "\",\"payload\":\"%s\",\"signature\":\"%s\"}", payload,
	    signature);
	assert_int_equal(buf_status(out), OK);
}
