/* SPDX-License-Identifier: MIT */
/*
 * curl_internal.h - what the files behind mc_transport_curl share
 */
#ifndef MC_CURL_INTERNAL_H
#define MC_CURL_INTERNAL_H

#include "transport/drive.h"
#include "transport/login.h"
#include "transport/transport.h"
#include "transport/watch.h"

#include <curl/curl.h>
#include <signal.h>

/* libcurl never ends a wait by itself before this; the deadlines are ours */
#define MC_CURL_FOREVER_S 86400L
/* one TLS record */
#define MC_CURL_STAGE 16384
/* connections that are tried at the same time; more are not counted */
#define MC_CURL_SOCKS 8

struct mc_transport {
	const struct mc_transport_env *env;
	struct mc_login login;
	CURLM *multi;
	CURL *easy;
	CURLcode set_failed;	/* first option that libcurl did not take */
	struct curl_slist *connect_to;
	struct mc_watch watch;
	struct mc_drive drive;
	curl_socket_t fd;
	curl_socket_t socks[MC_CURL_SOCKS];	/* that libcurl has made; -1: free */
	bool nowhere;		/* an address was one that leads nowhere */
	char why[CURL_ERROR_SIZE];
	/* input that was looked for and found */
	char peeked[4096];
	size_t peek_at;
	size_t peek_n;
	bool ended;
	struct mc_err broken;
	/* output that libcurl may have taken in part: it wants the same bytes
	 * at the same place again */
	char stage[MC_CURL_STAGE];
	size_t stage_at;
	size_t stage_n;
};

/* ------------------------------------------------------------- curl_link.c */

/*
 * libcurl keeps SIGPIPE away by changing the process's handler, which a
 * library must not do; it is told not to (CURLOPT_NOSIGNAL), and the signal is
 * held back from this thread instead.
 */
struct mc_curl_quiet {
	sigset_t old;
	bool pending;		/* one was there before: not ours */
};

void
mc_curl_quiet_begin(struct mc_curl_quiet *q);

void
mc_curl_quiet_end(const struct mc_curl_quiet *q);

/* ctx: struct mc_transport, whose fd is known */
extern const struct mc_link mc_curl_link;

/* ---------------------------------------------------------- curl_options.c */

/* all that libcurl has to know; MC_E_NOMEM, MC_E_MODULE, and those of the
 * settings themselves */
MC_NODISCARD int
mc_curl_set_options(struct mc_transport *t, struct mc_err *err);

/* the first failure is kept in t->set_failed */
void
mc_curl_set_text(struct mc_transport *t, CURLoption option,
    const char *value);

void
mc_curl_set_long(struct mc_transport *t, CURLoption option, long value);

/* a text that was put together; it is cleared, and was checked before */
MC_NODISCARD int
mc_curl_set_buf(struct mc_transport *t, CURLoption option,
    struct mc_buf *value, struct mc_err *err);

/* the name in the URL is the one that the certificate must have */
const char *
mc_curl_url_host(const struct mc_account *a);

/* ----------------------------------------------------------- curl_secure.c */

/* MC_E_TLS_SETUP, MC_E_CONF_SECRET, MC_E_NOMEM */
MC_NODISCARD int
mc_curl_set_tls(struct mc_transport *t, struct mc_err *err);

/* by ourselves where we can, else by libcurl; errors of login.h, and
 * MC_E_CONF_VALUE */
MC_NODISCARD int
mc_curl_set_login(struct mc_transport *t, struct mc_err *err);

/* no use once the log-in is over; what libcurl has copied of them for the
 * connection goes with the connection */
void
mc_curl_drop_secrets(struct mc_transport *t);

/* ------------------------------------------------------------ curl_error.c */

/* is the server, or the proxy in front of it, there? */
bool
mc_curl_connected(const struct mc_transport *t);

bool
mc_curl_secured(const struct mc_transport *t);

/* between connecting and the first byte of SMTP, or after STARTTLS? */
bool
mc_curl_in_handshake(const struct mc_transport *t);

/* what broke off, in the words of where it was; always -1 */
int
mc_curl_lost(const struct mc_transport *t, enum mc_code code,
    const char *what, struct mc_err *err);

/* libcurl's failure as one of ours; always -1 */
int
mc_curl_explain(const struct mc_transport *t, CURLcode code,
    struct mc_err *err);

#endif
