/* SPDX-License-Identifier: MIT */
/*
 * flush.c - sendmail's -q: try what waits now, all of it or a part; -bP
 */
#include "queue.h"

#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* messages that leave while we look at them, so often */
#define MOST_LOOKS 10

struct flush {
	struct cli_queue q;
	const struct cli_options *o;
	bool limited;		/* to some messages: by limits, or an account */
	char (*ids)[32];	/* these */
	size_t n;
	size_t cap;
};

/* sendmail does not look at the case either */
static bool
contains(const char *text, const char *part)
{
	size_t i;

	for (;; text++) {
		for (i = 0; part[i] != '\0'; i++)
			if (tolower((unsigned char)text[i]) !=
			    tolower((unsigned char)part[i]))
				break;
		if (part[i] == '\0')
			return true;
		if (*text == '\0')
			return false;
	}
}

static bool
rcpt_contains(const struct mc_queue_message *m, const char *part)
{
	struct mc_queue_recipient r;
	size_t i;

	for (i = 0; mc_queue_rcpt(m, i, &r) == 0; i++)
		if ((r.verdict == MC_PENDING || r.verdict == MC_UNSURE) &&
		    contains(r.address, part))
			return true;
	return false;
}

static bool
has(const struct cli_limit *limit, const struct mc_queue_message *m)
{
	switch (limit->what) {
	case 'I':
		return contains(m->id, limit->text);
	case 'R':
		return rcpt_contains(m, limit->text);
	default:
		return contains(m->sender, limit->text);
	}
}

/* of several limits of a kind one has to fit, of those with ! each */
static bool
fits(const struct cli_options *o, const struct mc_queue_message *m, char what)
{
	bool asked = false, found = false;
	size_t i;

	for (i = 0; i < o->n_limits; i++) {
		const struct cli_limit *limit = &o->limits[i];

		if (limit->what != what)
			continue;
		if (limit->without && has(limit, m))
			return false;
		if (limit->without)
			continue;
		asked = true;
		found = found || has(limit, m);
	}
	return found || !asked;
}

static int
add_id(struct flush *f, const char *id)
{
	size_t cap = f->cap == 0 ? 64 : 2 * f->cap;
	void *grown;

	if (f->n == f->cap) {
		grown = realloc(f->ids, cap * sizeof(*f->ids));
		if (grown == NULL) {
			cli_say("out of memory");
			return EX_TEMPFAIL;
		}
		f->ids = grown;
		f->cap = cap;
	}
	snprintf(f->ids[f->n++], sizeof(*f->ids), "%s", id);
	return 0;
}

static int
retry_one(void *ctx, const struct mc_queue_message *m)
{
	struct flush *f = ctx;
	struct mc_err err = { 0 };

	if (m->state != MC_QUEUE_WAITING || m->hold_until != 0 ||
	    !cli_queue_wants(&f->q, m) ||
	    !fits(f->o, m, 'I') || !fits(f->o, m, 'R') ||
	    !fits(f->o, m, 'S'))
		return 0;
	if (mc_queue_retry(f->q.queue, m->id, &err) == 0)
		return f->limited ? add_id(f, m->id) : 0;
	/* what is being delivered, or has just left, needs no help */
	if (err.code == MC_E_QUEUE_BUSY || err.code == MC_E_QUEUE_NONE)
		return 0;
	return cli_fail(&err);
}

static int
run_some(struct flush *f, bool *ret_gone)
{
	const char **list = calloc(f->n, sizeof(*list));
	size_t i;
	int status;

	if (list == NULL) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	for (i = 0; i < f->n; i++)
		list[i] = f->ids[i];
	status = cli_queue_deliver(&f->q, list, f->n, ret_gone);
	free(list);
	return status;
}

static int
flush_once(struct flush *f, bool *ret_gone)
{
	struct mc_err err = { 0 };
	int rc;

	f->n = 0;
	rc = mc_queue_list(f->q.queue, retry_one, f, &err);
	if (rc != 0)
		return rc < 0 ? cli_fail(&err) : rc;
	if (!f->limited)
		return cli_queue_deliver(&f->q, NULL, 0, NULL);
	/* a misspelt account has none either */
	return f->n == 0 ? cli_queue_none(&f->q) : run_some(f, ret_gone);
}

int
cli_flush(const struct cli_identity *id, const struct mc_config *config,
    const struct cli_options *options)
{
	struct flush f = { .q = { .id = id, .config = config,
	    .account = options->account, .verbose = options->verbose },
	    .o = options, .limited = options->n_limits != 0 ||
	    options->account != NULL };
	int i, status = cli_queue_open(&f.q);

	for (i = 0; status == 0 && i < MOST_LOOKS; i++) {
		bool gone = false;

		status = flush_once(&f, &gone);
		if (!gone)
			break;
	}
	free(f.ids);
	cli_queue_close(&f.q);
	return status;
}

void
cli_hint_interval(void)
{
	if (isatty(STDERR_FILENO))
		cli_say("-q with a time is for a daemon, and nothing is done; "
		    "mailchute-queue.timer of systemd, cron, or \"mailchute "
		    "queue run --watch\" sends what waits");
}

static int
count_one(void *ctx, const struct mc_queue_message *m)
{
	(void)m;
	(*(size_t *)ctx)++;
	return 0;
}

int
cli_count(const struct cli_identity *id, const struct mc_config *config)
{
	struct cli_queue q = { .id = id, .config = config };
	struct mc_err err = { 0 };
	size_t count = 0;
	int status = cli_queue_open(&q);

	if (status == 0 && mc_queue_list(q.queue, count_one, &count,
	    &err) != 0)
		status = cli_fail(&err);
	if (status == 0)
		printf("%zu\n", count);
	cli_queue_close(&q);
	return status == 0 && q.failed ? EX_TEMPFAIL : status;
}
