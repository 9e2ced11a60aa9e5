/* SPDX-License-Identifier: MIT */
/*
 * doctor_dns.c - what receivers will think of the sender's domain: SPF, DKIM and
 * DMARC
 *
 * Which machines the relay sends from is not known here: mostly others than the
 * one that takes the mail.  So an address of it that SPF lets send is good news,
 * as is an include of the relay's own domain; that there is neither is a reason
 * to ask, not a failure.
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* the domain of the first address without '*' in `from`; "" if there is none */
static void
own_domain(const char *from, char *buf, size_t size)
{
	buf[0] = '\0';
	while (*from != '\0') {
		size_t n = strcspn(from, ", ");
		const char *at = memchr(from, '@', n);

		if (at != NULL && memchr(from, '*', n) == NULL) {
			snprintf(buf, size, "%.*s",
			    (int)(n - (size_t)(at + 1 - from)), at + 1);
			return;
		}
		from += n + strspn(from + n, ", ");
	}
}

/* what to say of a question without an answer; true: there is one */
static bool
answered(struct doctor *d, const char *what, struct doctor_answer *a, int rc)
{
	if (rc == 0)
		return true;
	if (a->err.code == MC_E_HELPER)
		doctor_say(d, DOCTOR_WARNING, 0, what, "install the helper "
		    "(configure needs c-ares for it), or use --no-dns",
		    "%s", a->err.text);
	else if (a->err.code != MC_OK)
		doctor_say(d, DOCTOR_WARNING, 0, what, "try again", "%s",
		    a->err.text);
	else
		doctor_say(d, DOCTOR_WARNING, 0, what, "is the network up, and "
		    "does /etc/resolv.conf name a server that works?",
		    "no DNS server answered");
	return false;
}

/* --------------------------------------------------------------------- SPF */

static void
say_spf_miss(struct doctor *d, const struct doctor_spf *spf,
    const char *domain, const char *how)
{
	char remedy[DOCTOR_TEXT];

	snprintf(remedy, sizeof(remedy), "ask the provider which include: "
	    "belongs into the record of %.200s; as it is, receivers may "
	    "refuse the mail or take it for spam", domain);
	if (spf->named[0] != '\0')
		doctor_ok(d, "SPF", "%s includes %s, of the relay's own "
		    "domain", domain, spf->named);
	else
		doctor_say(d, DOCTOR_WARNING, 0, "SPF", remedy, "the record of "
		    "%s does not name the relay %s (%s): %s%s%s", domain,
		    spf->relay, spf->address, how, spf->match[0] != '\0' ?
		    " by " : "", spf->match);
}

static void
say_spf(struct doctor *d, const char *domain)
{
	char address[128];
	const char *peer = doctor_fact(d, MC_STAGE_CONNECT, "peer", 0);
	struct doctor_spf spf = { .d = d, .address = address,
	    .relay = doctor_key(d, "host") };

	if (peer == NULL)
		peer = doctor_fact(d, MC_STAGE_RESOLVE, "address", 0);
	if (peer == NULL)
		peer = "0.0.0.0";
	doctor_bare(peer, address, sizeof(address));
	switch (doctor_spf_check(&spf, domain)) {
	case DOCTOR_SPF_PASS:
		doctor_ok(d, "SPF", "%s lets the relay %s send (%s)", domain,
		    address, spf.match[0] != '\0' ? spf.match : "redirect");
		break;
	case DOCTOR_SPF_FAIL:
		say_spf_miss(d, &spf, domain, "fail");
		break;
	case DOCTOR_SPF_SOFTFAIL:
		say_spf_miss(d, &spf, domain, "softfail");
		break;
	case DOCTOR_SPF_NEUTRAL:
		say_spf_miss(d, &spf, domain, "neutral");
		break;
	case DOCTOR_SPF_NONE:
		doctor_say(d, DOCTOR_WARNING, 0, "SPF", "publish one; the "
		    "provider says which", "%s has no SPF record", domain);
		break;
	case DOCTOR_SPF_TEMPERROR:
		doctor_say(d, DOCTOR_WARNING, 0, "SPF", "try again later",
		    "%s", spf.problem);
		break;
	case DOCTOR_SPF_PERMERROR:
		doctor_say(d, DOCTOR_WARNING, 0, "SPF", "whoever runs the "
		    "domain has to mend the record", "the record of %s is "
		    "broken: %s", domain, spf.problem);
		break;
	}
}

/* -------------------------------------------------------------------- DKIM */

/* RFC 6376 3.6.1: the key of a record, without blanks; NULL if it has none.
 * `out` has room for the record */
static const char *
key_of(const char *record, char *out)
{
	const char *p = record;
	char *to = out;

	for (;;) {
		p += strspn(p, " \t");
		if (p[0] == 'p' && p[1 + strspn(p + 1, " \t")] == '=')
			break;
		p += strcspn(p, ";");
		if (*p++ == '\0')
			return NULL;
	}
	for (p = strchr(p, '=') + 1; *p != '\0' && *p != ';'; p++)
		if (*p != ' ' && *p != '\t')
			*to++ = *p;
	*to = '\0';
	return out;
}

/* is what stands in DNS the other half of our key? */
static void
compare_dkim(struct doctor *d, const struct mc_dkim_record *ours,
    const char *theirs)
{
	char *room = malloc(strlen(theirs) + 1);
	char *own = malloc(strlen(ours->text) + 1);
	const char *key, *want;

	if (room == NULL || own == NULL) {
		free(room);
		free(own);
		return;
	}
	key = key_of(theirs, room);
	want = key_of(ours->text, own);
	if (key == NULL)
		doctor_say(d, DOCTOR_WARNING, 0, "DKIM", "publish what "
		    "mailchute dkim record shows", "the record of %s has no "
		    "key in it", ours->name);
	else if (key[0] == '\0')
		doctor_say(d, DOCTOR_FAILED, EX_CONFIG, "DKIM", "make a new "
		    "key with a new selector: mailchute dkim keygen", "the key "
		    "of %s was revoked", ours->name);
	else if (want == NULL || strcmp(key, want) != 0)
		doctor_say(d, DOCTOR_FAILED, EX_CONFIG, "DKIM", "publish what "
		    "mailchute dkim record shows, or name the key's own "
		    "selector", "the key of %s is not that of %s, so no "
		    "signature holds", ours->name, ours->file);
	else
		doctor_ok(d, "DKIM", "%s has the key that mail is signed with "
		    "(%s, %u bits)", ours->name, ours->type, ours->bits);
	free(room);
	free(own);
}

static void
on_dkim(void *ctx, const struct mc_dkim_record *record)
{
	struct doctor *d = ctx;
	struct doctor_answer a = { .n = 0 };

	if (answered(d, "DKIM", &a, doctor_lookup(d, "txt", record->name,
	    &a))) {
		if (a.n == 0)
			doctor_say(d, DOCTOR_FAILED, EX_CONFIG, "DKIM",
			    "publish what mailchute dkim record shows", "%s "
			    "has no record: receivers cannot check the "
			    "signature", record->name);
		else
			compare_dkim(d, record, a.v[0]);
	}
	doctor_answer_clear(&a);
}

static void
say_dkim(struct doctor *d)
{
	struct mc_err err = { 0 };

	if (doctor_key(d, "dkim-domain")[0] == '\0') {
		doctor_ok(d, "DKIM", "not signed here; whether the relay does, "
		    "a message that arrived shows (DKIM-Signature)");
		return;
	}
	if (mc_dkim_record(&d->id->caller, d->config, d->account, on_dkim, d,
	    &err) != 0)
		doctor_fail(d, &err, "DKIM", "mail waits until the key can be "
		    "used: see dkim-key in mailchute.conf(5)");
}

/* ------------------------------------------------------------------- DMARC */

/* the value of a tag such as p=, in `buf`; false: it is not there */
static bool
tag_of(const char *record, const char *tag, char *buf, size_t size)
{
	size_t len = strlen(tag);

	while (*record != '\0') {
		size_t n = strcspn(record, ";");
		const char *p = record + strspn(record, " \t");

		if (strncasecmp(p, tag, len) == 0 &&
		    p[len + strspn(p + len, " \t")] == '=') {
			p += len + strspn(p + len, " \t") + 1;
			p += strspn(p, " \t");
			snprintf(buf, size, "%.*s", (int)strcspn(p, "; \t"),
			    p);
			return true;
		}
		record += n + (record[n] == ';' ? 1 : 0);
	}
	return false;
}

/* the record of the domain, or of one above it; 0, or -1 as doctor_lookup */
static int
find_dmarc(const struct doctor *d, const char *domain, const char **ret_at,
    struct doctor_answer *a)
{
	char name[512];

	for (const char *at = domain; ; at = strchr(at, '.') + 1) {
		snprintf(name, sizeof(name), "_dmarc.%.400s", at);
		if (doctor_lookup(d, "txt", name, a) != 0)
			return -1;
		*ret_at = at;
		for (size_t i = 0; i < a->n; i++)
			if (strncasecmp(a->v[i], "v=DMARC1", 8) == 0) {
				char *record = a->v[i];

				a->v[i] = a->v[0];
				a->v[0] = record;
				return 0;
			}
		doctor_answer_clear(a);
		/* a name without a dot below it is a registry's */
		if (strchr(at, '.') == NULL ||
		    strchr(strchr(at, '.') + 1, '.') == NULL)
			return 0;
	}
}

static void
say_dmarc(struct doctor *d, const char *domain)
{
	const char *envelope = strchr(doctor_key(d, "envelope-from"), '@');
	struct doctor_answer a = { .n = 0 };
	char policy[32] = "none", spf[8] = "r";
	const char *at = domain;
	bool aligned;
	int rc = find_dmarc(d, domain, &at, &a);

	if (!answered(d, "DMARC", &a, rc)) {
		doctor_answer_clear(&a);
		return;
	}
	if (a.n == 0) {
		doctor_ok(d, "DMARC", "%s has no policy", domain);
		return;
	}
	(void)tag_of(a.v[0], "p", policy, sizeof(policy));
	if (at != domain)
		(void)tag_of(a.v[0], "sp", policy, sizeof(policy));
	(void)tag_of(a.v[0], "aspf", spf, sizeof(spf));
	/* RFC 7489 3.1.2: by the organisation, or only by the very name */
	aligned = envelope == NULL || envelope[1] == '%' ||
	    (spf[0] == 's' ? strcasecmp(envelope + 1, domain) == 0 :
	    doctor_same_site(envelope + 1, domain));
	if (!aligned)
		doctor_say(d, DOCTOR_WARNING, 0, "DMARC", "use an "
		    "envelope-from of the same domain, or have the message "
		    "signed for it (DKIM)", "the policy of %s is %s, and "
		    "the envelope sender %s is of another domain, so that SPF "
		    "does not count", at, policy, envelope + 1);
	else
		doctor_ok(d, "DMARC", "the policy of %s is %s; the envelope "
		    "sender is aligned with it (aspf=%s)", at, policy, spf);
	doctor_answer_clear(&a);
}

void
doctor_domain(struct doctor *d)
{
	char domain[256];

	if (d->no_dns || doctor_key(d, "host")[0] == '/')
		return;
	own_domain(doctor_key(d, "from"), domain, sizeof(domain));
	if (domain[0] == '\0') {
		doctor_ok(d, "domain", "the account has no `from`: SPF and "
		    "DMARC are not looked at");
		return;
	}
	say_spf(d, domain);
	if (cli_cancelled())
		return;
	say_dkim(d);
	say_dmarc(d, domain);
}
