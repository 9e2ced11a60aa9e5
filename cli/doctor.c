/* SPDX-License-Identifier: MIT */
/*
 * doctor.c - mailchute doctor: from trouble to its cause
 */
#include "doctor.h"
#include "term.h"

#include <string.h>
#include <time.h>

static const char help[] =
"usage: mailchute doctor [options] [account]\n"
"\n"
"Looks at all that mail of an account depends on, says what it found, and\n"
"what to do about it: configuration, secret, network, TLS, log-in, clock,\n"
"queue, timers, and the sender's domain.  No message is sent.\n"
"\n"
"  -C FILE           this configuration instead of the usual files\n"
"  --no-auth         do not log in; no credential is looked at\n"
"  --try-sender ADDR ask the server too whether it takes mail from this\n"
"                    account to ADDR (MAIL and RCPT, nothing is sent)\n"
"  --no-dns          leave SPF, DKIM and DMARC out\n"
"  --dns ADDR:PORT   ask this DNS server about them\n"
"  --json            one JSON object a line\n"
"  --strict          status 1 where there are only warnings\n"
"  --help            this\n"
"\n"
"Exit status: 0 all is well, or there are warnings; else that of the first\n"
"failure that time alone will not mend (78 configuration, 77 permission,\n"
"...), or 75.\n"
"\n"
"Manual: mailchute-doctor(1)\n";

/* the word behind an option, or NULL, said */
static const char *
value_of(int argc, char **argv, int *i)
{
	if (*i + 1 < argc)
		return argv[++*i];
	cli_say("doctor: %s needs a value", argv[*i]);
	return NULL;
}

static int
parse_valued(struct doctor *d, int argc, char **argv, int *i)
{
	const struct {
		const char *name;
		const char **where;
	} valued[] = {
		{ "-C", &d->file }, { "--dns", &d->dns },
		{ "--try-sender", &d->rcpt },
	};

	for (size_t k = 0; k < sizeof(valued) / sizeof(valued[0]); k++)
		if (strcmp(argv[*i], valued[k].name) == 0) {
			*valued[k].where = value_of(argc, argv, i);
			return *valued[k].where == NULL ? -1 : 1;
		}
	return 0;
}

static bool
parse_flag(struct doctor *d, const char *word)
{
	const struct {
		const char *name;
		bool *where;
	} flags[] = {
		{ "--no-auth", &d->no_auth }, { "--no-dns", &d->no_dns },
		{ "--json", &d->json }, { "--strict", &d->strict },
	};

	for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++)
		if (strcmp(word, flags[k].name) == 0) {
			*flags[k].where = true;
			return true;
		}
	return false;
}

/* 0, or an exit status, said; -1: that was all */
static int
parse(struct doctor *d, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int rc;

		if (strcmp(argv[i], "--help") == 0) {
			fputs(help, stdout);
			return -1;
		}
		rc = parse_valued(d, argc, argv, &i);
		if (rc < 0)
			return EX_USAGE;
		if (rc > 0 || parse_flag(d, argv[i]))
			continue;
		if (argv[i][0] == '-' || d->account != NULL) {
			cli_say("doctor: unknown word %.100s (mailchute "
			    "doctor --help)", argv[i]);
			return EX_USAGE;
		}
		d->account = argv[i];
	}
	if (d->rcpt != NULL && d->no_auth) {
		cli_say("doctor: --try-sender has to log in");
		return EX_USAGE;
	}
	return 0;
}

static void
walk(struct doctor *d)
{
	bool have = doctor_config(d) == 0;

	doctor_clock(d);
	if (have) {
		doctor_secret(d);
		doctor_network(d);
		doctor_queue(d);
	}
	if (cli_cancelled())
		return;
	doctor_timers(d);
	doctor_sendmail(d);
	if (have)
		doctor_domain(d);
}

int
cli_doctor(const struct cli_identity *id, int argc, char **argv)
{
	struct doctor d = { .id = id };
	int rc = parse(&d, argc, argv);

	if (rc != 0)
		return rc < 0 ? 0 : rc;
	d.now = (int64_t)time(NULL);
	walk(&d);
	mc_config_free(d.config);
	doctor_facts_clear(&d.facts);
	if (cli_cancelled())
		return EX_TEMPFAIL;
	return d.status != 0 ? d.status : d.warned && d.strict ? 1 : 0;
}
