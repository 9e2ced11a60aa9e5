/* SPDX-License-Identifier: MIT */
/*
 * setup_provider.c - large providers, of which a domain or its MX is one
 */
#include "setup.h"

#include <string.h>
#include <strings.h>

#define FITS(text, field) CLI_FITS(text, setup_provider, field)
#define SETUP_ROW(n, d, m, h, p, t, auth, o, w, s) \
	FITS(n, name) FITS(d, domains) FITS(m, mx) FITS(h, host) FITS(p, port) \
	FITS(t, tls) FITS(o, oauth) FITS(w, note) FITS(s, source)
#include "providers.def"
#undef SETUP_ROW
#undef FITS

#define SETUP_ROW(name, domains, mx, host, port, tls, auth, oauth, note, \
    source) \
	{ name, domains, mx, host, port, tls, SETUP_ ## auth, oauth, note, \
	    source },

static const struct setup_provider providers[] = {
#include "providers.def"
};

#undef SETUP_ROW

#define N_PROVIDERS (sizeof(providers) / sizeof(providers[0]))

const struct setup_provider *
setup_provider_at(size_t i)
{
	return i < N_PROVIDERS ? &providers[i] : NULL;
}

/* names as DNS has them, one with a dot at the end or not */
static size_t
name_len(const char *name)
{
	size_t n = strlen(name);

	return n > 1 && name[n - 1] == '.' ? n - 1 : n;
}

static bool
is_below(const char *host, size_t n, const char *domain, size_t len)
{
	return len != 0 && n >= len &&
	    strncasecmp(host + n - len, domain, len) == 0 &&
	    (n == len || host[n - len - 1] == '.');
}

bool
setup_inside(const char *host, const char *domain)
{
	return is_below(host, name_len(host), domain, name_len(domain));
}

/* does the name stand in a list of words, or (below) end with one of them? */
static bool
in_list(const char *list, const char *name, bool below)
{
	size_t n = name_len(name);

	while (*list != '\0') {
		size_t len = strcspn(list, " ");

		if (is_below(name, n, list, len) && (below || n == len))
			return true;
		list += len;
		list += strspn(list, " ");
	}
	return false;
}

const struct setup_provider *
setup_provider_of(const char *domain)
{
	for (size_t i = 0; i < N_PROVIDERS; i++)
		if (in_list(providers[i].domains, domain, false))
			return &providers[i];
	return NULL;
}

const struct setup_provider *
setup_provider_by_mx(const char *host)
{
	for (size_t i = 0; i < N_PROVIDERS; i++)
		if (in_list(providers[i].mx, host, true))
			return &providers[i];
	return NULL;
}
