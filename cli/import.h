/* SPDX-License-Identifier: MIT */
/*
 * import.h - what the configuration of another program comes to in ours
 *
 * A reader for each program fills accounts slot by slot; what a slot comes to
 * is the same for all of them.  Pure code: files are read by a function of the
 * caller, and nothing is printed.  Memory is that of the import, which ends it
 * all at once; when there is none left, `failed` is set, texts are empty, and
 * the result is not to be used.
 */
#ifndef MC_CLI_IMPORT_H
#define MC_CLI_IMPORT_H

#include "cli.h"
#include "text.h"

#define IMPORT_MAX_FILE ((size_t)1024 * 1024)
#define IMPORT_MAX_LINE 65536
#define IMPORT_MAX_ACCOUNTS 1000

/* where something stood; line 0: nowhere in particular */
struct import_place {
	const char *file;
	unsigned line;
};

/* what can be said of an account, whoever says it */
enum import_slot {
	IM_NOTHING,
	IM_HOST,
	IM_SOCKET,
	IM_PORT,		/* number or service */
	IM_PROTOCOL,
	IM_TLS,			/* "on", "starttls", "off" once it is finished */
	IM_STARTTLS,		/* "on" or "off", for a reader's own use */
	IM_VERIFY,		/* "on" or "off" */
	IM_CA_FILE,
	IM_CA_DIR,
	IM_CERT,
	IM_KEY,
	IM_TLS_HOST,
	IM_AUTH,		/* "on", "off", or mechanisms */
	IM_USER,
	IM_PASSWORD,
	IM_PASSWORD_COMMAND,	/* for a shell */
	IM_FROM,
	IM_FROM_NAME,
	IM_FROM_POLICY,
	IM_ENVELOPE_FROM,
	IM_ENVELOPE_FIXED,
	IM_DOMAIN,
	IM_EHLO_NAME,
	IM_SOURCE,
	IM_PROXY_HOST,
	IM_PROXY_PORT,
	IM_TIMEOUT,
	IM_ALIASES,
	IM_LIFETIME,
	IM_RETRY_MIN,
	IM_RETRY_MAX,
	IM_PER_CONNECTION,
	IM_LOG,			/* of all accounts: the first one counts */
	IM_OWN_1,		/* for a reader's own use */
	IM_OWN_2,
	IM_OWN_3,
	IM_SLOTS
};

struct import_value {
	const char *text;	/* NULL: not set */
	struct import_place at;
};

/* what a line of the other program means */
enum import_how {
	IM_TAKE,		/* the value goes into the slot */
	IM_SWITCH,		/* "on" or "off" goes there; no value is "on" */
	IM_LEFT,		/* cannot be carried, because... */
	IM_LEFT_ON,		/* the same, only where it is switched on */
	IM_LEFT_OFF,
	IM_LEFT_SET,		/* only where it has a value that is not off */
	IM_DROP			/* nothing is lost without it */
};

struct import_row {
	const char *name;
	enum import_how how;
	enum import_slot slot;
	const char *why;	/* for IM_LEFT... */
};

/* a line of the result */
struct import_entry {
	struct import_entry *next;
	const char *key;
	const char *value;
	struct import_place at;
	bool secret;
	bool dropped;		/* our own rules do not allow it */
};

struct import_account {
	struct import_account *next;
	const char *name;
	struct import_place at;
	struct import_value slots[IM_SLOTS];
	struct import_entry *first;
	struct import_entry **end;
	bool dropped;		/* nothing is written of it */
};

/* something to tell */
struct import_note {
	struct import_note *next;
	struct import_place at;
	const char *text;
	size_t number;		/* in the order of telling */
};

/* a text that lines are taken from */
struct import_source {
	const char *file;
	char *rest;
	unsigned line;
};

struct import;

/*
 * Read a file that another one names or that lies beside it: 0 with the text,
 * which the caller owns (free), else an errno.
 */
typedef int (*import_read_fn)(void *ctx, const char *path, char **ret_text,
    size_t *ret_len);

struct import {
	const char *login;	/* of whom it is for; NULL: unknown */
	const char *home;	/* NULL: unknown, or not to be used */
	import_read_fn read;
	void *ctx;
	struct import_account *first;
	struct import_account **end;
	struct import_account lead;	/* what holds for all accounts */
	size_t n_accounts;
	struct import_note *notes;
	struct import_note **notes_end;
	size_t n_notes;
	struct import_piece *pieces;
	bool left;		/* something is not in the result */
	bool failed;		/* no memory */
};

/* a program: how its files are read, and into what accounts */
struct import_program {
	const char *name;
	/* with one file; several come in order, the strongest first */
	void (*read)(struct import *im, struct import_source *source);
	/* after the last one; may be NULL */
	void (*end)(struct import *im);
	/* what a slot means to this program; may be NULL */
	void (*finish)(struct import *im, struct import_account *account);
	/* ports without TLS, after STARTTLS, with TLS from the start */
	const char *ports[3];
};

extern const struct import_program import_msmtp;
extern const struct import_program import_ssmtp;
extern const struct import_program import_esmtp;
extern const struct import_program import_dma;
extern const struct import_program import_nullmailer;
extern const struct import_program import_git;

void
import_init(struct import *im);

/* wipes all that was read */
void
import_clear(struct import *im);

void
import_wipe(void *p, size_t n);

/*
 * The text of one file, of which it takes a copy.  0; -1 with what is wrong in
 * `why`, which is a constant: too large, or not text.
 */
int
import_text(struct import *im, const struct import_program *program,
    const char *file, const char *text, size_t len, const char **why);

/* after the last text: accounts get their entries */
void
import_finish(struct import *im, const struct import_program *program);

/* ------------------------------------------------- for the readers (common) */

/* a copy; never NULL */
char *
import_keep(struct import *im, const char *p, size_t n);

/* NULL if there is no memory */
void *
import_zeros(struct import *im, size_t n);

char *
import_join(struct import *im, const char *a, const char *b, const char *c);

/* tell of a line; `left`: something of it is not in the result */
void
import_say(struct import *im, struct import_place at, bool left,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* the next line, without its end; NULL after the last one */
char *
import_line(struct import *im, struct import_source *source);

/* without the blanks around it */
char *
import_trim(char *s);

/* cut the first word off; "" if there is none */
char *
import_word(char **rest);

/* a file beside the first one, as a source; an errno if there is none */
int
import_open(struct import *im, const char *path, struct import_source *ret);

/* the first line of such a file, trimmed; NULL if there is none */
const char *
import_first_line(struct import *im, const char *path, bool wanted);

/* as the caller's function for files has it: EISDIR */
bool
import_is_directory(struct import *im, const char *path);

/* a new account, with a name that ours may have; NULL: too many */
struct import_account *
import_add(struct import *im, const char *name, struct import_place at);

/* by the name that it had for the other program */
struct import_account *
import_find(struct import *im, const char *name);

/* slots that are set in `from` are set in `to` */
void
import_inherit(struct import_account *to, const struct import_account *from);

void
import_set(struct import_account *account, enum import_slot slot,
    const char *text, struct import_place at);

/* the text of a slot, or NULL if it is not set or empty */
const char *
import_get(const struct import_account *account, enum import_slot slot);

bool
import_is(const struct import_account *account, enum import_slot slot,
    const char *text);

/*
 * Do with a line what its row says.  A name that no row has is told of; so is
 * what cannot be carried.  With `fold` case does not count in names.
 */
void
import_apply(struct import *im, struct import_account *account,
    const struct import_row *rows, size_t n, const char *name,
    const char *value, struct import_place at, bool fold);

/* "on", "off", or NULL for what is neither */
const char *
import_switch(const char *text);

/* a name that may be shown, or "..." */
const char *
import_shown(const char *name);

/* ------------------------------------------------------- results (finish.c) */

/* a line of the result; an empty value is none */
void
import_put(struct import *im, struct import_account *account, const char *key,
    const char *value, struct import_place at, bool secret);

/* all slots but those that a reader has emptied */
void
import_finish_account(struct import *im, struct import_account *account,
    const struct import_program *program);

/* a command for a shell, as a command that needs none if it can be so */
const char *
import_command(struct import *im, const char *command, bool *ret_shell);

/* only letters, digits and . _ @ + - : nothing to a shell */
bool
import_is_plain(const char *text);

/* the address that an envelope sender with our %U is at: "%U@example.org" */
const char *
import_pattern_domain(const char *pattern);

/*
 * Write the result.  Secrets are replaced by a comment unless `secrets`, and
 * `*ret_hidden` tells if there were any.  With `lines`, it is told for each
 * line of the text which entry (or account) stands there.
 */
typedef void (*import_line_fn)(void *ctx, unsigned line,
    struct import_account *account, struct import_entry *entry);

void
import_render(struct import *im, const char *title, bool secrets,
    struct cli_text *out, bool *ret_hidden, import_line_fn fn, void *ctx);

/* ------------------------------------------------------ input (input.c) */

/*
 * Read `file`, or with NULL those that the program itself would read; git is
 * asked then.  0, or an exit status, which was said why.
 */
int
import_input(struct import *im, const struct import_program *program,
    const char *file, const char *home);

/* -------------------------------------------------------------------- git */

/* told of each key, such as sendemail.work.smtpuser */
typedef void (*import_git_fn)(void *ctx, const char *key, const char *value,
    unsigned line);

/* a file of git config; what is no such line is told of if `im` is not NULL */
void
import_git_scan(struct import *im, struct import_source *source,
    struct import *memory, import_git_fn fn, void *ctx);

/* what git itself has listed: "file:PATH" NUL key LF value NUL */
int
import_git_list(struct import *im, const char *text, size_t len);

#endif
