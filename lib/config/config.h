/* SPDX-License-Identifier: MIT */
/*
 * config.h - accounts out of file, environment and command line
 *
 * The public half is in mailchute.h; this is what the other layers use.
 * (Autoconf's config.h is included by base.h through the build's own path.)
 */
#ifndef MC_CONFIG_CONFIG_H
#define MC_CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/secret.h"
#include "base/vec.h"

/* flags of keys.def, the same numbers as MC_KEY_... */
#define MC_KF_SECRET MC_KEY_SECRET
#define MC_KF_NOCLI MC_KEY_NOCLI
#define MC_KF_GLOBAL MC_KEY_GLOBAL

enum mc_key_id {
#define MC_KEY(id, name, type, def, flags, arg, help) MC_K_##id,
#include "config/keys.def"
#undef MC_KEY
	MC_K__COUNT
};

enum mc_pipelining {
	MC_PIPELINING_FULL = 0,
	MC_PIPELINING_COMMANDS,
	MC_PIPELINING_OFF
};
enum mc_protocol { MC_PROTOCOL_SMTP = 0, MC_PROTOCOL_LMTP };
enum mc_tls_mode { MC_TLS_ON = 0, MC_TLS_STARTTLS, MC_TLS_OFF };
enum mc_transport_kind { MC_TRANSPORT_NATIVE = 0, MC_TRANSPORT_CURL };
enum mc_tls_verify { MC_VERIFY_YES = 0, MC_VERIFY_NO, MC_VERIFY_DANE };
enum mc_log_addresses {
	MC_LOG_ADDRESSES_FULL = 0,
	MC_LOG_ADDRESSES_DOMAIN,
	MC_LOG_ADDRESSES_HASH
};
enum mc_queue_mode { MC_QUEUE_ON = 0, MC_QUEUE_OFF, MC_QUEUE_ALWAYS };

/* C type of each key type */
#define MC_CTYPE_TEXT const char *
#define MC_CTYPE_LIST const char *
#define MC_CTYPE_HOST const char *
#define MC_CTYPE_PATH const char *
#define MC_CTYPE_CMD const char *
#define MC_CTYPE_SECRET struct mc_secret *
#define MC_CTYPE_UINT uint64_t
#define MC_CTYPE_SECS uint64_t
#define MC_CTYPE_BYTES uint64_t
#define MC_CTYPE_BOOL bool
#define MC_CTYPE_ENUM int

/*
 * One account with every key resolved: command line, else environment, else its section,
 * else the keys before the first section, else the default.  Text is NULL
 * when unset or empty.  Owned by the configuration; valid until the next
 * mc_config_set.
 *
 * Variables of the environment that say where to log in, as whom and with
 * what (host, port, tls..., auth..., user, from, password..., token...,
 * dkim-...) count for the default account only.  Of the credentials (password..., token...)
 * only those of the strongest place that has any are taken; those of the
 * system's file, and its dkim-... keys, are not taken for a host that the
 * user's file names.
 *
 * Hosts are A-labels, literals without brackets, or paths.  "~/" at the start
 * of a path (file keys, host, log, each of dkim-key) is replaced by the home
 * directory, and
 * "$CREDENTIALS_DIRECTORY/" of a file key by what the caller's environment has
 * for it (it stays where there is none).  The
 * elements of `from` are separated by ", ", with domains as A-labels.
 */
struct mc_account {
	const char *name;
#define MC_KEY(id, name, type, def, flags, arg, help) MC_CTYPE_##type id;
#include "config/keys.def"
#undef MC_KEY
	/* worked out from them */
	enum mc_tls_mode tls_mode;
	char port_text[8];	/* never "0" */
	bool is_socket;		/* host is a path */
	bool is_service;	/* host is the local service's socket, since
				 * there is no configuration: names without a
				 * domain are left to it */
	bool is_default;
	const char *no_host;	/* what else to say where there is no host, or
				 * NULL */
	bool explicit_tls;	/* tls was set by somebody */
	bool env_password_file;	/* password_file was named by the environment */
	bool env_token_file;
	bool env_client_secret_file;
	uint64_t rate_messages;	/* of `rate`; 0: no limit */
	uint64_t rate_seconds;
};

/*
 * Checked when an account is made: tls = off only with a loopback literal, `localhost` or
 * a socket path, and then no user/auth; port 587 or 25 without `tls` means starttls; pins well-formed; ehlo-name a host
 * name or address literal; host without control bytes or blanks; retry-max not below
 * retry-min (where only one of them was set, the other one's default follows it);
 * dkim-domain with as many selectors as keys;
 * MC_E_CONF_VALUE.
 * An account without host is no error here (mailchute config show must work); sending with it is.
 */

/* default account for name NULL; MC_E_CONF_ACCOUNT names the ones there are */
MC_NODISCARD int
mc_config_find(const struct mc_config *config, const char *name,
    const struct mc_account **ret_account, struct mc_err *err);

/*
 * mc_config_choose - account by sender
 *
 * First the account with a pattern in `from` that fits the envelope sender, else one that
 * fits header_from, else the default account.  An exact address beats a pattern, a longer
 * pattern a shorter one, then the order of the file.  Either address may be
 * empty.  *ret_rule says why, in words, static or owned by the configuration.
 */
MC_NODISCARD int
mc_config_choose(const struct mc_config *config, struct mc_str sender,
    struct mc_str header_from, const struct mc_account **ret_account,
    const char **ret_rule, struct mc_err *err);

/*
 * mc_config_choose_open - the same among accounts without allow-sender
 *
 * The default account, with or without, where no pattern fits.
 */
MC_NODISCARD int
mc_config_choose_open(const struct mc_config *config, struct mc_str sender,
    const struct mc_account **ret_account, struct mc_err *err);

/* the account's default sender: first element of `from` without '*', or empty */
struct mc_str
mc_account_from(const struct mc_account *account);

/* what envelope-from may be made of; empty: there is none */
struct mc_sender_names {
	struct mc_str login;	/* %U */
	struct mc_str host;	/* %H, the host's name */
	struct mc_str mail;	/* %M, the host's domain for mail */
	struct mc_str domain;	/* %D, the account's domain */
};

/*
 * mc_envelope_from_make - append the address that an envelope-from stands for
 *
 * Nothing for "<>".  -1 with err: MC_E_NO_USER (%U, and the user has no name),
 * MC_E_CONF_VALUE (another name is not there, or the text is none that
 * mc_envelope_from_check takes), MC_E_ADDR_SYNTAX, MC_E_ADDR_LONG,
 * MC_E_NOMEM, MC_E_TOO_LONG.
 */
MC_NODISCARD int
mc_envelope_from_make(struct mc_str text, const struct mc_sender_names *names,
    struct mc_buf *out, struct mc_err *err);

/*
 * mc_envelope_from_check - append the normal form of an envelope-from
 *
 * A full address with or without brackets, in which placeholders may stand, or
 * "<>".  Errors as of mc_envelope_from_make; the text never shows the value.
 */
MC_NODISCARD int
mc_envelope_from_check(struct mc_str text, struct mc_buf *out,
    struct mc_err *err);

/* a limit by a rate in normal form, such as limit-messages; "0" is 0 of both.
 * -1 if it is none */
MC_NODISCARD int
mc_config_rate(const char *text, uint64_t *ret_count, uint64_t *ret_seconds);
/*
 * mc_config_forget - overwrite what other accounts log in with
 *
 * For a process that goes on without it: afterwards no password, token, user
 * and password of a proxy, or command line of password-command and the like is
 * left in its memory, but those of the account `keep` (NULL, or one that is not
 * there: none).  That there is one is still known: the fields of accounts stay
 * non-NULL, mc_source_has() and mc_keeper_needed() say what they said, and
 * mc_config_set() checks as before; only mc_source_get() has none to give.
 */
void
mc_config_forget(struct mc_config *config, const char *keep);

/* does the address fit one of the account's `from` patterns? */
bool
mc_account_owns(const struct mc_account *account, struct mc_str addr);

#endif
