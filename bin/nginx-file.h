/* The file with nginx's secret, which nginx and the programs read. */
#ifndef BIN_NGINX_FILE_H
#define BIN_NGINX_FILE_H

#include "base/conf.h"
#include "bin/owners.h"

/*
 * Makes the file with a new secret for root and the group of the programs, or
 * for the one user of a demonstration; one that is there is kept. ERR_USAGE
 * when only root can.
 */
int nginx_file_create(const struct conf *conf, const struct owners *owners);

#endif
