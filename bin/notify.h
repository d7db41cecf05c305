/* What systemd wants to know of a service of Type=notify: sd_notify(3). */
#ifndef BIN_NOTIFY_H
#define BIN_NOTIFY_H

/* Sends a state such as "READY=1" when systemd listens for it. */
void notify_send(const char *state);

/* How often it wants "WATCHDOG=1", in milliseconds; 0: not at all. */
int notify_watchdog_ms(void);

#endif
