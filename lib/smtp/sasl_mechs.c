/* SPDX-License-Identifier: MIT */
/* sasl_mechs.c - which log-in mechanisms there are, and which one to use */
#include "base/base.h"

#include "smtp/sasl.h"

#include "base/err.h"
#include "smtp/sasl_internal.h"

const struct mc_mech mc_mechs[MC_N_MECHS] = {
#define MC_MECH(id, name, kind, needs, traits) \
	[MC_MECH_##id] = { { (name), sizeof(name) - 1 }, MC_KIND_##kind, \
	    (needs), (traits) },
#include "smtp/mechs.def"
#undef MC_MECH
};

bool
mc_mech_is_scram(const struct mc_mech *m)
{
	return m->kind == MC_KIND_SCRAM_SHA1 ||
	    m->kind == MC_KIND_SCRAM_SHA256;
}

bool
mc_mech_is_oauth(const struct mc_mech *m)
{
	return m->kind == MC_KIND_OAUTHBEARER || m->kind == MC_KIND_XOAUTH2;
}

/* ---------------------------------------------------------------- list */

static unsigned
auto_mask(void)
{
	unsigned mask = 0;

	for (size_t i = 0; i < MC_N_MECHS; i++)
		if ((mc_mechs[i].traits & MC_MT_AUTO) != 0)
			mask |= 1u << i;
	return mask;
}

unsigned
mc_mechs_needing(unsigned needs)
{
	unsigned mask = 0;

	for (size_t i = 0; i < MC_N_MECHS; i++)
		if ((mc_mechs[i].needs & needs) != 0)
			mask |= 1u << i;
	return mask;
}

/* 0 if there is no such mechanism */
static unsigned
named_mask(struct mc_str name)
{
	for (size_t i = 0; i < MC_N_MECHS; i++)
		if (mc_str_eq_nocase(name, mc_mechs[i].name))
			return 1u << i;
	return 0;
}

unsigned
mc_mechs_parse(const char *list, unsigned *ret_named, struct mc_str *ret_bad)
{
	struct mc_str rest = mc_str_from(list), word;
	unsigned mask = list == NULL ? auto_mask() : 0, named = 0;

	*ret_bad = MC_STR_NONE;
	while (mc_str_next_token(&rest, " \t,", &word)) {
		unsigned bit = named_mask(word);

		if (mc_str_eq_nocase(word, MC_STR("auto")))
			mask |= auto_mask();
		else if (bit == 0 && ret_bad->len == 0)
			*ret_bad = word;
		named |= bit;
	}
	*ret_named = named;
	return mask | named;
}

static bool
list_wants(const char *list, unsigned needs)
{
	unsigned named;
	struct mc_str bad;

	return (mc_mechs_parse(list, &named, &bad) &
	    mc_mechs_needing(needs)) != 0;
}

bool
mc_sasl_needs_secret(const char *mechs)
{
	unsigned named, other = ~(mc_mechs_needing(MC_MN_PASSWORD) |
	    mc_mechs_needing(MC_MN_TOKEN) | mc_mechs_needing(MC_MN_CERT));
	struct mc_str bad;

	return (mc_mechs_parse(mechs, &named, &bad) & other) == 0;
}

bool
mc_sasl_wants_password(const char *mechs)
{
	return list_wants(mechs, MC_MN_PASSWORD);
}

bool
mc_sasl_wants_token(const char *mechs)
{
	return list_wants(mechs, MC_MN_TOKEN);
}

/* names of a set, for people */
static void
add_names(unsigned mask, struct mc_buf *out)
{
	for (size_t i = 0; i < MC_N_MECHS; i++) {
		if ((mask & 1u << i) == 0)
			continue;
		if (out->len != 0)
			mc_buf_addc(out, ' ');
		mc_buf_add_str(out, mc_mechs[i].name);
	}
}

int
mc_mechs_unknown(struct mc_str word, struct mc_err *err)
{
	struct mc_buf known;

	mc_buf_init(&known, 256);
	add_names((1u << MC_N_MECHS) - 1, &known);
	if (word.len > 40)
		word.len = 40;
	if (mc_buf_err(&known, "the list of mechanisms", err) == 0)
		(void)mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "auth: \"%.*s\" is no log-in mechanism; known are auto "
		    "%.*s", MC_STR_FMT(word),
		    MC_STR_FMT(mc_buf_str(&known)));
	mc_buf_clear(&known);
	return -1;
}

/* -------------------------------------------------------------- choice */

static bool
is_offered(struct mc_str offered, struct mc_str name)
{
	struct mc_str word;

	while (mc_str_next_token(&offered, " ", &word))
		if (mc_str_eq_nocase(word, name))
			return true;
	return false;
}

static bool
has_needs(const struct mc_mech *m, unsigned have,
    const struct mc_sasl_channel *channel)
{
	if (channel->client_cert)
		have |= MC_MN_CERT;
	return (m->needs & ~have) == 0 &&
	    ((m->traits & MC_MT_BOUND) == 0 || channel->has_exporter);
}

/* A binding makes the server's proof one about this very channel, whoever
 * signed its certificate; everything else relies on the certificate. */
static bool
permits(const struct mc_sasl_channel *channel, const struct mc_mech *m)
{
	return channel->verified || channel->unverified_ok ||
	    (m->traits & MC_MT_BOUND) != 0;
}

static int
not_offered(struct mc_str offered, unsigned allowed, const char *why,
    struct mc_err *err)
{
	struct mc_buf names, words;

	mc_buf_init(&names, 256);
	mc_buf_init(&words, 160);
	add_names(allowed, &names);
	mc_buf_add_printable(&words, mc_str_trim(offered), 160);
	if (mc_buf_err(&names, "the list of mechanisms", err) == 0 &&
	    mc_buf_err(&words, "the server's offer", err) == 0)
		(void)mc_err_set(err, MC_E_AUTH_NOT_OFFERED, MC_STAGE_AUTH,
		    "no log-in: the server offers \"%.*s\", this account "
		    "allows \"%.*s\"%s", MC_STR_FMT(mc_buf_str(&words)),
		    MC_STR_FMT(mc_buf_str(&names)), why);
	mc_buf_clear(&words);
	mc_buf_clear(&names);
	return -1;
}

int
mc_mechs_choose(const struct mc_mech_set *set, struct mc_str offered,
    const struct mc_sasl_channel *channel, const struct mc_mech **ret_mech,
    struct mc_err *err)
{
	unsigned usable = 0;
	bool blocked = false;

	for (size_t i = 0; i < MC_N_MECHS; i++) {
		const struct mc_mech *m = &mc_mechs[i];

		if ((set->allowed & 1u << i) == 0 ||
		    !has_needs(m, set->have, channel))
			continue;
		usable |= 1u << i;
		if (!is_offered(offered, m->name))
			continue;
		if (permits(channel, m)) {
			*ret_mech = m;
			return 0;
		}
		blocked = true;
	}
	if (blocked)
		return not_offered(offered, usable, "; but the connection is "
		    "not verified, and auth-unverified is not set", err);
	if (usable == 0)
		return not_offered(offered, set->allowed, "; but user, "
		    "password, token, client certificate or channel binding "
		    "is missing for it", err);
	return not_offered(offered, usable, set->unprepared ? "; SCRAM is left "
	    "out, since SASLprep (RFC 4013) forbids a character of user or "
	    "password" : "", err);
}

char
mc_mechs_gs2_flag(const struct mc_mech *m, struct mc_str offered,
    const struct mc_sasl_channel *channel)
{
	if ((m->traits & MC_MT_BOUND) != 0)
		return 'p';
	if (!channel->has_exporter)
		return 'n';
	for (size_t i = 0; i < MC_N_MECHS; i++)
		if (mc_mechs[i].kind == m->kind &&
		    (mc_mechs[i].traits & MC_MT_BOUND) != 0 &&
		    is_offered(offered, mc_mechs[i].name))
			return 'n';
	return 'y';
}
