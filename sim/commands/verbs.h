/*
 * The commands of attestmdm-sim. Each takes the arguments that come after its
 * name, which is argv[-1], and returns OK or an error code.
 */
#ifndef VERBS_H
#define VERBS_H

int enroll_run(int argc, char **argv);
int poll_run(int argc, char **argv);
int wait_run(int argc, char **argv);
int check_in_run(int argc, char **argv);
int fleet_run(int argc, char **argv);
int make_run(int argc, char **argv);
int apns_run(int argc, char **argv);
int push_certificate_run(int argc, char **argv);
int business_service_run(int argc, char **argv);
int server_token_run(int argc, char **argv);

#endif
