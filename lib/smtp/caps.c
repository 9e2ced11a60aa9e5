/* SPDX-License-Identifier: MIT */
/* Capabilities: the keywords of an EHLO reply (RFC 5321 4.1.1.1). */
#include "base/base.h"

#include "smtp/caps.h"

#include "base/num.h"
#include "mail/when.h"

#define MECH_MAX 20	/* RFC 4422 section 3.1 */
#define LIMIT_MAX 999999	/* RFC 9422 section 5: six digits */
#define BY_MAX 999999999	/* RFC 2852 section 4: nine */

static const struct {
	const char *word;
	unsigned flag;
} keywords[] = {
	{ "STARTTLS", MC_CAP_STARTTLS },
	{ "PIPELINING", MC_CAP_PIPELINING },
	{ "8BITMIME", MC_CAP_8BITMIME },
	{ "SMTPUTF8", MC_CAP_SMTPUTF8 },
	{ "DSN", MC_CAP_DSN },
	{ "ENHANCEDSTATUSCODES", MC_CAP_ENHANCED },
	{ "CHUNKING", MC_CAP_CHUNKING },
	{ "SIZE", MC_CAP_SIZE },
	{ "AUTH", MC_CAP_AUTH },
	{ "REQUIRETLS", MC_CAP_REQUIRETLS },
	{ "LIMITS", MC_CAP_LIMITS },
	{ "MT-PRIORITY", MC_CAP_PRIORITY },
	{ "DELIVERBY", MC_CAP_DELIVERBY },
	{ "FUTURERELEASE", MC_CAP_FUTURERELEASE },
	{ "BINARYMIME", MC_CAP_BINARYMIME },
};

/* " WORD ", upper case: the form in which mechs holds a mechanism; false if
 * the word is no mechanism name */
static bool
make_entry(struct mc_str word, char ret_entry[MECH_MAX + 2], size_t *ret_len)
{
	size_t n = 0;

	if (word.len == 0 || word.len > MECH_MAX)
		return false;
	ret_entry[n++] = ' ';
	for (size_t i = 0; i < word.len; i++) {
		char c = word.ptr[i];

		if (!mc_is_alnum(c) && c != '-' && c != '_')
			return false;
		if (mc_is_alpha(c))
			c = (char)(c & ~0x20);
		ret_entry[n++] = c;
	}
	ret_entry[n++] = ' ';
	*ret_len = n;
	return true;
}

static bool
holds_entry(const char *mechs, const char *entry, size_t len)
{
	size_t n = strlen(mechs);

	for (size_t i = 0; i + len <= n; i++)
		if (memcmp(mechs + i, entry, len) == 0)
			return true;
	return false;
}

static void
add_mechs(struct mc_str list, struct mc_caps *caps)
{
	struct mc_str word;

	while (mc_str_next_token(&list, " ", &word)) {
		char entry[MECH_MAX + 2];
		size_t len;

		if (!make_entry(word, entry, &len) ||
		    holds_entry(caps->mechs, entry, len))
			continue;

		size_t used = strlen(caps->mechs);
		size_t skip = used == 0 ? 0 : 1;	/* a blank is there */

		if (used + len - skip >= sizeof(caps->mechs))
			continue;
		memcpy(caps->mechs + used, entry + skip, len - skip);
		caps->mechs[used + len - skip] = '\0';
	}
}

/* RFC 1870: a limit that cannot be one is as good as none */
static uint64_t
parse_size(struct mc_str text)
{
	uint64_t size;

	if (mc_num_u64(text, INT64_MAX, &size) != 0)
		return 0;
	return size;
}

/* RFC 9422: a limit that cannot be one, 0 for example, is as good as none */
static void
add_limits(struct mc_str list, struct mc_caps *caps)
{
	const struct {
		struct mc_str name;
		uint32_t *limit;
	} limits[] = {
		{ MC_STR("RCPTMAX="), &caps->rcpt_max },
		{ MC_STR("RCPTDOMAINMAX="), &caps->domain_max },
		{ MC_STR("MAILMAX="), &caps->mail_max },
	};
	struct mc_str word;
	uint64_t n;

	while (mc_str_next_token(&list, " ", &word)) {
		for (size_t i = 0; i < MC_NELEM(limits); i++) {
			size_t len = limits[i].name.len;
			struct mc_str value = mc_str_sub(word, len, word.len);

			if (mc_str_starts_nocase(word, limits[i].name) &&
			    mc_num_u64(value, LIMIT_MAX, &n) == 0 &&
			    value.ptr[0] != '0')
				*limits[i].limit = (uint32_t)n;
		}
	}
}

static struct mc_str
without_blanks(struct mc_str s)
{
	while (s.len > 0 && s.ptr[0] == ' ')
		s = mc_str_sub(s, 1, s.len);
	while (s.len > 0 && s.ptr[s.len - 1] == ' ')
		s.len--;
	return s;
}

static uint32_t
parse_by(struct mc_str text)
{
	uint64_t seconds;

	if (mc_num_u64(text, BY_MAX, &seconds) != 0)
		return 0;
	return (uint32_t)seconds;
}

/* without its limits nobody can tell whether a time is within them */
static void
add_hold(struct mc_str text, struct mc_caps *caps)
{
	size_t n = mc_str_chr(text, ' ');
	uint64_t most = 0;
	int64_t last = 0;

	if (mc_num_u64(mc_str_sub(text, 0, n), INT64_MAX / 2, &most) != 0 ||
	    !mc_when_rfc3339(without_blanks(mc_str_sub(text, n, text.len)),
	    &last) || most == 0) {
		caps->flags &= ~MC_CAP_FUTURERELEASE;
		most = 0;
		last = 0;
	}
	caps->hold_most = (int64_t)most;
	caps->hold_last = last;
}

static void
add_keyword(struct mc_str line, struct mc_caps *caps)
{
	size_t n = mc_str_chr(line, ' ');
	struct mc_str word = mc_str_sub(line, 0, n);
	struct mc_str rest = mc_str_sub(line, n, line.len);

	/* from before RFC 2554, still sent next to the right form */
	if (mc_str_starts_nocase(word, MC_STR("AUTH="))) {
		caps->flags |= MC_CAP_AUTH;
		add_mechs(mc_str_sub(line, 5, line.len), caps);
		return;
	}
	for (size_t i = 0; i < MC_NELEM(keywords); i++) {
		if (!mc_str_eq_nocase(word, mc_str_from(keywords[i].word)))
			continue;
		caps->flags |= keywords[i].flag;
		if (keywords[i].flag == MC_CAP_AUTH)
			add_mechs(rest, caps);
		if (keywords[i].flag == MC_CAP_SIZE)
			caps->size = parse_size(without_blanks(rest));
		if (keywords[i].flag == MC_CAP_LIMITS)
			add_limits(rest, caps);
		if (keywords[i].flag == MC_CAP_DELIVERBY)
			caps->by_min = parse_by(without_blanks(rest));
		if (keywords[i].flag == MC_CAP_FUTURERELEASE)
			add_hold(without_blanks(rest), caps);
	}
}

void
mc_caps_parse(const struct mc_reply *r, struct mc_caps *ret_caps)
{
	memset(ret_caps, 0, sizeof(*ret_caps));
	for (size_t i = 1; i < r->lines; i++)
		add_keyword(mc_reply_line(r, i), ret_caps);
}

bool
mc_caps_can_hold(const struct mc_caps *caps, int64_t until, int64_t now)
{
	return (caps->flags & MC_CAP_FUTURERELEASE) != 0 &&
	    until - now <= caps->hold_most && until <= caps->hold_last;
}

bool
mc_caps_has_mech(const struct mc_caps *caps, struct mc_str mech)
{
	char entry[MECH_MAX + 2];
	size_t len;

	return make_entry(mech, entry, &len) &&
	    holds_entry(caps->mechs, entry, len);
}
