/* SPDX-License-Identifier: MIT */
/*
 * setup.h - what the parts of mailchute setup share
 */
#ifndef MC_CLI_SETUP_H
#define MC_CLI_SETUP_H

#include "cli.h"

#define SETUP_HOST 254
#define SETUP_TEXT 512
#define SETUP_PATH 4096
#define SETUP_SECRET 4096

/* ---------------------------------------------------------------- provider */

enum setup_auth {
	SETUP_PASSWORD,
	SETUP_APP_PASSWORD,	/* one that is made for this program alone */
	SETUP_OAUTH,		/* OAuth 2.0, and passwords are refused */
	SETUP_BRIDGE		/* by a program on this machine */
};

/*
 * One row of providers.def.  Texts and no pointers to them: what has to be
 * relocated costs each start of the program, also of those that only send.
 */
struct setup_provider {
	char name[24];
	char domains[136];	/* of addresses, with blanks between */
	char mx[48];		/* what MX records end with, likewise */
	char host[32];
	char port[6];
	char tls[10];
	enum setup_auth auth;
	char oauth[12];		/* value of the key oauth, or "" */
	char note[192];		/* what to do before, or "" */
	char source[192];	/* where all this stands */
};

/* the provider of a domain, or of a host that an MX record names; or NULL */
const struct setup_provider *
setup_provider_of(const char *domain);

const struct setup_provider *
setup_provider_by_mx(const char *host);

/* row i, or NULL past the end */
const struct setup_provider *
setup_provider_at(size_t i);

/* is the host the domain, or below it?  Without regard to case */
bool
setup_inside(const char *host, const char *domain);

/* ----------------------------------------------------------------- answers */

/* what the command line says; NULL: not there */
struct setup_options {
	const char *address;
	const char *name;
	const char *account;
	const char *host;
	const char *port;
	const char *tls;
	const char *user;
	const char *ca_file;
	const char *store;
	const char *password_fd;
	const char *password_file;
	const char *password_command;
	const char *client_id;
	const char *timer;
	const char *test;
	const char *dns;
	const char *config;
	bool yes;
	bool accept_unverified;
	bool no_lookup;
	bool no_try;
	bool replace;
	bool providers;
	bool help;
};

/* 0, or an exit status, said */
int
setup_parse(struct setup_options *o, int argc, char **argv);

void
setup_help(FILE *out);

/* does the configuration know this key? */
bool
setup_has_key(const char *name);

/* ------------------------------------------------------------------ server */

/* how far an answer can be trusted, the best first */
enum setup_trust {
	SETUP_GIVEN,		/* the user has said it */
	SETUP_TABLE,		/* a provider that is known, by the address */
	SETUP_SIGNED,		/* DNSSEC */
	SETUP_WEB,		/* HTTPS of the domain itself */
	SETUP_WITHIN,		/* the host is the domain's, so TLS proves it */
	SETUP_UNVERIFIED	/* who changes DNS answers could have made it */
};

struct setup_server {
	char host[SETUP_HOST];
	char port[8];
	char tls[16];
	char user[SETUP_TEXT];	/* "": nothing was said about it */
	char how[SETUP_TEXT];	/* where this was found, for people */
	enum setup_trust trust;
	bool oauth_only;
	const struct setup_provider *provider;	/* or NULL */
};

#define SETUP_SERVERS 16

struct setup_found {
	struct setup_server list[SETUP_SERVERS];
	size_t n;
	bool none;		/* the domain says that there is no service */
};

struct setup {
	const struct cli_identity *id;
	struct setup_options *o;
	char ca_file[SETUP_PATH];	/* o->ca_file, from the root */
	bool ask;		/* there is somebody, who wants to be asked */
	char address[SETUP_TEXT];
	char domain[SETUP_HOST];	/* in A-labels, once it was looked at */
	char account[80];
	struct setup_server server;
	char user[SETUP_TEXT];
	bool oauth;		/* the account uses OAuth 2.0 */
	char client_id[SETUP_TEXT];
	char secret[SETUP_SECRET];	/* wiped at the end */
	bool has_secret;
	char source[SETUP_PATH + 64];	/* the line that says where it is kept */
	char file[SETUP_PATH];	/* the configuration, without symbolic links */
	char secret_file[SETUP_PATH];	/* one that was made, or "" */
	bool secret_kept;	/* and the one before has a "~" now */
	char *old;		/* the configuration as it is, or NULL */
	bool old_has;		/* this account is in it */
};

/*
 * Ask everybody about the domain, the best answer first.  0, or -1 when the
 * process was told to end.
 */
int
setup_find(struct setup *s, struct setup_found *ret);

/* one of the table, whatever way it was found: then its note holds too */
void
setup_recognize(struct setup_server *f);

/* "signed by DNSSEC"; what can be said for it */
const char *
setup_trust_text(enum setup_trust trust);

/* --------------------------------------------------------------------- try */

/*
 * Connect as the account would.  log_in: with user and secret; else it ends
 * after EHLO.  `tell`: say what was seen.  0, or -1 with err.
 */
int
setup_try(const struct setup *s, const struct setup_server *server,
    bool log_in, bool tell, struct mc_err *err);

/* the lines of the account's section, without its source of secrets; 0 or -1 */
int
setup_lines(const struct setup *s, const struct setup_server *server,
    char *ret, size_t size);

/* ------------------------------------------------------------------- store */

/* choose where the secret goes; 0, or an exit status */
int
setup_choose_store(struct setup *s, const char **ret_store);

/* put it there, and set source; 0, or an exit status, said */
int
setup_keep_secret(struct setup *s, const char *store);

/* take back what can be taken back: a file that was made */
void
setup_forget_secret(struct setup *s);

/*
 * Run a program of the user's, `input` on its standard input; quiet: what it
 * says is not shown.  Its exit status; -1 if it could not run or took too long.
 */
int
setup_run(const char *const *argv, const char *input, bool quiet);

/* is there a program of this name on the PATH? */
bool
setup_has_program(const char *name);

/* -------------------------------------------------------------------- file */

/* which file, and what is in it; 0 or an exit status, said */
int
setup_read_file(struct setup *s);

/* the directory of the file, for you alone; 0 or an exit status, said */
int
setup_make_place(const struct setup *s);

/* put the section in, with a backup; 0 or an exit status, said */
int
setup_write_file(const struct setup *s);

/* does an account of this name stand in the old text? */
bool
setup_has_account(const char *text, const char *name);

/* does any? */
bool
setup_has_accounts(const char *text);

/* ------------------------------------------------------------------- after */

void
setup_timer(const struct setup *s);

/* send a test mail, if that is wanted; 0 or an exit status, said */
int
setup_test(const struct setup *s);

#endif
