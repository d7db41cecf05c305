/* The schema, embedded at build time from schema/NNNN-NAME.sql. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

struct schema_step {
	int number;
	const char *name;
	const char *sql;
};

/* In order, from number 1; the last number is schema_steps_count. */
extern const struct schema_step schema_steps[];
extern const int schema_steps_count;

#endif
