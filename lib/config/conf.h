/* SPDX-License-Identifier: MIT */
/*
 * conf.h - inside of lib/config: settings, layers, files, problems
 *
 * A setting is one value that somebody gave, with the place where it stands.
 * A layer has room for one setting a key.  An account is resolved from
 * several layers, see account.c.
 */
#ifndef MC_CONFIG_CONF_H
#define MC_CONFIG_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

#define MC_MAX_ACCOUNTS 1000	/* sections in one file */

/* ------------------------------------------------------------------- keys */

enum mc_key_type {
	MC_TYPE_TEXT,
	MC_TYPE_LIST,
	MC_TYPE_HOST,
	MC_TYPE_PATH,
	MC_TYPE_CMD,
	MC_TYPE_SECRET,
	MC_TYPE_UINT,
	MC_TYPE_SECS,
	MC_TYPE_BYTES,
	MC_TYPE_BOOL,
	MC_TYPE_ENUM
};

struct mc_key_row {
	const char *name;
	enum mc_key_type type;
	const char *def;	/* NULL if none */
	unsigned flags;
	const char *arg;
	const char *help;
};

/* key < MC_K__COUNT */
struct mc_key_row
mc_key_row(enum mc_key_id key);

/* -1 if there is no such key; names are compared exactly */
MC_NODISCARD int
mc_key_find(struct mc_str name, enum mc_key_id *ret_key);

/*
 * How far two names are apart: bytes to add, drop or change.  Case does not
 * count, nor '_' for '-'; what is behind the 64th byte is not looked at.
 */
size_t
mc_key_distance(struct mc_str a, struct mc_str b);

enum mc_key_id
mc_key_nearest(struct mc_str name);

/* what a path may begin with that is a credential of the service manager */
#define MC_CREDENTIALS "$CREDENTIALS_DIRECTORY/"

/* may the unknown name be shown?  Only one that looks like a key's: a stray
 * line of a secret must not. */
bool
mc_key_presentable(struct mc_str name);

/* --------------------------------------------------------------- settings */

struct mc_setting {
	char *text;		/* normal form; "" when empty or a secret */
	uint64_t num;
	struct mc_secret *secret;	/* NULL when empty */
	char *origin;		/* "FILE:LINE", "environment NAME", ... */
	const char *file;	/* for mc_problem_fn; borrowed, may be NULL */
	unsigned line;
};

/* few keys are set: what is not there is no memory that every start fills */
struct mc_layer {
	struct mc_setting *v[MC_K__COUNT];	/* NULL: not set */
};

/*
 * mc_value_parse - check a value and bring it into its normal form
 *
 * Fills text, num and secret; the other fields are the caller's.  A
 * normal form parses to itself.  -1 with err: MC_E_CONF_VALUE ("key: what is
 * allowed", never the value), MC_E_NOMEM.
 */
MC_NODISCARD int
mc_value_parse(enum mc_key_id key, struct mc_str in,
    struct mc_setting *ret_setting, struct mc_err *err);

/* next element of a `from` in normal form; false when there is none */
bool
mc_value_next_from(struct mc_str *rest, struct mc_str *ret_element);

/*
 * mc_patterns_check - append the normal form of a list as `from` has it
 *
 * `one`: it has to be exactly one.  The text of an error has no key in front.
 * -1 with err: MC_E_CONF_VALUE, or as of mc_addr_parse and mc_mailbox_make.
 */
MC_NODISCARD int
mc_patterns_check(struct mc_str in, bool one, struct mc_buf *out,
    struct mc_err *err);

/*
 * mc_rate_parse - a `rate`: "20/min", "30/2min", "100 / 90s"
 *
 * Times as of mc_num_seconds; a unit alone is one of it.  -1 if it is none,
 * also for no messages or no time.
 */
MC_NODISCARD int
mc_rate_parse(struct mc_str in, uint64_t *ret_messages, uint64_t *ret_seconds);

/* append its normal form, with the largest unit that fits; neither is 0 */
void
mc_rate_format(uint64_t messages, uint64_t seconds, struct mc_buf *out);

/* where a value comes from */
struct mc_place {
	const char *file;	/* path, "environment", "command line" */
	unsigned line;		/* 0: none */
	const char *var;	/* name of the variable, or NULL */
};

/* "FILE:LINE", "environment NAME", ...; NULL if out of memory */
MC_NODISCARD char *
mc_place_text(const struct mc_place *place);

/*
 * mc_layer_put - parse a value and store it in place of any other
 *
 * One that is there already keeps its address.  place->file must live as long
 * as the layer.  -1 with err as for mc_value_parse, with the place in front; the
 * layer is then unchanged.
 */
MC_NODISCARD int
mc_layer_put(struct mc_layer *layer, enum mc_key_id key, struct mc_str value,
    const struct mc_place *place, struct mc_err *err);

void
mc_setting_clear(struct mc_setting *setting);

/* clear and free it; nothing for NULL */
void
mc_setting_free(struct mc_setting *setting);

/* is one of these n keys set in it? */
bool
mc_layer_has(const struct mc_layer *layer, const enum mc_key_id *keys,
    size_t n);

void
mc_layer_clear(struct mc_layer *layer);

/* --------------------------------------------------------------- problems */

struct mc_problems {
	mc_problem_fn fn;
	void *ctx;
	struct mc_err first;
};

/*
 * Tell one.  Returns 0 if reading should go on, -1 if not (nobody listens, or
 * out of memory).
 */
MC_NODISCARD int
mc_problems_add(struct mc_problems *p, const struct mc_place *place,
    const struct mc_err *problem);

/* the same with a text made here (NULL: the table's), the place in front */
MC_NODISCARD int
mc_problems_addf(struct mc_problems *p, const struct mc_place *place,
    enum mc_code code, const char *fmt, ...) MC_PRINTF(4, 5);

/* 0 if there was none, else -1 with the first */
MC_NODISCARD int
mc_problems_end(const struct mc_problems *p, struct mc_err *err);

/* holds a control byte other than TAB? */
bool
mc_conf_has_ctl(struct mc_str s);

/* MC_E_NOMEM */
static inline int
mc_conf_nomem(struct mc_err *err)
{
	return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
}

/* ------------------------------------------------------------------ files */

struct mc_section {
	char *name;
	unsigned line;
	struct mc_layer layer;
};

struct mc_conf_file {
	char *path;
	struct mc_layer lead;	/* keys before the first section */
	struct mc_vec sections;	/* struct mc_section */
	bool has_secret;
	bool has_command;	/* names a program to run */
	bool is_roots;		/* root's, and nobody else may write it */
};

/* path is copied; MC_E_NOMEM */
MC_NODISCARD int
mc_conf_file_init(struct mc_conf_file *cf, const char *path,
    struct mc_err *err);

void
mc_conf_file_clear(struct mc_conf_file *cf);

/* 0 when all of the text was read (problems told or not), -1 to stop */
MC_NODISCARD int
mc_conf_file_parse(struct mc_conf_file *cf, struct mc_str text,
    struct mc_problems *problems);

/*
 * Read the file at cf->path.  *ret_sys is the errno of a file that cannot be
 * opened: nothing is told then, 0 is returned.  It is 0 else.  A file that
 * holds a secret is checked: MC_E_CONF_SECRET.
 */
MC_NODISCARD int
mc_conf_file_read(struct mc_conf_file *cf, unsigned long uid, int *ret_sys,
    struct mc_problems *problems);

const struct mc_section *
mc_conf_file_section(const struct mc_conf_file *cf, const char *name);

/* ------------------------------------------------------------ environment */

struct mc_conf_env {
	struct mc_layer layer;
	char *config;		/* MAILCHUTE_CONFIG, NULL if none */
	char *account;		/* MAILCHUTE_ACCOUNT, NULL if none */
};

void
mc_conf_env_clear(struct mc_conf_env *env);

/* every MAILCHUTE_ variable; secrets in envp are overwritten */
MC_NODISCARD int
mc_conf_env_read(struct mc_conf_env *env, char **envp,
    struct mc_problems *problems);

/* ------------------------------------------------------- whole and accounts */

struct mc_acct {
	struct mc_account a;
	const struct mc_section *section;	/* NULL: of leads and environment */
	const struct mc_conf_file *file;	/* of the section; NULL without */
	bool is_default;
	bool by_service;	/* settings of the local service come first */
	const struct mc_setting *won[MC_K__COUNT];	/* NULL: unset */
	char *own[MC_K__COUNT];	/* text that had to be made */
	const char *match;	/* `from` by which it is chosen, or NULL */
};

/* is the local service what mail is handed to? */
enum mc_handover {
	MC_HANDOVER_NONE,
	MC_HANDOVER_GONE,	/* it would be, but there is no socket */
	MC_HANDOVER_USED
};

struct mc_config {
	struct mc_layer service;	/* empty if that is not so */
	enum mc_handover service_state;
	char *service_note;	/* see mc_account.no_host; or NULL */
	struct mc_acct *waiting;	/* the default account for what is in
				 * the queue while the socket is gone; or NULL */
	struct mc_layer cli;
	struct mc_conf_env env;
	struct mc_layer defaults;
	struct mc_conf_file files[2];	/* in order of precedence */
	size_t n_files;
	const struct mc_conf_file *user;	/* NULL, or in files */
	const struct mc_conf_file *system;
	char *home;		/* for "~/", or NULL */
	char *credentials;	/* for "$CREDENTIALS_DIRECTORY/", or NULL */
	struct mc_acct *accts;
	size_t n_accts;
	size_t def;		/* of the default account; n_accts: none */
};

/*
 * mc_accounts_make - resolve every account of the files and layers
 *
 * On success, or with problems that were told, config->accts is replaced.
 * 0, or -1 to stop: config is then unchanged.
 */
MC_NODISCARD int
mc_accounts_make(struct mc_config *config, struct mc_problems *problems);

void
mc_accounts_free(struct mc_acct *accts, size_t n);

/* as mc_config_find, with everything that is known */
MC_NODISCARD int
mc_accounts_find(const struct mc_config *config, const char *name,
    const struct mc_acct **ret_acct, struct mc_err *err);

/*
 * mc_handover_find - settle config->service, ..._state and ..._note
 *
 * Once files and environment are read.  MC_E_NOMEM, or what mc_layer_put says.
 */
MC_NODISCARD int
mc_handover_find(struct mc_config *config, struct mc_err *err);

/*
 * mc_config_load_from - mc_config_load with the path of the system's file
 */
MC_NODISCARD int
mc_config_load_from(const struct mc_caller *caller, const char *file,
    const char *system_path, mc_problem_fn fn, void *ctx,
    struct mc_config **ret_config, struct mc_err *err);

#endif
