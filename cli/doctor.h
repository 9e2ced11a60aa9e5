/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - what the parts of "mailchute doctor" share
 */
#ifndef MC_CLI_DOCTOR_H
#define MC_CLI_DOCTOR_H

#include "cli.h"

#include <sys/types.h>

enum doctor_verdict {
	DOCTOR_OK = 0,
	DOCTOR_WARNING,
	DOCTOR_FAILED
};

/* what mc_probe told, in order */
struct doctor_fact {
	enum mc_stage stage;
	char *name;
	char *value;
};

struct doctor_facts {
	struct doctor_fact *v;
	size_t n;
	size_t cap;
};

#define DOCTOR_TEXT 2048
#define DOCTOR_PATH 4096

struct doctor {
	const struct cli_identity *id;
	struct mc_config *config;	/* NULL: it could not be read */
	const char *file;	/* -C */
	const char *account;	/* NULL until it is chosen */
	bool json;
	bool strict;
	bool no_auth;
	bool no_dns;
	const char *dns;	/* --dns ADDR:PORT */
	const char *rcpt;	/* --try-sender; NULL: no */

	bool warned;
	int status;		/* of the worst failure */

	int64_t now;
	bool clock_wrong;	/* by a day or more, and known */
	struct doctor_facts facts;
	struct mc_err err;	/* what the probe came back with */
	bool no_secret;		/* the credentials could not be had */
	bool secret_told;	/* and why was said */
	char port[8];
};

/* --------------------------------------------------------------- doctor_say.c */

/*
 * One line: what was looked at, what was found, and unless it is ok, what to
 * do.  status counts with DOCTOR_FAILED.
 */
void
doctor_say(struct doctor *d, enum doctor_verdict verdict, int status,
    const char *what, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

void
doctor_ok(struct doctor *d, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* a failure of the library, with its status */
void
doctor_fail(struct doctor *d, const struct mc_err *err, const char *what,
    const char *remedy);

/* ------------------------------------------------------------- doctor_facts.c */

/* mc_fact_fn; ctx is a struct doctor_facts */
void
doctor_on_fact(void *ctx, enum mc_stage stage, const char *name,
    const char *value);

void
doctor_facts_clear(struct doctor_facts *facts);

/* the i-th value of that name; NULL past the end */
const char *
doctor_fact(const struct doctor *d, enum mc_stage stage, const char *name,
    size_t i);

/* the same, of what belongs to the last time that `from` was told */
const char *
doctor_last(const struct doctor *d, enum mc_stage stage, const char *from,
    const char *name, size_t i);

/* seconds since 1970; 0: it was not told */
int64_t
doctor_fact_time(const struct doctor *d, enum mc_stage stage,
    const char *name);

/* value of a key of the account, never NULL; "" is unset */
const char *
doctor_key(const struct doctor *d, const char *key);

/* where it comes from: "default", "file:line", "environment", ... */
const char *
doctor_origin(const struct doctor *d, const char *key);

/* does the text hold the word, in any case? */
bool
doctor_has(const char *text, const char *word);

/* "192.0.2.1:25" and "[2001:db8::1%eth0]:25" without port, brackets, zone; cut
 * to the size */
void
doctor_bare(const char *address, char *buf, size_t size);

/* "2026-11-26 07:20 UTC" */
const char *
doctor_date(int64_t when, char *buf, size_t size);

/* ------------------------------------------------------------- doctor_files.c */

#define DOCTOR_READ 4u
#define DOCTOR_FILL 3u		/* a directory: make files in it */

/*
 * Why can the file not be used as wanted?  Words for the text of a failure, and the
 * remedy, each complete: no permission, a directory in front of it, or the
 * kernel's security module.
 */
struct doctor_why {
	char found[DOCTOR_TEXT];
	char remedy[DOCTOR_TEXT];
};

void
doctor_why_not(const struct doctor *d, const char *path, unsigned want,
    int sys, struct doctor_why *ret_why);

/* "mode 0600, of joe" */
void
doctor_mode(mode_t mode, uid_t owner, char *buf, size_t size);

/* ------------------------------------------------- the walk, in this order */

/* doctor_conf.c: 0, or -1 if there is no account to go on with */
int
doctor_config(struct doctor *d);

/* doctor_secret.c */
void
doctor_secret(struct doctor *d);

/* the probe failed for want of it; say why */
void
doctor_secret_failed(struct doctor *d);

/* doctor_net.c: goes to the server */
void
doctor_network(struct doctor *d);

/* doctor_cert.c: what the certificate is, or why it is not trusted */
void
doctor_certificate(struct doctor *d);

/* is the server of a name that all know on a private network? */
bool
doctor_private(const struct doctor *d);

/* doctor_login.c: mechanisms, log-in, limits */
void
doctor_login(struct doctor *d);

/* what a refusal is about, by its words, and what to do */
const char *
doctor_refusal(const char *text, const char **ret_remedy);

/* doctor_clock.c */
void
doctor_clock(struct doctor *d);

/* with what the server says of the time */
void
doctor_compare_clocks(struct doctor *d);

/* about what time it is, if something here knows better than the clock; else 0 */
int64_t
doctor_true_time(const struct doctor *d);

/* doctor_queue.c */
void
doctor_queue(struct doctor *d);

/* doctor_local.c */
void
doctor_timers(struct doctor *d);

void
doctor_sendmail(struct doctor *d);

/* doctor_dns.c */
void
doctor_domain(struct doctor *d);

/* -------------------------------------------------------------- doctor_port.c */

enum doctor_port {
	DOCTOR_CLOSED = 0,	/* refused, or unreachable */
	DOCTOR_SILENT,		/* no answer to the connection */
	DOCTOR_MUTE,		/* connected, and nothing came */
	DOCTOR_SMTP,		/* greets in clear */
	DOCTOR_TLS,		/* TLS from the start */
	DOCTOR_HTTP,
	DOCTOR_OTHER
};

/*
 * Connect to the address ("192.0.2.1:25" or "[2001:db8::1]:25", of which the
 * port is replaced) and see what speaks there.  ms is for each of the waits.
 */
enum doctor_port
doctor_knock(const char *address, unsigned port, int ms);

/* what answers at the usual ports, in words; "" if nothing does.  Returns the
 * port to use instead of the configured one, or 0 */
unsigned
doctor_ports(const struct doctor *d, char *text, size_t size);

/* --------------------------------------------------------------- doctor_spf.c */

struct doctor_spf {
	const struct doctor *d;
	const char *address;	/* of the relay, without port */
	const char *relay;	/* its name */
	unsigned lookups;	/* so far: at most 10 (RFC 7208 4.6.4) */
	unsigned voids;
	char named[256];	/* an include of the relay's own domain, or "" */
	char match[256];	/* the mechanism that decided */
	char problem[256];	/* why there is no result */
};

enum doctor_spf_result {
	DOCTOR_SPF_NONE,	/* no record */
	DOCTOR_SPF_PASS,
	DOCTOR_SPF_FAIL,
	DOCTOR_SPF_SOFTFAIL,
	DOCTOR_SPF_NEUTRAL,
	DOCTOR_SPF_TEMPERROR,
	DOCTOR_SPF_PERMERROR
};

enum doctor_spf_result
doctor_spf_check(struct doctor_spf *spf, const char *domain);

/* ------------------------------------------------------------- doctor_lookup.c */

#define DOCTOR_RECORDS 64

/* the answer to one question: the last field of each record */
struct doctor_answer {
	char *v[DOCTOR_RECORDS];
	size_t n;
	bool temporary;		/* no server answered */
	bool none;		/* there is no such name or record */
	struct mc_err err;	/* the helper could not be run */
};

/* 0, or -1: nothing is known, and temporary or err says why */
int
doctor_lookup(const struct doctor *d, const char *type, const char *name,
    struct doctor_answer *ret_answer);

void
doctor_answer_clear(struct doctor_answer *answer);

/* the same domain for those who register domains, or one below the other? */
bool
doctor_same_site(const char *a, const char *b);

#endif
