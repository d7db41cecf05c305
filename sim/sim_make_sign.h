/* attestmdm-sim make machineinfo | mdm-signature | pkimessage */
#ifndef SIM_MAKE_SIGN_H
#define SIM_MAKE_SIGN_H

int sim_make_sign_machineinfo(int argc, char **argv);
int sim_make_sign_mdm_signature(int argc, char **argv);
int sim_make_sign_pkimessage(int argc, char **argv);

#endif
