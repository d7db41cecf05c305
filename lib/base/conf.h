/*
 * The configuration file, /etc/attestmdm/attestmdm.conf (INI): only what is
 * needed before the database opens. What an administrator changes at run time
 * is a row of table `settings`. Unknown sections and keys are refused.
 * See attestmdm.conf(5).
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>

#define CONF_ENROLLMENT_URL "https://mdmenrollment.apple.com"
#define CONF_PUSH_URL       "https://api.push.apple.com"

/* Room for the issuer of [sign_in], with the NUL. */
#define CONF_ISSUER_TEXT 513

#define CONF_DEFAULT_PATH "/etc/attestmdm/attestmdm.conf"

struct conf {
	/* [server] */
	char *url;          /* https://host[:port], no path, no slash */
	char *organization; /* shown in profiles and pages */
	int workers;        /* processes a program forks, 1..64 */
	int log_level;      /* enum log_priority */
	/* [paths] */
	char *state;     /* /var/lib/attestmdm */
	char *database;  /* STATE/db/attestmdm.db */
	char *nonce_key; /* STATE/nonce.key, 32 bytes */
	/* nginx-secret.conf beside the configuration file */
	char *nginx_secret;
	char *sockets;   /* where check finds the programs' sockets */
	char *admin_key; /* STATE/admin.key, 32 bytes */
	char *templates; /* folder of HTML pages */
	/* [worker] */
	char *worker_socket; /* key "socket": SOCKETS/worker.sock */
	/* [metrics] */
	char *metrics_allow; /* key "allow": addresses that need no token */
	/* [alarms] */
	char *alarm_command;    /* key "command": "" = nobody is told */
	int alarm_repeat_days;  /* key "repeat_days"; 0: tell once */
	/* [mdm] */
	bool mdm_enabled;
	char *topic; /* APNs topic while there is no push certificate; or "" */
	char *profile_identifier; /* reverse-DNS prefix, never changed */
	bool client_certificate_required; /* client_certificate: required */
	/* [acme] */
	char *ca_key;         /* PEM file or pkcs11: URL */
	char *ca_certificate; /* PEM file */
	int certificate_days; /* life of an identity certificate */
	int enrollment_hours; /* life of an enrollment profile */
	bool privacy_mode;    /* no serial number in certificates */
	/* [scep] */
	char *scep_ca_key;         /* key "ca_key": PEM file or pkcs11: URL */
	char *scep_ca_certificate; /* key "ca_certificate": PEM file */
	int scep_certificate_days; /* key "certificate_days" */
	bool older_clients;        /* accept SHA-1, 3DES, short nonces */
	bool renewal_requests;     /* accept RenewalReq for an open renewal */
	/* [renewal] */
	int days_before;        /* a certificate is renewed before its end */
	int per_run;            /* renewals that one run opens at most */
	int expired_grace_days; /* an expired one may still fetch its renewal */
	/* [retention] */
	int activity_days; /* entries of the activity log are kept */
	int event_days;    /* rows of the event log are kept */
	/* [manual] */
	int link_hours; /* life of a one-time link */
	/* [profile] */
	char *signing_key; /* "" = profiles leave unsigned */
	char *signing_certificate;
	char *server_ca; /* PEM put into profiles; "" = none */
	/* [apple] */
	char *attestation_root;         /* PEM file */
	char *device_ca;                /* PEM file */
	bool attestation_root_replaced; /* not the shipped default */
	bool device_ca_replaced;
	char *enrollment_url;  /* of the device enrollment service */
	char *push_url;        /* of the push service */
	char *apple_server_ca; /* key "server_ca": PEM; "": the system's */
	/* [sign_in]; without an issuer nobody can sign in */
	char *sign_in_issuer;      /* key "issuer": https://host[:port][/path] */
	char *sign_in_client_id;   /* key "client_id" */
	char *sign_in_secret_file; /* key "client_secret_file"; "": none */
	char *sign_in_scopes;      /* key "scopes": words, openid among them */
	/* key "account_claim": email, preferred_username or sub */
	char *sign_in_account_claim;
	char *sign_in_domains;   /* key "allowed_domains": a,b; "": all */
	char *sign_in_groups;    /* key "allowed_groups": a,b; "": all */
	char *sign_in_server_ca; /* key "server_ca": PEM; "": the system's */
	/* [license] */
	bool premium; /* tier = premium | free */
	/* [gitops] */
	bool gitops_mode_enabled;
	char *repository_url;
	/* [testing] */
	char *clock_offset_file; /* "" in production */
	bool single_des;         /* SCEP accepts DES: for test clients only */
};

/*
 * Reads and checks the file. On failure ERR_CONFIG (with line number in the
 * log) and *c is empty. All strings are non-NULL after success.
 */
int conf_load(const char *path, struct conf *c);
void conf_release(struct conf *c);

/* True when something stands in for Apple or for the clock, or DES is on. */
bool conf_is_test_bench(const struct conf *c);

#endif
