/* SPDX-License-Identifier: MIT */
/*
 * mailchute.h - submit mail: envelope, blind copies, verified TLS, log-in
 *
 * The one header of libmailchute.  The library prints nothing, ends nothing,
 * touches no signal and looks at no environment of its own: what belongs to
 * the process comes in through struct mc_caller.  Objects are independent of
 * each other; one object is used by one thread at a time.
 *
 * Functions that can fail return 0 or -1 and take a `struct mc_err *` last; it
 * is written only on failure and may be NULL.  Strings are UTF-8.  Manual:
 * libmailchute(3).
 */
#ifndef MAILCHUTE_H
#define MAILCHUTE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && __GNUC__ >= 4
#define MC_API __attribute__((visibility("default")))
#define MC_CHECK __attribute__((warn_unused_result))
#else
#define MC_API
#define MC_CHECK
#endif

/* 0xMMmmpp of the header; mc_version() tells the library's own, "0.1.0" */
#define MC_VERSION_NUMBER 0x000100

/* 2026-11-01, in seconds since 1970: a clock that is behind this is wrong */
#define MC_VERSION_TIME 1793491200

MC_API const char *
mc_version(void);

/* ------------------------------------------------------------------ errors */

/* What failed.  The table in libmailchute(3) gives class and exit status. */
enum mc_code {
	MC_OK = 0,
	MC_E_USAGE,
	MC_E_NO_RCPT,
	MC_E_ADDR_SYNTAX,
	MC_E_ADDR_LONG,
	MC_E_ADDR_BARE,
	MC_E_TOO_MANY_RCPTS,
	MC_E_HDR_SYNTAX,
	MC_E_HDR_LONG,
	MC_E_MSG_CONTENT,
	MC_E_LOOP,
	MC_E_BAD_VALUE,
	MC_E_TOO_LONG,
	MC_E_CONF_FILE,
	MC_E_CONF_SYNTAX,
	MC_E_CONF_KEY,
	MC_E_CONF_VALUE,
	MC_E_CONF_SECRET,
	MC_E_CONF_ACCOUNT,
	MC_E_CONF_ALIASES,
	MC_E_FILE,
	MC_E_NOMEM,
	MC_E_IO,
	MC_E_TMPFILE,
	MC_E_NO_USER,
	MC_E_CANCELLED,
	MC_E_MODULE,
	MC_E_HELPER,
	MC_E_NO_SECRET,
	MC_E_DKIM,
	MC_E_RESOLVE,
	MC_E_CONNECT,
	MC_E_TIMEOUT,
	MC_E_CLOSED,
	MC_E_NET,
	MC_E_TLS,
	MC_E_TLS_CERT,
	MC_E_TLS_SETUP,
	MC_E_TLS_NOT_OFFERED,
	MC_E_INJECTED,
	MC_E_REPLY_SYNTAX,
	MC_E_REPLY_LONG,
	MC_E_REPLY_UNEXPECTED,
	MC_E_AUTH_NOT_OFFERED,
	MC_E_AUTH_REFUSED,
	MC_E_AUTH_PROTO,
	MC_E_AUTH_SERVER,
	MC_E_SERVER_UNAVAILABLE,
	MC_E_RATE,
	MC_E_NOT_READY,
	MC_E_REFUSED,
	MC_E_NO_RCPT_LEFT,
	MC_E_TOO_BIG,
	MC_E_NEED_8BITMIME,
	MC_E_NEED_SMTPUTF8,
	MC_E_NEED_REQUIRETLS,
	MC_E_NEED_DELIVERBY,
	MC_E_NEED_FUTURERELEASE,
	MC_E_NOT_ALLOWED,
	MC_E_QUEUE,
	MC_E_QUEUE_FS,
	MC_E_QUEUE_FULL,
	MC_E_QUEUE_EXISTS,
	MC_E_QUEUE_DAMAGED,
	MC_E_QUEUE_READONLY,
	MC_E_QUEUE_NEWER,
	MC_E_QUEUE_NONE,
	MC_E_QUEUE_BUSY,
	MC_E_EXPIRED,
	MC_E_INTERNAL
};

/* Where it failed. */
enum mc_stage {
	MC_STAGE_LOCAL = 0,
	MC_STAGE_CONFIG,
	MC_STAGE_RESOLVE,
	MC_STAGE_CONNECT,
	MC_STAGE_TLS,
	MC_STAGE_GREETING,
	MC_STAGE_EHLO,
	MC_STAGE_STARTTLS,
	MC_STAGE_AUTH,
	MC_STAGE_MAIL,
	MC_STAGE_RCPT,
	MC_STAGE_DATA,
	MC_STAGE_END
};

#define MC_ERR_TEXT 512

/*
 * One failure.  Owned by the caller, holds no memory, all zero means none.
 */
struct mc_err {
	enum mc_code code;
	enum mc_stage stage;
	int smtp;		/* reply code of the server, 0 if none */
	int enh[3];		/* enhanced status code (RFC 3463) */
	int sys;		/* errno, 0 if none */
	int unsure;		/* end of data sent, verdict unknown */
	char text[MC_ERR_TEXT];	/* one printable line, NUL-terminated */
};

/* The exit status out of <sysexits.h> for an error; 0 for none. */
MC_API int
mc_err_exit(const struct mc_err *err);

/* "MC_E_CONNECT"; never NULL. */
MC_API const char *
mc_code_name(enum mc_code code);

/* "connect"; never NULL. */
MC_API const char *
mc_stage_name(enum mc_stage stage);

/* ----------------------------------------------------------------- logging */

enum mc_level {
	MC_LOG_NONE = 0,
	MC_LOG_ERROR,
	MC_LOG_WARN,
	MC_LOG_INFO,
	MC_LOG_DEBUG,
	MC_LOG_TRACE		/* the dialogue, secrets hidden */
};

/* text is one printable line without newline, valid during the call */
typedef void (*mc_log_fn)(void *ctx, enum mc_level level, enum mc_stage stage,
    const char *text);

/* ------------------------------------------------------------------ caller */

/*
 * What the library may know of the process and the person.  Borrowed: every
 * pointer stays valid as long as the objects that were given it.
 */
struct mc_caller {
	const char *login;	/* of the real uid; NULL if it has no name */
	const char *full_name;	/* NULL or empty if unknown */
	const char *home;	/* NULL if none */
	const char *hostname;	/* as gethostname gives it; NULL if unknown */
	const char *mailname;	/* the host's domain for mail; NULL: hostname */
	const char *tmpdir;	/* NULL: /tmp */
	/* NULL-terminated environment, or NULL.  Values of secret variables
	 * (MAILCHUTE_PASSWORD and the like) are overwritten once read. */
	char **envp;
	unsigned long uid;	/* effective */
};

/* ----------------------------------------------------------- configuration */

struct mc_config;

/* Told of every problem found; line is 0 where none applies.  The text of the
 * problem begins with the place. */
typedef void (*mc_problem_fn)(void *ctx, const char *file, unsigned line,
    const struct mc_err *problem);

/*
 * Read the configuration: `file` if not NULL; else the file that
 * MAILCHUTE_CONFIG names; else the user's file over the system's.  Then the
 * environment.  No file at all is no error.  With `fn`, reading goes on after
 * a problem and each one is told; the call still fails, with the first.
 * Errors: MC_E_CONF_FILE, _SYNTAX, _KEY, _VALUE, _SECRET, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_config_load(const struct mc_caller *caller, const char *file,
    mc_problem_fn fn, void *ctx, struct mc_config **ret_config,
    struct mc_err *err);

MC_API void
mc_config_free(struct mc_config *config);

/*
 * Give a key a value that wins over file and environment, for all accounts.
 * Keys that may not come from a command line are refused (MC_E_USAGE).
 */
MC_API MC_CHECK int
mc_config_set(struct mc_config *config, const char *key, const char *value,
    struct mc_err *err);

/* Names of the accounts; NULL past the end.  There is always at least one. */
MC_API const char *
mc_config_account(const struct mc_config *config, size_t i);

struct mc_value {
	const char *key;
	const char *value;	/* "" if unset, "<hidden>" for a secret */
	const char *origin;	/* "default", "file:line", "environment", ... */
	int is_default;
};

/*
 * Every key of an account (NULL: the default account) in the table's order;
 * returns -1 past the end or with MC_E_CONF_ACCOUNT.  The strings belong to
 * the configuration.
 */
MC_API MC_CHECK int
mc_config_value(const struct mc_config *config, const char *account, size_t i,
    struct mc_value *ret_value, struct mc_err *err);

/*
 * Check the aliases file of an account (NULL: the default account) and the
 * files that it includes.  Without an aliases file all is well.  fn, if not
 * NULL, is told of every problem; -1 with the first: MC_E_CONF_ALIASES,
 * MC_E_FILE, MC_E_CONF_ACCOUNT, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_config_check_aliases(const struct mc_config *config, const char *account,
    mc_problem_fn fn, void *ctx, struct mc_err *err);

/*
 * For a configuration whose file a stranger may have chosen, and written: -1
 * unless it belongs to root and nobody else may write it, or it names no
 * program, no file to read or write, and no server that would get the
 * environment's credentials.  MC_E_CONF_SECRET.
 */
MC_API MC_CHECK int
mc_config_distrust(const struct mc_config *config, struct mc_err *err);

/* Which files were read, in order of precedence; NULL past the end. */
MC_API const char *
mc_config_file(const struct mc_config *config, size_t i);

#define MC_KEY_SECRET 1u	/* value is never shown */
#define MC_KEY_NOCLI 2u		/* not from the command line */
#define MC_KEY_GLOBAL 4u	/* only before the first section */

struct mc_key {
	const char *name;
	const char *type;	/* "text", "time", "yes|no", ... */
	const char *def;	/* NULL if none */
	const char *help;
	unsigned flags;
};

/* The table of keys; returns -1 past the end. */
MC_API int
mc_key_info(size_t i, struct mc_key *ret_key);

/* --------------------------------------------------------- helper programs */

/* The fields of one line, which TABs part; valid during the call. */
typedef void (*mc_line_fn)(void *ctx, const char *const *fields, size_t n);

/*
 * What a helper program is asked.  They are installed in LIBEXECDIR/mailchute
 * and hold what needs HTTP, JSON or DNS; mailchute-lookup(8) has their language.
 */
struct mc_helper {
	const char *name;	/* "lookup" for mailchute-lookup */
	const char *const *args;	/* NULL-terminated, without the program */
	const void *input;	/* its standard input, at most 16 KiB */
	size_t input_len;
	int timeout_ms;		/* 0: none */
	int cancel_fd;		/* ended once it is readable; -1: never */
	mc_line_fn line;	/* told of each line, once the program has ended */
	void *ctx;
};

/*
 * Run a helper program; its standard error is the caller's.  Nothing is told
 * of one that fails.  Errors: MC_E_HELPER (not there, status, time),
 * MC_E_CANCELLED, MC_E_TOO_LONG, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_helper_run(const struct mc_caller *caller, const struct mc_helper *helper,
    struct mc_err *err);

/* ------------------------------------------------------------------- probe */

/*
 * A fact about a step towards a server, such as (MC_STAGE_TLS, "version",
 * "TLSv1.3"): one printable line, valid during the call, never a secret.  The
 * names stand in libmailchute(3).
 */
typedef void (*mc_fact_fn)(void *ctx, enum mc_stage stage, const char *name,
    const char *value);

#define MC_PROBE_NO_AUTH 1u	/* stop after EHLO: no credential is looked at */

struct mc_probe {
	const char *account;	/* NULL: the default account */
	unsigned flags;
	/* after the log-in, ask whether the server takes mail from the
	 * account's own address to this one: MAIL and RCPT, and nothing else;
	 * NULL: do not.  Not with MC_PROBE_NO_AUTH */
	const char *rcpt;
	int cancel_fd;		/* readable: end soon; -1: never */
	int timeout_ms;		/* for the connection; 0: as for sending */
	mc_fact_fn fact;
	void *ctx;
	mc_log_fn log;		/* the dialogue; may be NULL */
	void *log_ctx;
};

/*
 * Go the way of a message as far as the log-in, tell what is there, and say
 * goodbye: no message is sent.  What was seen is told also when it then fails, such
 * as the certificate that is not trusted.  0 when a message could follow; -1
 * with err, whose stage and code say where it ended: what mc_submission_send
 * says of a connection or, with rcpt, of a recipient; MC_E_CONF_ACCOUNT,
 * MC_E_CONF_VALUE (no host; rcpt, and no sender), MC_E_ADDR_SYNTAX (rcpt).
 */
MC_API MC_CHECK int
mc_probe(const struct mc_caller *caller, const struct mc_config *config,
    const struct mc_probe *probe, struct mc_err *err);

/* -------------------------------------------------------------------- DKIM */

/* A key and the TXT record that it needs in DNS; all valid during the call. */
struct mc_dkim_record {
	const char *name;	/* SELECTOR._domainkey.DOMAIN */
	const char *text;	/* "v=DKIM1; k=rsa; p=..." */
	const char *selector;
	const char *domain;
	const char *file;	/* of the private key */
	const char *type;	/* "rsa" or "ed25519" */
	unsigned bits;
};

typedef void (*mc_dkim_fn)(void *ctx, const struct mc_dkim_record *record);

/*
 * Tell of each key that an account (NULL: the default one) signs with.  -1:
 * MC_E_CONF_VALUE (it signs nothing), MC_E_DKIM, MC_E_CONF_SECRET (a key
 * cannot be used, and why), MC_E_MODULE, MC_E_CONF_ACCOUNT, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_dkim_record(const struct mc_caller *caller, const struct mc_config *config,
    const char *account, mc_dkim_fn fn, void *ctx, struct mc_err *err);

struct mc_dkim_new {
	const char *file;	/* to be made, with mode 0600 */
	const char *domain;
	const char *selector;
	unsigned bits;		/* of an RSA key, 2048 to 4096; 0: Ed25519 */
};

/*
 * Make a private key, and tell of it once it is in its file.  A file that is
 * there stays as it is, which is MC_E_IO.  -1: MC_E_BAD_VALUE, MC_E_IO,
 * MC_E_DKIM, MC_E_MODULE, MC_E_NOMEM, MC_E_TOO_LONG.
 */
MC_API MC_CHECK int
mc_dkim_keygen(const struct mc_dkim_new *key, mc_dkim_fn fn, void *ctx,
    struct mc_err *err);

/* ------------------------------------------------------------- OAuth 2.0 */

struct mc_oauth_options {
	const char *account;	/* NULL: the default account */
	const char *flow;	/* "device", "code", "client", "jwt"; NULL: as
				 * configured */
	int browser;		/* have xdg-open show the provider's page */
	int local;		/* log out without telling the provider */
	int cancel_fd;		/* readable: give up; -1: never */
};

/* Of a token that is kept. */
struct mc_oauth_state {
	int64_t got;		/* seconds since 1970 */
	int64_t expires;
	int has_refresh;	/* it can be renewed without anybody */
};

/*
 * Log in at an account's provider by way of the helper program mailchute-oauth,
 * which tells on standard error what a person has to do, and keep what came of
 * it; accounts with the key oauth renew that by themselves when they
 * send.  Errors: MC_E_USAGE (no such flow), MC_E_CONF_ACCOUNT, MC_E_CONF_VALUE
 * (a key is missing), MC_E_NO_SECRET (the provider refused), MC_E_HELPER,
 * MC_E_CONF_SECRET, MC_E_IO, MC_E_CANCELLED, MC_E_TIMEOUT, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_oauth_login(const struct mc_caller *caller, const struct mc_config *config,
    const struct mc_oauth_options *options, struct mc_oauth_state *ret_state,
    struct mc_err *err);

/*
 * Withdraw the token, where the provider knows how, and remove it.  Returns 1,
 * or 0 if there was none; -1 also when it is removed but could not be
 * withdrawn.  Errors as above.
 */
MC_API MC_CHECK int
mc_oauth_logout(const struct mc_caller *caller,
    const struct mc_config *config, const struct mc_oauth_options *options,
    struct mc_err *err);

/*
 * Is somebody logged in?  1 with *ret_state, 0 if not, or not as the account is
 * configured now; asks nobody.  Errors as above.
 */
MC_API MC_CHECK int
mc_oauth_look(const struct mc_caller *caller, const struct mc_config *config,
    const char *account, struct mc_oauth_state *ret_state,
    struct mc_err *err);

/* ---------------------------------------------------- addresses in a log */

/* How lines that are kept show addresses. */
struct mc_mask;

/*
 * As the key log-addresses of the configuration says.  The key of the hash is
 * read from the directory of the queue; both are made if need be.  Returns 1
 * with err where that cannot be done: then it shows only domains.  -1:
 * MC_E_NOMEM.  It borrows nothing.
 */
MC_API MC_CHECK int
mc_mask_new(const struct mc_caller *caller, const struct mc_config *config,
    struct mc_mask **ret_mask, struct mc_err *err);

MC_API void
mc_mask_free(struct mc_mask *mask);

/*
 * Write one address ("" is the null sender) as the mask wants it, cut to
 * size - 1 bytes, with a NUL.  A mask that is NULL shows only the domain.
 * Returns the length.
 */
MC_API size_t
mc_mask_address(const struct mc_mask *mask, const char *address,
    char *ret_text, size_t size);

/*
 * The same for a text of a person or a server: every address in it, and, as a
 * word of its own, the local part of each of the n known ones.
 */
MC_API size_t
mc_mask_text(const struct mc_mask *mask, const char *text,
    const char *const *known, size_t n, char *ret_text, size_t size);

/* -------------------------------------------------------------- submission */

struct mc_submission;

/* What became of one recipient. */
enum mc_verdict {
	MC_PENDING = 0,		/* not tried */
	MC_DELIVERED,		/* the server took it */
	MC_FAILED,		/* refused for good after verified log-in */
	MC_DEFERRED,		/* not taken now: try again later */
	MC_UNSURE		/* end of data sent, no verdict came */
};

/*
 * A new, empty submission.  Caller and configuration are borrowed until
 * mc_submission_free.
 */
MC_API MC_CHECK int
mc_submission_new(const struct mc_caller *caller,
    const struct mc_config *config, struct mc_submission **ret_sub,
    struct mc_err *err);

MC_API void
mc_submission_free(struct mc_submission *sub);

/* Lines up to `most` go to fn.  Off by default. */
MC_API void
mc_submission_set_log(struct mc_submission *sub, enum mc_level most,
    mc_log_fn fn, void *ctx);

/* Waiting ends with MC_E_CANCELLED once fd is readable; -1 (default): never. */
MC_API void
mc_submission_set_cancel(struct mc_submission *sub, int fd);

/* Bytes of all content, header and body, that went to the server, and how many
 * there will be: each transaction carries the message anew. */
typedef void (*mc_progress_fn)(void *ctx, uint64_t done, uint64_t total);

/* Told from time to time while mc_submission_send is at work; NULL (default):
 * nobody is. */
MC_API void
mc_submission_set_progress(struct mc_submission *sub, mc_progress_fn fn,
    void *ctx);

/* Room for an answer, its NUL included. */
#define MC_ASK_SIZE 4096

/*
 * Ask a person for the password of an account; the answer is wiped by the
 * caller.  0, or -1 if there is none.
 */
typedef int (*mc_ask_fn)(void *ctx, const char *account, const char *user,
    const char *host, char *answer, size_t size);

/*
 * Who is asked, at most once, when mc_submission_send needs a password that
 * the configuration does not say where to find; NULL (default): nobody.
 */
MC_API void
mc_submission_set_ask(struct mc_submission *sub, mc_ask_fn fn, void *ctx);

/* Use this account instead of choosing by sender. */
MC_API MC_CHECK int
mc_submission_set_account(struct mc_submission *sub, const char *name,
    struct mc_err *err);

/*
 * Envelope sender as people write it: "a@b", "<a@b>", "Name <a@b>", a bare
 * name (qualified later), "" or "<>" for the null sender.  The keys
 * envelope-from-fixed and from-policy may put another one in its place.
 */
MC_API MC_CHECK int
mc_submission_set_sender(struct mc_submission *sub, const char *text,
    struct mc_err *err);

/* Display name for a From field that has to be made. */
MC_API MC_CHECK int
mc_submission_set_full_name(struct mc_submission *sub, const char *name,
    struct mc_err *err);

/* Add the addresses of a list as people write it.  May be called often. */
MC_API MC_CHECK int
mc_submission_add_rcpt(struct mc_submission *sub, const char *text,
    struct mc_err *err);

/* Take recipients from To, Cc and Bcc (or the Resent- fields) too. */
MC_API void
mc_submission_use_header_rcpts(struct mc_submission *sub, int on);

/* Leave the aliases file alone. */
MC_API void
mc_submission_no_aliases(struct mc_submission *sub, int on);

#define MC_NOTIFY_SUCCESS 1u
#define MC_NOTIFY_FAILURE 2u
#define MC_NOTIFY_DELAY 4u
#define MC_NOTIFY_NEVER 8u

/*
 * Delivery status notifications (RFC 3461): notify is 0 (unspecified) or a
 * combination, NEVER alone; ret "full", "hdrs" or NULL; envid 1 to 100 printable
 * characters or NULL.  MC_E_BAD_VALUE.
 */
MC_API MC_CHECK int
mc_submission_set_dsn(struct mc_submission *sub, unsigned notify,
    const char *ret, const char *envid, struct mc_err *err);

/* Priority from -9 to 9 (RFC 6710), for servers that offer it.  MC_E_BAD_VALUE. */
MC_API MC_CHECK int
mc_submission_set_priority(struct mc_submission *sub, int priority,
    struct mc_err *err);

/*
 * To be delivered within so many seconds (RFC 2852): "SECONDS", "SECONDS;R" or
 * "SECONDS;N", and a T behind the letter for a trace.  R: returned if that
 * cannot be, also by a server that cannot promise it; N, or no letter: the
 * sender is told.  MC_E_BAD_VALUE.
 */
MC_API MC_CHECK int
mc_submission_set_deliver_by(struct mc_submission *sub, const char *text,
    struct mc_err *err);

/*
 * Not to be delivered before a point in time: "2026-12-24T18:00:00+01:00" (RFC
 * 3339), the same without seconds or zone, "18:00" (the next), "+2h30m", or
 * "@SECONDS" since 1970.  A server that offers FUTURERELEASE (RFC 4865) gets
 * the message now and holds it; for others mc_submission_send defers it with
 * MC_E_NEED_FUTURERELEASE, and mc_submission_queue holds it here.  MC_E_USAGE:
 * no such time, one that is over for more than a minute, or one that is more
 * than 366 days ahead.
 */
MC_API MC_CHECK int
mc_submission_set_send_at(struct mc_submission *sub, const char *text,
    struct mc_err *err);

/* The body is said to be 8-bit (-B8BITMIME) even if it is not. */
MC_API void
mc_submission_set_8bit(struct mc_submission *sub, int on);

#define MC_READ_DOT 1u		/* a line of one dot ends the message */

/*
 * Read the message from a descriptor up to its end (or the dot).  LF, CRLF
 * and both mixed are line ends.  MC_E_IO, MC_E_HDR_SYNTAX, MC_E_HDR_LONG,
 * MC_E_TMPFILE, MC_E_CANCELLED.
 */
MC_API MC_CHECK int
mc_submission_read(struct mc_submission *sub, int fd, unsigned flags,
    struct mc_err *err);

/* The same from memory, in pieces of any size; mc_submission_end ends it. */
MC_API MC_CHECK int
mc_submission_write(struct mc_submission *sub, const void *p, size_t n,
    unsigned flags, struct mc_err *err);

MC_API MC_CHECK int
mc_submission_end(struct mc_submission *sub, struct mc_err *err);

/* A file that goes along. */
struct mc_attachment {
	const char *path;	/* a regular file; others see its last part */
	const char *type;	/* "text/plain"; NULL: by the name's ending */
};

/*
 * A message to be made.  Zero and NULL are fine for all that is not wanted;
 * lists end with NULL.  What is no file is UTF-8.
 */
struct mc_letter {
	const char *from;	/* the sender too, unless that is set; NULL: as
				 * the account says */
	const char *reply_to;
	const char *const *to;	/* each one a list of addresses as people write
				 * them */
	const char *const *cc;
	const char *const *bcc;
	const char *subject;
	const char *const *fields;	/* "Name: text", such as X-... */
	int text_fd;		/* read to its end; -1: no text */
	const char *html;	/* file: the text once more, as HTML */
	const char *charset;	/* of text and HTML; NULL: they have to be UTF-8 */
	const struct mc_attachment *attachments;
	size_t n_attachments;
};

/*
 * Make the message (RFC 2045 to 2049, 2231) in place of mc_submission_read, and
 * its envelope: everybody in to, cc and bcc gets it, and nothing in it names
 * those in bcc.  Files are read here; memory does not grow with them.  A
 * failure is final: begin a new submission.  Whatever text_fd has left to read
 * then stays there.  MC_E_ADDR_SYNTAX, MC_E_ADDR_LONG, MC_E_HDR_SYNTAX (a line
 * end in a field), MC_E_MSG_CONTENT (not UTF-8, NUL), MC_E_BAD_VALUE (type,
 * charset, file name), MC_E_USAGE (a field that is made otherwise, or there is
 * a message already), MC_E_FILE, MC_E_IO, MC_E_TMPFILE, MC_E_TOO_LONG,
 * MC_E_HDR_LONG, MC_E_TOO_MANY_RCPTS, MC_E_CANCELLED, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_submission_compose(struct mc_submission *sub,
    const struct mc_letter *letter, struct mc_err *err);

/*
 * Settle everything that needs no network: envelope, aliases, account,
 * header, plan.  After it the questions below have answers, and setting more
 * is MC_E_USAGE.  A failure is final: begin a new submission.
 */
MC_API MC_CHECK int
mc_submission_prepare(struct mc_submission *sub, struct mc_err *err);

struct mc_overview {
	const char *account;
	const char *rule;	/* why this account */
	const char *host;
	const char *port;
	const char *tls;	/* "on", "starttls", "off" */
	const char *auth;
	const char *user;	/* NULL if no log-in */
	const char *sender;	/* "" is the null sender */
	const char *message_id;
	uint64_t size;		/* bytes on the wire, before dot-stuffing */
	size_t recipients;
	size_t transactions;
	int64_t hold_until;	/* not delivered before, seconds since 1970; 0:
				 * at once */
	const char *stripped;	/* fields that were removed as strip-headers
				 * says, "X-Mailer, User-Agent"; "": none */
	const char *copy_failed;	/* why there is no copy where copy-to
				 * says, although it was sent; NULL: there is
				 * one, or was to be none */
};

MC_API MC_CHECK int
mc_submission_overview(const struct mc_submission *sub,
    struct mc_overview *ret_overview, struct mc_err *err);

/*
 * Send, once: a second call is MC_E_USAGE.  0 if every recipient's verdict is
 * MC_DELIVERED; else -1 with the error that decides the exit status.  Ask
 * mc_submission_result for each.
 */
MC_API MC_CHECK int
mc_submission_send(struct mc_submission *sub, struct mc_err *err);

struct mc_result {
	const char *address;	/* as it stands in the envelope */
	enum mc_verdict verdict;
	int blind;		/* alone in its transaction */
	size_t transaction;	/* number in the plan, from 0 */
	struct mc_err err;	/* why not delivered; text has the reply */
	const char *reply;	/* last reply that was about it, or NULL */
	int queued;		/* it is in the queue now, whatever the verdict */
};

/* Recipient i of the prepared submission; -1 past the end. */
MC_API int
mc_submission_result(const struct mc_submission *sub, size_t i,
    struct mc_result *ret_result);

/* Text of the final reply of the last transaction that was taken, or NULL. */
MC_API const char *
mc_submission_reply(const struct mc_submission *sub);

#define MC_ADMIT_REFUSED 1u	/* log in although it was refused of late */

/*
 * For those who queue what they cannot send: to be asked before
 * mc_submission_send.  0: send it.  -1: other processes have learnt that it
 * would do harm; the recipients are deferred with that error now, and
 * mc_submission_queue takes them.  MC_E_AUTH_REFUSED (the log-in was refused a
 * short while ago; a hundred more would lock the account), MC_E_RATE (the
 * account's `rate` is used up; else this message is counted now), MC_E_USAGE
 * (sent already), and what mc_submission_prepare says.  With `queue` off
 * nothing is looked at; without a spool nothing is known, and only `rate` makes
 * one.
 */
MC_API MC_CHECK int
mc_submission_admit(struct mc_submission *sub, unsigned flags,
    struct mc_err *err);

/* What became of a message that was not delivered to all at once. */
struct mc_queued {
	char id[32];		/* of the message in the queue */
	int64_t next_attempt;	/* seconds since 1970, the account's pause
				 * counted in */
	size_t recipients;	/* that it has in the queue */
	int64_t hold_until;	/* it waits for this time, which may just have
				 * come; 0: for none */
};

/*
 * Put the recipients that have no final verdict (pending, deferred, unsure)
 * into the queue; it returns 0 only when they are on stable storage.  May be
 * called after mc_submission_send, or instead of it (the first attempt is then
 * due at once, or at the time of mc_submission_set_send_at).  After it
 * mc_submission_result has `queued` for them.  Without a recipient to queue
 * nothing is done and ret_queued->recipients is 0.
 * MC_E_QUEUE, MC_E_QUEUE_FS, MC_E_QUEUE_FULL, MC_E_NOMEM, MC_E_USAGE (not
 * prepared, or queued already), and what mc_queue_open says.
 */
MC_API MC_CHECK int
mc_submission_queue(struct mc_submission *sub, struct mc_queued *ret_queued,
    struct mc_err *err);

/*
 * What `queue` of the account says: 0 on (send, queue on failure), 1 off, 2
 * always (queue first).  1 too for an account without host, since what is
 * queued for it would never leave.  For a prepared submission; -1 before that.
 */
MC_API int
mc_submission_queue_mode(const struct mc_submission *sub);

/*
 * The error that decides the exit status, once what is queued is done with: 0 if
 * every recipient was delivered or queued, else -1.  Of what was neither sent
 * nor queued it is what mc_submission_queue said.  MC_E_USAGE: not prepared.
 */
MC_API int
mc_submission_status(const struct mc_submission *sub, struct mc_err *err);

/*
 * Put one delivery report (RFC 3464) into the queue, for the sender and by the
 * same account, about the recipients that were refused for good and whose
 * NOTIFY allows it.  ret_report->recipients says how many it is about; it is
 * 0, and nothing was done, if there are none, with the null sender, about a
 * message that is a report itself, and with `queue` off.  Once, after
 * mc_submission_send and before or after mc_submission_queue.  MC_E_USAGE (not
 * sent, or reported already), MC_E_QUEUE_FULL, MC_E_NOMEM, MC_E_IO,
 * MC_E_TMPFILE, MC_E_INTERNAL, and what mc_queue_open says.
 */
MC_API MC_CHECK int
mc_submission_report(struct mc_submission *sub, struct mc_queued *ret_report,
    struct mc_err *err);

/* ------------------------------------------------------------ SMTP session */

/* What becomes of the messages of a session. */
enum mc_way {
	MC_WAY_CONFIGURED = 0,	/* as `queue` of the account says */
	MC_WAY_SEND,		/* send, and queue what is not taken now */
	MC_WAY_QUEUE,		/* queue; with `queue` off: send */
	MC_WAY_QUEUE_ONLY	/* queue, and never send */
};

struct mc_smtp {
	int in_fd;
	int out_fd;		/* may be the same; neither is closed */
	int cancel_fd;		/* readable: end soon; -1: never */
	enum mc_way way;
	const char *account;	/* NULL: chosen by sender */
	const char *full_name;	/* for a From that has to be made, or NULL */
	int no_aliases;
	uint64_t max_size;	/* of a message; 0: as configured */
	enum mc_level most;	/* lines for log */
	mc_log_fn log;		/* may be NULL */
	void *log_ctx;
	/* told what became of a message, before the client is; queue_err is
	 * all zero unless queueing failed.  May be NULL */
	void (*done)(void *ctx, const struct mc_submission *sub,
	    const struct mc_queued *queued, const struct mc_err *queue_err);
	void *ctx;
};

/*
 * Be an SMTP server over two descriptors until the client ends: each message
 * is one submission, with the recipients of RCPT alone.  It gets 250 when every
 * recipient was delivered to or is in the queue, or, where some were, when
 * those refused for good are in the queue for a delivery report; 5yz when it
 * was refused for good, 4yz when it was neither sent nor queued.  The caller
 * ignores SIGPIPE.  All that is borrowed stays valid during the call.
 *
 * Returns 0 after QUIT or an end of input between messages, and when the client
 * was sent away.  MC_E_CLOSED (it went away in the middle of a message, or
 * reads no replies), MC_E_TIMEOUT, MC_E_CANCELLED, MC_E_IO, MC_E_CONF_ACCOUNT,
 * MC_E_NOMEM; messages that were answered with 250 stay taken.
 */
MC_API MC_CHECK int
mc_smtp_run(const struct mc_caller *caller, const struct mc_config *config,
    const struct mc_smtp *smtp, struct mc_err *err);

/* ------------------------------------------------------------------- queue */

struct mc_queue;

#define MC_QUEUE_CREATE 1u	/* make the spool if it is not there, and
				 * remove what others have not finished */

/*
 * Open the queue that the configuration names, of the user who runs this.
 * Caller and configuration are borrowed until mc_queue_free.  Without
 * MC_QUEUE_CREATE a spool that is not there is an empty queue, and nothing is
 * made.  MC_E_QUEUE (no place for it, other owner, open to others, or it cannot be
 * read), MC_E_QUEUE_FS, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_queue_open(const struct mc_caller *caller, const struct mc_config *config,
    unsigned flags, struct mc_queue **ret_queue, struct mc_err *err);

MC_API void
mc_queue_free(struct mc_queue *queue);

/* Lines up to `most` go to fn.  Off by default. */
MC_API void
mc_queue_set_log(struct mc_queue *queue, enum mc_level most, mc_log_fn fn,
    void *ctx);

/* Path of the spool directory. */
MC_API const char *
mc_queue_dir(const struct mc_queue *queue);

enum mc_queue_state {
	MC_QUEUE_WAITING = 0,
	MC_QUEUE_ACTIVE,	/* being delivered just now */
	MC_QUEUE_HELD,		/* not tried until it is released */
	MC_QUEUE_FAILED,	/* for good; kept to be looked at */
	MC_QUEUE_DAMAGED	/* never sent; only id and size are known */
};

/* One message; valid during the call that tells of it. */
struct mc_queue_message {
	const char *id;
	enum mc_queue_state state;
	const char *account;
	const char *sender;	/* "" is the null sender */
	uint64_t size;		/* bytes: header, blank line, body */
	int64_t arrival;	/* seconds since 1970 */
	int64_t next_attempt;	/* the account's pause counted in; FAILED: when
				 * it is removed */
	int64_t hold_until;	/* it waits for this time, which a run keeps
				 * to; 0: for none, or not any more */
	unsigned long uid;	/* who handed it in */
	uint64_t attempts;
	size_t recipients;
	size_t pending;		/* of them without final verdict */
	int is_report;		/* a delivery report */
	const char *pause;	/* why its account is paused, or NULL */
	const void *inner;	/* for mc_queue_rcpt */
};

struct mc_queue_recipient {
	const char *address;
	enum mc_verdict verdict; /* MC_PENDING, MC_UNSURE: still to go */
	const char *text;	/* what was last said about it, or NULL */
};

/* Recipient i of a message; -1 past the end. */
MC_API int
mc_queue_rcpt(const struct mc_queue_message *message, size_t i,
    struct mc_queue_recipient *ret_rcpt);

/* return nonzero to stop: the function that calls returns it */
typedef int (*mc_queue_fn)(void *ctx, const struct mc_queue_message *message);

/*
 * Every message, in no order; of all but one only the name is in memory.  What
 * cannot be read just now is left out and logged as an error.  fn may change
 * the queue.  MC_E_QUEUE, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_queue_list(struct mc_queue *queue, mc_queue_fn fn, void *ctx,
    struct mc_err *err);

/* Where a message of the queue is. */
enum mc_stat {
	MC_STAT_DUE = 0,	/* a run sends it now */
	MC_STAT_DEFERRED,	/* later: the next attempt is ahead, or the
				 * account paused */
	MC_STAT_HELD,
	MC_STAT_TIMED,		/* it waits for its time (hold_until) */
	MC_STAT_FAILED,		/* for good; kept to be looked at */
	MC_STAT_ACTIVE,		/* being delivered just now */
	MC_STAT_DAMAGED		/* never sent; its account is not known */
};

#define MC_STATS 7		/* how many of them */

/* One account; valid during the call that tells of it. */
struct mc_queue_account {
	const char *account;	/* "": of the damaged ones */
	int64_t oldest;		/* arrival of the oldest that is neither failed
				 * nor damaged; 0: there is none */
	int64_t next_attempt;	/* the first of those due, deferred or timed;
				 * 0: there is none */
	int64_t paused_until;	/* 0: it is not paused */
	const char *pause;	/* why, or NULL */
	int64_t since;		/* when counting began; 0: never */
	uint64_t queued;	/* messages that were put into the queue */
	uint64_t delivered;	/* recipients, by runs of the queue */
	uint64_t deferred;	/* the same; once for each attempt */
	uint64_t failed;
	uint64_t messages[MC_STATS];	/* in the queue now, by enum mc_stat */
	uint64_t bytes[MC_STATS];
};

/* return nonzero to stop: mc_queue_stats returns it */
typedef int (*mc_queue_account_fn)(void *ctx,
    const struct mc_queue_account *account);

/*
 * How much is in the queue, and has gone through it, by account: those of the
 * configuration, and whatever else there is, by name.  Nothing is told before
 * all is known.  The counters are best effort, and begin anew when they are
 * lost.  cancel_fd: readable when it is to end; or -1.  What cannot be read
 * just now is left out and logged as an error.  MC_E_CANCELLED, MC_E_QUEUE,
 * MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_queue_stats(struct mc_queue *queue, int cancel_fd, mc_queue_account_fn fn,
    void *ctx, struct mc_err *err);

struct mc_queue_refusal {
	const char *reason;	/* "sender", "rate-messages", ... */
	uint64_t count;
	int64_t since;		/* when counting began */
};

/* return nonzero to stop: mc_queue_refusals returns it */
typedef int (*mc_queue_refusal_fn)(void *ctx,
    const struct mc_queue_refusal *refusal);

/*
 * How often the local service has refused a session, a message or a recipient,
 * by reason, in no order; what has never happened is not told.  Best effort,
 * as the counters above.  0, or what fn returned.
 */
MC_API MC_CHECK int
mc_queue_refusals(struct mc_queue *queue, mc_queue_refusal_fn fn, void *ctx);

/*
 * The identifier that begins with `prefix` (any case), if it is the only one.
 * MC_E_QUEUE_NONE, MC_E_USAGE (several begin so, or it is empty), MC_E_QUEUE.
 */
MC_API MC_CHECK int
mc_queue_find(struct mc_queue *queue, const char *prefix, char ret_id[32],
    struct mc_err *err);

/* One message.  MC_E_QUEUE_NONE, MC_E_QUEUE, MC_E_QUEUE_DAMAGED, MC_E_NOMEM. */
MC_API MC_CHECK int
mc_queue_show(struct mc_queue *queue, const char *id, mc_queue_fn fn,
    void *ctx, struct mc_err *err);

/* What was said at each attempt, in order; address is NULL for the message. */
typedef int (*mc_queue_note_fn)(void *ctx, const char *address, int64_t when,
    const char *text);
MC_API MC_CHECK int
mc_queue_notes(struct mc_queue *queue, const char *id, mc_queue_note_fn fn,
    void *ctx, struct mc_err *err);

/* Header, blank line and body, in pieces. */
typedef int (*mc_queue_bytes_fn)(void *ctx, const void *p, size_t n);
MC_API MC_CHECK int
mc_queue_read(struct mc_queue *queue, const char *id, mc_queue_bytes_fn fn,
    void *ctx, struct mc_err *err);

/*
 * Hold: not tried until released.  Release: it goes when it is due, which is
 * its time if it waits for one.  Retry: due now, whatever happened before,
 * and without the account's pause; one that is held is released, one that waits
 * for its time (hold_until) waits no longer, and one that has failed gets new
 * attempts.  Remove: gone for good, without a report.
 * MC_E_QUEUE_NONE, MC_E_QUEUE_BUSY (a runner has it), MC_E_USAGE (hold of a
 * failed one), MC_E_QUEUE, MC_E_QUEUE_READONLY (release and retry), MC_E_NOMEM,
 * MC_E_QUEUE_DAMAGED (remove takes it from bad/).
 */
MC_API MC_CHECK int
mc_queue_hold(struct mc_queue *queue, const char *id, struct mc_err *err);
MC_API MC_CHECK int
mc_queue_release(struct mc_queue *queue, const char *id, struct mc_err *err);
MC_API MC_CHECK int
mc_queue_retry(struct mc_queue *queue, const char *id, struct mc_err *err);
MC_API MC_CHECK int
mc_queue_remove(struct mc_queue *queue, const char *id, struct mc_err *err);

/* Told of everything odd: file name, what, and what was done about it. */
typedef void (*mc_queue_check_fn)(void *ctx, const char *name,
    const char *what);

/* Go through the whole spool.  *ret_damaged counts damaged messages. */
MC_API MC_CHECK int
mc_queue_check(struct mc_queue *queue, mc_queue_check_fn fn, void *ctx,
    size_t *ret_damaged, struct mc_err *err);

/* Is something due now, if only to be removed because it was kept long enough?
 * 1, 0, or -1 with err; no message is opened. */
MC_API MC_CHECK int
mc_queue_due(struct mc_queue *queue, struct mc_err *err);

/* What a run tells: one recipient of one attempt. */
struct mc_run_event {
	const char *id;
	const char *account;
	const char *host;
	const char *sender;
	const char *address;
	enum mc_verdict verdict;
	struct mc_err err;	/* unless delivered */
	const char *reply;	/* last reply about it, or NULL */
	uint64_t size;
	int64_t next_attempt;	/* 0 when there is none */
};

struct mc_run_progress {
	size_t delivered;	/* recipients */
	size_t failed;
	size_t deferred;
	size_t left;		/* messages that are due and not yet tried */
};

#define MC_RUN_WATCH 1u		/* stay, and deliver what becomes due */
#define MC_RUN_NO_WAIT 2u	/* leave at once when another run is at work */

struct mc_run {
	unsigned flags;
	const char *const *ids;	/* these, due or not, but for those that wait
				 * for their time; NULL: all that are due */
	size_t n_ids;
	int cancel_fd;		/* readable: begin nothing more, end soon; or -1 */
	void (*event)(void *ctx, const struct mc_run_event *event);	/* or NULL */
	/* from time to time, and when something has changed; or NULL */
	void (*progress)(void *ctx, const struct mc_run_progress *progress);
	void *ctx;
};

/*
 * Deliver from the queue.  Uses a process of its own for each connection
 * (fork without exec), so the calling process has to have one thread; signals
 * are left alone but SIGCHLD must not be ignored.
 *
 * Returns 0 when everything that was due has been tried, whatever came of it,
 * or was left to another run (MC_RUN_NO_WAIT).  MC_E_CANCELLED, MC_E_QUEUE,
 * MC_E_QUEUE_READONLY (nothing can be recorded, so nothing is sent),
 * MC_E_QUEUE_NONE (one of the ids), MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_queue_run(struct mc_queue *queue, const struct mc_run *run,
    struct mc_err *err);

/* ----------------------------------------------------------------- service */

/* What a service is doing, for whoever has started it. */
enum mc_service_state {
	MC_SERVICE_READY = 0,	/* it takes mail, also after a reload */
	MC_SERVICE_RELOADING,
	MC_SERVICE_KEPT,	/* the new configuration is wrong: it goes on
				 * with the old one */
	MC_SERVICE_STOPPING
};

struct mc_serve_options {
	int cancel_fd;		/* readable: finish and end; -1: never */
	int reload_fd;		/* readable: read the configuration anew; it is
				 * read empty, and does not wait.  -1: never */
	const int *sockets;	/* that listen already, such as systemd hands
				 * over; they become ours */
	size_t n_sockets;	/* 0: make those that the configuration names */
	const char *socket;	/* path, instead of the configuration's; or NULL */
	int no_tcp;		/* make none for addresses */
	enum mc_level most;	/* lines for log */
	/* called in every process of the service, as are done and event */
	mc_log_fn log;
	void *log_ctx;
	/* first of all in a new process: signals, log; only descriptors 0 to 3
	 * are open there.  May be NULL */
	void (*in_child)(void *ctx, const char *role);
	/* read the configuration; NULL: it is never read anew */
	int (*load)(void *ctx, struct mc_config **ret_config,
	    struct mc_err *err);
	/* may be NULL */
	void (*state)(void *ctx, enum mc_service_state state, const char *text);
	/* a message was put into the queue, by its session */
	void (*done)(void *ctx, const struct mc_submission *sub,
	    const struct mc_queued *queued, const struct mc_err *queue_err);
	/* what came of a recipient, as in struct mc_run */
	void (*event)(void *ctx, const struct mc_run_event *event);
	void *ctx;
};

/*
 * Take mail from the users of this machine over a socket, and deliver it: the
 * processes of mailchute-serve(8).  The calling process has to have one
 * thread, and none of its children may be waited for elsewhere.  Returns 0
 * when it was asked to end, and all that was accepted is in the queue or
 * delivered.  MC_E_CONF_VALUE, MC_E_CONF_ACCOUNT (an account that mail cannot
 * leave by), MC_E_QUEUE and the like, MC_E_QUEUE_BUSY (another service is at
 * the socket), MC_E_IO, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_serve_run(const struct mc_caller *caller, struct mc_config *config,
    const struct mc_serve_options *options, struct mc_err *err);

#define MC_TOKEN_SIZE 64

/*
 * A secret for a program of `login` that can only speak to an address: made
 * anew (the old one is void), and shown this once.  MC_E_BAD_VALUE (no such
 * name), MC_E_FILE, MC_E_IO, MC_E_QUEUE, MC_E_NOMEM.
 */
MC_API MC_CHECK int
mc_serve_token_add(const struct mc_caller *caller,
    const struct mc_config *config, const char *login,
    char ret_token[MC_TOKEN_SIZE], struct mc_err *err);

/* MC_E_BAD_VALUE (there is none), and the others. */
MC_API MC_CHECK int
mc_serve_token_remove(const struct mc_caller *caller,
    const struct mc_config *config, const char *login, struct mc_err *err);

#ifdef __cplusplus
}
#endif

#endif
