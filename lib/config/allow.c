/* SPDX-License-Identifier: MIT */
/*
 * allow.c - the lists of allow-users and allow-sender as text
 */
#include "base/base.h"

#include "config/allow.h"

#include "base/err.h"
#include "base/num.h"
#include "config/conf.h"

#define SEPARATORS " \t,"

static int
bad(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s", what);
}

/* -------------------------------------------------------------------- users */

static bool
is_number(struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!mc_is_digit((unsigned char)s.ptr[i]))
			return false;
	return s.len != 0;
}

/* what the user database may hold: hardly anything is forbidden there */
static bool
is_name(struct mc_str s)
{
	if (s.len == 0 || s.len > MC_WHO_NAME || s.ptr[0] == '-' ||
	    s.ptr[0] == '@' || mc_str_has_ctl(s) || !mc_str_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (strchr(" ,;:*\"<>", s.ptr[i]) != NULL)
			return false;
	return true;
}

int
mc_who_parse(struct mc_str word, struct mc_who *ret_who, struct mc_err *err)
{
	bool group = word.len != 0 && word.ptr[0] == '@';
	struct mc_who who = { .name = mc_str_sub(word, group, SIZE_MAX) };
	uint64_t id = 0;

	if (mc_str_eq(word, MC_STR("*"))) {
		who.kind = MC_WHO_ALL;
	} else if (mc_str_eq(word, MC_STR("loopback"))) {
		who.kind = MC_WHO_LOOPBACK;
	} else if (is_number(who.name)) {
		/* the greatest one stands for "none" in chown(2) and others */
		if (mc_num_u64(who.name, UINT32_MAX - 1, &id) != 0)
			return bad(err, "there is no user or group with so "
			    "great a number");
		who.kind = group ? MC_WHO_GID : MC_WHO_UID;
		who.id = (unsigned long)id;
	} else if (is_name(who.name)) {
		who.kind = group ? MC_WHO_GROUP : MC_WHO_USER;
	} else {
		return bad(err, "must name users: a name, a numeric uid, a "
		    "@group, or * for all");
	}
	*ret_who = who;
	return 0;
}

int
mc_allow_users_check(struct mc_str in, struct mc_buf *out, struct mc_err *err)
{
	struct mc_str word;
	struct mc_who who;
	size_t n = 0;

	for (; mc_str_next_token(&in, SEPARATORS, &word); n++) {
		if (mc_who_parse(word, &who, err) != 0)
			return -1;
		if (who.kind == MC_WHO_LOOPBACK)
			return bad(err, "loopback is no user: see "
			    "trust-loopback");
		if (n != 0)
			mc_buf_addc(out, ' ');
		mc_buf_add_str(out, word);
	}
	return n != 0 ? 0 : bad(err, "names nobody");
}

/* -------------------------------------------------------------------- rules */

/* offset of the first byte out of `set` that is not in quotes, or s.len */
static size_t
find_unquoted(struct mc_str s, const char *set)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < s.len; i++) {
		if (quoted && s.ptr[i] == '\\' && i + 1 < s.len)
			i++;
		else if (s.ptr[i] == '"')
			quoted = !quoted;
		else if (!quoted && s.ptr[i] != '\0' &&
		    strchr(set, s.ptr[i]) != NULL)
			break;
	}
	return i < s.len ? i : s.len;
}

static struct mc_str
cut(struct mc_str *rest, const char *set)
{
	size_t n = find_unquoted(*rest, set);
	struct mc_str part = mc_str_sub(*rest, 0, n);

	*rest = mc_str_sub(*rest, n + 1, SIZE_MAX);
	return part;
}

static int
add_whos(struct mc_str whos, struct mc_buf *out, struct mc_err *err)
{
	struct mc_str word;
	struct mc_who who;
	size_t n = 0;

	for (; mc_str_next_token(&whos, SEPARATORS, &word); n++) {
		if (mc_who_parse(word, &who, err) != 0)
			return -1;
		if (n != 0)
			mc_buf_addc(out, ' ');
		mc_buf_add_str(out, word);
	}
	return n != 0 ? 0 : bad(err, "a rule names nobody in front of its :");
}

static int
add_patterns(struct mc_str rest, struct mc_buf *out, struct mc_err *err)
{
	size_t n = 0;

	while (rest.len != 0) {
		struct mc_str pattern = cut(&rest, SEPARATORS);

		if (pattern.len == 0)
			continue;
		mc_buf_addz(out, n++ != 0 ? ", " : "");
		if (mc_str_eq(pattern, MC_STR("<>")))
			mc_buf_addz(out, "<>");
		else if (mc_patterns_check(pattern, true, out, err) != 0)
			return -1;
	}
	return n != 0 ? 0 : bad(err, "a rule has no address behind its :");
}

int
mc_allow_sender_check(struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	size_t n = 0;

	while (in.len != 0) {
		struct mc_str rule = mc_str_trim(cut(&in, ";"));
		size_t colon = mc_str_chr(rule, ':');

		if (rule.len == 0)
			continue;
		if (colon == rule.len)
			return bad(err, "must be rules like \"alice @staff: "
			    "*@example.org\", separated by ;");
		mc_buf_addz(out, n++ != 0 ? "; " : "");
		if (add_whos(mc_str_sub(rule, 0, colon), out, err) != 0)
			return -1;
		mc_buf_addz(out, ": ");
		if (add_patterns(mc_str_sub(rule, colon + 1, SIZE_MAX), out,
		    err) != 0)
			return -1;
	}
	return n != 0 ? 0 : bad(err, "holds no rule");
}

bool
mc_allow_next_rule(struct mc_str *rest, struct mc_str *ret_whos,
    struct mc_str *ret_patterns)
{
	struct mc_str rule = mc_str_trim(cut(rest, ";"));
	size_t colon = mc_str_chr(rule, ':');

	if (rule.len == 0)
		return false;
	*ret_whos = mc_str_sub(rule, 0, colon);
	*ret_patterns = mc_str_trim(mc_str_sub(rule, colon + 1, SIZE_MAX));
	return true;
}

bool
mc_allow_next_pattern(struct mc_str *patterns, struct mc_str *ret_pattern)
{
	return mc_value_next_from(patterns, ret_pattern);
}
