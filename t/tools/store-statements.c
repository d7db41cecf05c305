/* store-statements: every statement of lib/store as its engine gets it. */
#include <stdio.h>

#include "store/sql.h"

int
main(void)
{
	struct buf sql;

	buf_init(&sql, 16384);
	for (int i = 0; i < SQL_FAMILIES_COUNT; i++)
		for (int j = 0; j < sql_families[i]->count; j++) {
			buf_reset(&sql);
			if (columns_expand(sql_families[i]->texts[j],
				sql_families[i]->table, &sql) != OK)
				return 1;
			puts(buf_str(&sql));
		}
	buf_release(&sql);
	return 0;
}
