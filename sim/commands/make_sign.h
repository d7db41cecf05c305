/* attestmdm-sim make machineinfo | mdm-signature | pkimessage */
#ifndef MAKE_SIGN_H
#define MAKE_SIGN_H

int make_sign_machineinfo(int argc, char **argv);
int make_sign_mdm_signature(int argc, char **argv);
int make_sign_pkimessage(int argc, char **argv);

#endif
