/* attestmdm-sim make certificate | tls */
#ifndef MAKE_CERT_H
#define MAKE_CERT_H

int make_cert_certificate(int argc, char **argv);
int make_cert_tls(int argc, char **argv);

#endif
