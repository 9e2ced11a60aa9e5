/* SPDX-License-Identifier: MIT */
/*
 * doctor_spf.c - does a domain's SPF record let an address send? (RFC 7208)
 *
 * What hangs on the sender or on reverse DNS (macros, ptr, exists with a macro)
 * is taken for no match: who reads this wants to know whether the relay is
 * named.
 */
#include "doctor.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 7208 4.6.4 */
#define MOST_LOOKUPS 10
#define MOST_VOIDS 2
#define MOST_DEPTH 10
#define TERM 512

/* records include others: check calls itself, MOST_DEPTH deep at most */
/* NOLINTBEGIN(misc-no-recursion) */
static enum doctor_spf_result
check(struct doctor_spf *spf, const char *domain, unsigned depth);

static enum doctor_spf_result
problem(struct doctor_spf *spf, enum doctor_spf_result result,
    const char *what, const char *where)
{
	snprintf(spf->problem, sizeof(spf->problem), "%.120s: %.120s", where,
	    what);
	return result;
}

/* ---------------------------------------------------------------- addresses */

struct bits {
	int family;
	unsigned char b[16];
};

static int
parse_address(const char *text, struct bits *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	return inet_pton(ret->family, text, ret->b) == 1 ? 0 : -1;
}

/* -1: the length is none */
static int
in_network(const char *address, const char *net, const char *length)
{
	struct bits a, n;
	char *end;
	unsigned long most, len;

	if (parse_address(address, &a) != 0 || parse_address(net, &n) != 0)
		return -1;
	most = n.family == AF_INET6 ? 128 : 32;
	len = length == NULL ? most : strtoul(length, &end, 10);
	if (length != NULL && (end == length || *end != '\0' || len > most))
		return -1;
	if (a.family != n.family)
		return 0;
	for (unsigned long i = 0; i < len; i++)
		if (((a.b[i / 8] ^ n.b[i / 8]) >> (7 - i % 8) & 1) != 0)
			return 0;
	return 1;
}

/* "/24", "/24//64", "//64": which of them is for our family, or NULL */
static const char *
length_for(const struct doctor_spf *spf, char *lengths)
{
	char *six;

	if (lengths == NULL)
		return NULL;
	six = lengths[0] == '/' ? lengths : strstr(lengths, "//");
	if (strchr(spf->address, ':') != NULL)
		return six == NULL ? NULL : six + (six == lengths ? 1 : 2);
	if (six != NULL)
		*six = '\0';
	return lengths[0] == '\0' ? NULL : lengths;
}

/* ---------------------------------------------------------------- questions */

/* 0 with an answer that may be empty, else what the whole check comes to */
static int
ask(struct doctor_spf *spf, const char *type, const char *name,
    struct doctor_answer *ret_answer, enum doctor_spf_result *ret_result)
{
	if (doctor_lookup(spf->d, type, name, ret_answer) != 0) {
		*ret_result = problem(spf, DOCTOR_SPF_TEMPERROR,
		    ret_answer->err.code != MC_OK ? ret_answer->err.text :
		    "no answer from DNS", name);
		doctor_answer_clear(ret_answer);
		return -1;
	}
	if (ret_answer->n == 0 && strcmp(type, "txt") != 0 &&
	    ++spf->voids > MOST_VOIDS) {
		*ret_result = problem(spf, DOCTOR_SPF_PERMERROR,
		    "too many names that do not exist", name);
		doctor_answer_clear(ret_answer);
		return -1;
	}
	return 0;
}

static int
count_lookup(struct doctor_spf *spf, const char *where,
    enum doctor_spf_result *ret_result)
{
	if (++spf->lookups <= MOST_LOOKUPS)
		return 0;
	*ret_result = problem(spf, DOCTOR_SPF_PERMERROR, "more than 10 "
	    "lookups, which receivers count as no valid record", where);
	return -1;
}

/* 1 match, 0 none, -1 *ret_result */
static int
match_host(struct doctor_spf *spf, const char *name, const char *length,
    enum doctor_spf_result *ret_result)
{
	struct doctor_answer a;
	int rc = 0;

	if (ask(spf, "addr", name, &a, ret_result) != 0)
		return -1;
	for (size_t i = 0; i < a.n && rc != 1; i++)
		rc = in_network(spf->address, a.v[i], length) == 1;
	doctor_answer_clear(&a);
	return rc;
}

static int
match_mx(struct doctor_spf *spf, const char *name, const char *length,
    enum doctor_spf_result *ret_result)
{
	struct doctor_answer a;
	int rc = 0;

	if (ask(spf, "mx", name, &a, ret_result) != 0)
		return -1;
	if (a.n > MOST_LOOKUPS) {
		*ret_result = problem(spf, DOCTOR_SPF_PERMERROR,
		    "more than 10 MX records", name);
		rc = -1;
	}
	for (size_t i = 0; i < a.n && rc == 0; i++)
		rc = match_host(spf, a.v[i], length, ret_result);
	doctor_answer_clear(&a);
	return rc;
}

/* ---------------------------------------------------------------- mechanisms */

/* the word in front of ':', '/' or '=' */
static bool
is_name(const char *term, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(term, name, len) == 0 && (term[len] == '\0' ||
	    term[len] == ':' || term[len] == '/' || term[len] == '=');
}

static int
match_include(struct doctor_spf *spf, const char *domain, unsigned depth,
    enum doctor_spf_result *ret_result)
{
	enum doctor_spf_result sub;

	if (spf->named[0] == '\0' && doctor_same_site(domain, spf->relay))
		snprintf(spf->named, sizeof(spf->named), "%s", domain);
	sub = check(spf, domain, depth + 1);
	switch (sub) {
	case DOCTOR_SPF_PASS:
		return 1;
	case DOCTOR_SPF_FAIL:
	case DOCTOR_SPF_SOFTFAIL:
	case DOCTOR_SPF_NEUTRAL:
		return 0;
	case DOCTOR_SPF_NONE:
		*ret_result = problem(spf, DOCTOR_SPF_PERMERROR,
		    "is included and has no SPF record", domain);
		return -1;
	case DOCTOR_SPF_TEMPERROR:
	case DOCTOR_SPF_PERMERROR:
		break;
	}
	*ret_result = sub;
	return -1;
}

/* 1 match, 0 none, -1 *ret_result; term is cut into pieces */
static int
match(struct doctor_spf *spf, char *term, const char *domain, unsigned depth,
    enum doctor_spf_result *ret_result)
{
	char *lengths = NULL, *value = strchr(term, ':');
	const char *name = domain;
	bool net = is_name(term, "ip4") || is_name(term, "ip6");
	int rc;

	if (strcasecmp(term, "all") == 0)
		return 1;
	if (strchr(term, '%') != NULL) {
		if (is_name(term, "ptr"))
			return 0;
		return count_lookup(spf, domain, ret_result) != 0 ? -1 : 0;
	}
	lengths = strchr(value != NULL ? value : term, '/');
	if (lengths != NULL)
		*lengths++ = '\0';
	if (value != NULL)
		name = value + 1;
	if (net && value != NULL) {
		rc = in_network(spf->address, name, lengths);
		if (rc >= 0)
			return rc;
		*ret_result = problem(spf, DOCTOR_SPF_PERMERROR,
		    "not an address", name);
		return -1;
	}
	if (!is_name(term, "include") && !is_name(term, "a") &&
	    !is_name(term, "mx") && !is_name(term, "ptr") &&
	    !is_name(term, "exists")) {
		*ret_result = problem(spf, DOCTOR_SPF_PERMERROR,
		    "unknown mechanism in the record", term);
		return -1;
	}
	if (count_lookup(spf, domain, ret_result) != 0)
		return -1;
	if (is_name(term, "include"))
		return match_include(spf, name, depth, ret_result);
	if (is_name(term, "a"))
		return match_host(spf, name, length_for(spf, lengths),
		    ret_result);
	if (is_name(term, "mx"))
		return match_mx(spf, name, length_for(spf, lengths),
		    ret_result);
	return 0;
}

static enum doctor_spf_result
result_of(char qualifier)
{
	return qualifier == '-' ? DOCTOR_SPF_FAIL : qualifier == '~' ?
	    DOCTOR_SPF_SOFTFAIL : qualifier == '?' ? DOCTOR_SPF_NEUTRAL :
	    DOCTOR_SPF_PASS;
}

/* ------------------------------------------------------------------- records */

static enum doctor_spf_result
follow(struct doctor_spf *spf, char *record, const char *domain,
    unsigned depth)
{
	const char *redirect = NULL;
	enum doctor_spf_result result = DOCTOR_SPF_NEUTRAL;
	char *rest = NULL, kept[TERM];

	for (char *term = strtok_r(record, " ", &rest); term != NULL;
	    term = strtok_r(NULL, " ", &rest)) {
		char qualifier = '+';
		int rc;

		if (strncasecmp(term, "redirect=", 9) == 0)
			redirect = term + 9;
		/* other modifiers change nothing */
		if (term[strcspn(term, "=:/")] == '=')
			continue;
		snprintf(kept, sizeof(kept), "%s", term);
		if (strchr("+-~?", term[0]) != NULL)
			qualifier = *term++;
		rc = match(spf, term, domain, depth, &result);
		if (rc < 0)
			return result;
		if (rc > 0) {
			if (depth == 0)
				snprintf(spf->match, sizeof(spf->match),
				    "%.200s", kept);
			return result_of(qualifier);
		}
	}
	if (redirect == NULL)
		return DOCTOR_SPF_NEUTRAL;
	if (count_lookup(spf, domain, &result) != 0)
		return result;
	if (doctor_same_site(redirect, spf->relay))
		snprintf(spf->named, sizeof(spf->named), "%.200s", redirect);
	result = check(spf, redirect, depth + 1);
	if (result == DOCTOR_SPF_NONE)
		return problem(spf, DOCTOR_SPF_PERMERROR,
		    "is redirected to and has no SPF record", redirect);
	return result;
}

static enum doctor_spf_result
check(struct doctor_spf *spf, const char *domain, unsigned depth)
{
	enum doctor_spf_result result = DOCTOR_SPF_NONE;
	struct doctor_answer a;
	char *record = NULL;
	size_t n = 0;

	if (depth > MOST_DEPTH)
		return problem(spf, DOCTOR_SPF_PERMERROR, "includes go in a "
		    "circle", domain);
	if (ask(spf, "txt", domain, &a, &result) != 0)
		return result;
	for (size_t i = 0; i < a.n; i++)
		if (strncasecmp(a.v[i], "v=spf1", 6) == 0 &&
		    (a.v[i][6] == '\0' || a.v[i][6] == ' ')) {
			record = a.v[i];
			n++;
		}
	if (n > 1)
		result = problem(spf, DOCTOR_SPF_PERMERROR,
		    "has more than one SPF record", domain);
	else if (n == 1)
		result = follow(spf, record + 6, domain, depth);
	doctor_answer_clear(&a);
	return result;
}

/* NOLINTEND(misc-no-recursion) */

enum doctor_spf_result
doctor_spf_check(struct doctor_spf *spf, const char *domain)
{
	return check(spf, domain, 0);
}
