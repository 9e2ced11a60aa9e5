/* SPDX-License-Identifier: MIT */
/*
 * settings.h - what the configuration says about the local service
 *
 * Copies, so that sessions go on with them when the configuration is read anew.
 * Who may use the service and as whom is in serve/policy.h.
 */
#ifndef MC_SERVE_SETTINGS_H
#define MC_SERVE_SETTINGS_H

#include "config/config.h"
#include "config/listen.h"

#include <sys/types.h>

/* files beside q/ that stand in for paths that are not set */
#define MC_SERVE_TOKENS "tokens"
#define MC_SERVE_PEM "serve.pem"

/* so much in a time; count 0: no limit */
struct mc_serve_rate {
	uint64_t count;
	uint64_t seconds;
};

/* the keys limit-..., smtp-max-size and queue-max-... */
struct mc_serve_limits {
	uint32_t sessions;
	uint32_t sessions_user;
	uint32_t sessions_loopback;	/* for each address */
	struct mc_serve_rate messages;	/* of each user */
	struct mc_serve_rate recipients;
	uint32_t queue_share;		/* percent */
	/* of one session */
	uint32_t errors;
	uint32_t junk;
	int64_t idle_ms;
	int64_t idle_busy_ms;
	int64_t session_ms;
	uint32_t data_rate;		/* bytes a second; 0: any */
	uint32_t session_messages;
	/* of one message */
	uint32_t message_recipients;
	uint32_t command;		/* bytes, with the line end */
	uint32_t text_line;
	uint32_t header;		/* bytes */
	uint32_t fields;
	uint32_t received;
	uint64_t size;			/* 0: no limit */
	/* of the queue; 0: no limit */
	uint64_t queue_messages;
	uint64_t queue_bytes;
};

struct mc_serve_settings {
	char *socket;
	uint32_t socket_mode;		/* 0666, with a group 0660 */
	bool has_group;
	gid_t group;			/* of the socket */
	struct mc_listen listen[MC_LISTEN_MOST];
	size_t n_listen;
	bool trust_loopback;
	char *tokens;			/* NULL: MC_SERVE_TOKENS */
	char *tls_cert;			/* NULL: MC_SERVE_PEM, made if need be */
	char *tls_key;			/* NULL: in tls_cert */
	struct mc_serve_limits limits;
};

/*
 * mc_serve_settings_of - take them out of a configuration
 *
 * -1 with err: MC_E_CONF_VALUE (a group that does not exist, a path too long
 * for a socket, a key without certificate; the text begins with the place),
 * MC_E_CONF_ACCOUNT, MC_E_NOMEM.  mc_serve_settings_clear frees what is in it
 * and leaves it empty.
 */
MC_NODISCARD int
mc_serve_settings_of(const struct mc_config *config,
    struct mc_serve_settings *ret_settings, struct mc_err *err);

void
mc_serve_settings_clear(struct mc_serve_settings *settings);

#endif
