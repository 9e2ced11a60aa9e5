/* SPDX-License-Identifier: MIT */
/*
 * dkim.c - the keys of an account that have to do with DKIM signatures
 */
#include "base/base.h"
#include "config/dkim.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/idna.h"

#define MOST_NAME 253	/* of a domain name, in text */

static int
wrong(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s", what);
}

/* -------------------------------------------------------------------- lists */

int
mc_dkim_selectors(struct mc_str in, struct mc_buf *out, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_str rest = in;
	struct mc_str word;
	size_t n = 0;

	while (mc_str_next_token(&rest, " \t,", &word)) {
		if (n++ == MC_MAX_DKIM)
			return wrong(err, "takes four at most");
		if (n != 1)
			mc_buf_addc(out, ' ');
		if (mc_idna_host(word, true, out, &why) != 0)
			return why.code == MC_E_NOMEM ? mc_err_set(err,
			    MC_E_NOMEM, MC_STAGE_CONFIG, NULL) : wrong(err,
			    "must be the name in front of ._domainkey in DNS, "
			    "such as s2026, or several");
	}
	return n == 0 ? wrong(err, "holds no selector") : 0;
}

static bool
is_path(struct mc_str s)
{
	return (s.len > 1 && s.ptr[0] == '/') || (s.len > 2 &&
	    mc_str_starts_nocase(s, MC_STR("~/")));
}

int
mc_dkim_files(struct mc_str in, struct mc_buf *out, struct mc_err *err)
{
	struct mc_str rest = in;
	struct mc_str file;
	size_t n = 0;

	while (mc_str_next_token(&rest, ",", &file)) {
		file = mc_str_trim(file);
		if (n++ == MC_MAX_DKIM)
			return wrong(err, "takes four at most");
		if (!is_path(file))
			return wrong(err, "must be a whole path, beginning "
			    "with / or with ~/ for the home directory, or "
			    "several, separated by commas");
		if (n != 1)
			mc_buf_addz(out, ", ");
		mc_buf_add_str(out, file);
	}
	return n == 0 ? wrong(err, "holds no path") : 0;
}

bool
mc_dkim_next_file(struct mc_str *rest, struct mc_str *ret_file)
{
	if (!mc_str_next_token(rest, ",", ret_file))
		return false;
	*ret_file = mc_str_trim(*ret_file);
	return true;
}

/* ------------------------------------------------------------------- checks */

static size_t
longest(const char *selectors, size_t *ret_n)
{
	struct mc_str rest = mc_str_from(selectors);
	struct mc_str word;
	size_t most = 0;

	for (*ret_n = 0; mc_str_next_token(&rest, " ", &word); ++*ret_n)
		if (word.len > most)
			most = word.len;
	return most;
}

static size_t
count_files(const char *files)
{
	struct mc_str rest = mc_str_from(files);
	struct mc_str file;
	size_t n = 0;

	while (mc_dkim_next_file(&rest, &file))
		n++;
	return n;
}

int
mc_dkim_check(const struct mc_account *a, bool off, enum mc_key_id *ret_key,
    struct mc_err *err)
{
	size_t n, most;

	if (a->dkim_domain == NULL) {
		/* an account may do without what stands above all of them */
		if (off || (a->dkim_selector == NULL && a->dkim_key == NULL))
			return 0;
		*ret_key = a->dkim_key != NULL ? MC_K_dkim_key :
		    MC_K_dkim_selector;
		return wrong(err, a->dkim_key != NULL ?
		    "dkim-key: nothing is signed without dkim-domain" :
		    "dkim-selector: nothing is signed without dkim-domain");
	}
	*ret_key = MC_K_dkim_domain;
	if (a->dkim_selector == NULL)
		return wrong(err, "dkim-domain: needs the selector of the key, "
		    "dkim-selector");
	if (a->dkim_key == NULL)
		return wrong(err, "dkim-domain: needs the file of the private "
		    "key, dkim-key (\"mailchute dkim keygen\" makes one)");
	most = longest(a->dkim_selector, &n);
	*ret_key = MC_K_dkim_selector;
	if (n != count_files(a->dkim_key))
		return wrong(err, "dkim-selector: there must be as many "
		    "selectors as files in dkim-key");
	if (most + strlen("._domainkey.") + strlen(a->dkim_domain) > MOST_NAME)
		return wrong(err, "dkim-selector: the name in DNS would be "
		    "too long");
	return 0;
}
