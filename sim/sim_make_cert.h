/* attestmdm-sim make certificate | tls */
#ifndef SIM_MAKE_CERT_H
#define SIM_MAKE_CERT_H

int sim_make_cert_certificate(int argc, char **argv);
int sim_make_cert_tls(int argc, char **argv);

#endif
