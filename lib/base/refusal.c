#include "base/refusal.h"

#include "base/err.h"

int
refusal_code(int code, int as)
{
	return err_http_status(code) >= 500 ? code : as;
}
