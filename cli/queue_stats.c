/* SPDX-License-Identifier: MIT */
/*
 * queue_stats.c - mailchute queue stats: how much is in the queue, and has gone
 * through it
 */
#include "queue_stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *
cli_stats_state(enum mc_stat stat)
{
	switch (stat) {
	case MC_STAT_DUE:
		return "due";
	case MC_STAT_DEFERRED:
		return "deferred";
	case MC_STAT_HELD:
		return "held";
	case MC_STAT_TIMED:
		return "timed";
	case MC_STAT_FAILED:
		return "failed";
	case MC_STAT_ACTIVE:
		return "active";
	case MC_STAT_DAMAGED:
		return "damaged";
	}
	return "?";
}

uint64_t
cli_stats_sum(const uint64_t numbers[MC_STATS])
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < MC_STATS; i++)
		sum += numbers[i];
	return sum;
}

/* ----------------------------------------------------------------- keeping */

static bool
grow(struct cli_stats *stats)
{
	size_t cap = stats->cap == 0 ? 16 : stats->cap * 2;
	struct mc_queue_account *grown;

	if (stats->n < stats->cap)
		return true;
	grown = realloc(stats->accounts, cap * sizeof(*grown));
	if (grown == NULL)
		return false;
	stats->accounts = grown;
	stats->cap = cap;
	return true;
}

static int
keep(void *ctx, const struct mc_queue_account *account)
{
	struct cli_stats *stats = ctx;
	const char *only = stats->q->account;
	struct mc_queue_account copy = *account;
	char *name, *pause = NULL;

	/* whose the damaged ones are nobody knows any more */
	if (only != NULL && account->account[0] != '\0' &&
	    strcmp(only, account->account) != 0)
		return 0;
	stats->found |= account->account[0] != '\0';
	name = strdup(account->account);
	if (account->pause != NULL)
		pause = strdup(account->pause);
	if (name == NULL || (account->pause != NULL && pause == NULL) ||
	    !grow(stats)) {
		free(name);
		free(pause);
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	copy.account = name;
	copy.pause = pause;
	stats->accounts[stats->n++] = copy;
	return 0;
}

static int
keep_refusal(void *ctx, const struct mc_queue_refusal *refusal)
{
	struct cli_stats *stats = ctx;
	struct cli_refusal *grown = realloc(stats->refusals,
	    (stats->n_refusals + 1) * sizeof(*grown));
	char *reason = NULL;

	if (grown != NULL) {
		stats->refusals = grown;
		reason = strdup(refusal->reason);
	}
	if (reason == NULL) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	stats->refusals[stats->n_refusals++] = (struct cli_refusal){ reason,
	    refusal->count };
	stats->refusals_since = refusal->since;
	return 0;
}

static int
by_reason(const void *a, const void *b)
{
	return strcmp(((const struct cli_refusal *)a)->reason,
	    ((const struct cli_refusal *)b)->reason);
}

/* they are of no account */
static int
get_refusals(struct cli_stats *stats)
{
	int status = 0;

	if (stats->q->account == NULL)
		status = mc_queue_refusals(stats->q->queue, keep_refusal,
		    stats);
	if (stats->n_refusals > 1)
		qsort(stats->refusals, stats->n_refusals,
		    sizeof(*stats->refusals), by_reason);
	return status;
}

/* of an account: of our own, whatever its type says */
static void
free_text(const char *text)
{
	union {
		const char *in;
		void *out;
	} own = { text };

	free(own.out);
}

static void
clear(struct cli_stats *stats)
{
	size_t i;

	for (i = 0; i < stats->n_refusals; i++)
		free(stats->refusals[i].reason);
	free(stats->refusals);

	for (i = 0; i < stats->n; i++) {
		free_text(stats->accounts[i].account);
		free_text(stats->accounts[i].pause);
	}
	free(stats->accounts);
	cli_text_free(&stats->text);
}

/* -------------------------------------------------------------------- JSON */

static void
add_key(struct cli_text *text, const char *key)
{
	cli_text_addz(text, ",\"");
	cli_text_addz(text, key);
	cli_text_addz(text, "\":");
}

static void
add_number(struct cli_text *text, const char *key, uint64_t value)
{
	add_key(text, key);
	cli_text_addf(text, "%llu", (unsigned long long)value);
}

/* 0 is none */
static void
add_time(struct cli_text *text, const char *key, int64_t when)
{
	add_key(text, key);
	if (when == 0)
		cli_text_addz(text, "null");
	else
		cli_text_addf(text, "%lld", (long long)when);
}

static void
add_states(struct cli_text *text, const char *key,
    const uint64_t numbers[MC_STATS])
{
	size_t i;

	add_key(text, key);
	for (i = 0; i < MC_STATS; i++)
		cli_text_addf(text, "%c\"%s\":%llu", i == 0 ? '{' : ',',
		    cli_stats_state((enum mc_stat)i),
		    (unsigned long long)numbers[i]);
	cli_text_addz(text, "}");
}

static void
add_refusals(struct cli_stats *stats)
{
	struct cli_text *text = &stats->text;
	size_t i;

	cli_text_addz(text, "{\"refused\":");
	for (i = 0; i < stats->n_refusals; i++) {
		cli_text_addz(text, i == 0 ? "{" : ",");
		cli_text_json(text, stats->refusals[i].reason);
		cli_text_addf(text, ":%llu",
		    (unsigned long long)stats->refusals[i].count);
	}
	cli_text_addz(text, "}");
	add_time(text, "since", stats->refusals_since);
	cli_text_addz(text, "}\n");
}

static void
add_json(struct cli_stats *stats)
{
	struct cli_text *text = &stats->text;
	size_t i;

	for (i = 0; i < stats->n; i++) {
		const struct mc_queue_account *a = &stats->accounts[i];

		cli_text_addz(text, "{\"account\":");
		cli_text_json(text, a->account[0] == '\0' ? NULL :
		    a->account);
		add_states(text, "messages", a->messages);
		add_states(text, "bytes", a->bytes);
		add_time(text, "oldest", a->oldest);
		add_time(text, "next_attempt", a->next_attempt);
		add_time(text, "paused_until", a->paused_until);
		add_key(text, "pause");
		cli_text_json(text, a->pause);
		add_time(text, "since", a->since);
		add_number(text, "queued", a->queued);
		add_number(text, "delivered", a->delivered);
		add_number(text, "deferred", a->deferred);
		add_number(text, "failed", a->failed);
		cli_text_addz(text, "}\n");
	}
	if (stats->n_refusals != 0)
		add_refusals(stats);
}

/* ----------------------------------------------------------------- writing */

static bool
write_all(int fd, const struct cli_text *text)
{
	size_t at = 0;
	ssize_t n;

	while (at < text->len) {
		n = write(fd, text->ptr + at, text->len - at);
		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

/* whoever reads it sees the old one or the new one, and needs not be us */
static bool
fill_and_rename(int fd, const char *temp, const char *path,
    const struct cli_text *text)
{
	bool good = fchmod(fd, 0644) == 0 && write_all(fd, text);
	int saved = errno;

	if (close(fd) != 0 && good) {
		good = false;
		saved = errno;
	}
	errno = saved;
	return good && rename(temp, path) == 0;
}

static int
put_file(const char *path, const struct cli_text *text)
{
	struct cli_text temp = { .ptr = NULL };
	bool good = false;
	int fd = -1;

	cli_text_addz(&temp, path);
	cli_text_add(&temp, ".XXXXXX", sizeof(".XXXXXX"));
	errno = ENOMEM;
	if (!temp.failed)
		fd = mkstemp(temp.ptr);
	if (fd >= 0)
		good = fill_and_rename(fd, temp.ptr, path, text);
	if (!good) {
		cli_say("cannot write %.200s: %s", path, strerror(errno));
		if (fd >= 0)
			(void)unlink(temp.ptr);
	}
	cli_text_free(&temp);
	return good ? 0 : EX_CANTCREAT;
}

static int
put(struct cli_stats *stats)
{
	struct cli_queue *q = stats->q;

	if (q->json)
		add_json(stats);
	else if (q->prometheus)
		cli_stats_prometheus(stats);
	else
		cli_stats_people(stats);
	if (stats->text.failed) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	if (q->output != NULL)
		return put_file(q->output, &stats->text);
	cli_text_flush(&stats->text, stdout);
	return 0;
}

int
cli_queue_stats(struct cli_queue *q)
{
	struct cli_stats stats = { .q = q, .now = (int64_t)time(NULL) };
	struct mc_err err = { 0 };
	int rc = mc_queue_stats(q->queue, cli_cancel_fd(), keep, &stats, &err);
	int status = rc < 0 ? cli_fail(&err) : rc;

	if (status == 0 && !stats.found)
		status = cli_queue_none(q);
	if (status == 0)
		status = get_refusals(&stats);
	if (status == 0)
		status = put(&stats);
	clear(&stats);
	return status == 0 && q->failed ? EX_TEMPFAIL : status;
}
