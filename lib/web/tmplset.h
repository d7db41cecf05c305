/* A folder of templates. */
#ifndef WEB_TMPLSET_H
#define WEB_TMPLSET_H

#include "web/tmpl.h"

/*
 * Loads every *.html of a folder as a template named without ".html", and
 * checks that each is well formed and that partials exist and do not turn in a
 * circle. ERR_IO, or ERR_CONFIG with file and line in the log. The caller frees
 * with tmpl_free().
 */
int tmplset_load(const char *folder, struct tmpl **out);

#endif
