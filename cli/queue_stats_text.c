/* SPDX-License-Identifier: MIT */
/*
 * queue_stats_text.c - the queue's numbers for people and for Prometheus
 */
#include "queue_stats.h"

#include <string.h>

/* ------------------------------------------------------------------- people */

static void
add_count(struct cli_text *text, uint64_t n, const char *what)
{
	cli_text_addf(text, "%llu %s%s", (unsigned long long)n, what,
	    n == 1 ? "" : "s");
}

static void
add_states(struct cli_text *text, const struct mc_queue_account *a)
{
	struct cli_text size = { .ptr = NULL };
	size_t i;

	for (i = 0; i < MC_STATS; i++) {
		if (a->messages[i] == 0)
			continue;
		size.len = 0;
		cli_text_size(&size, a->bytes[i]);
		cli_text_addf(text, "    %-8s %8llu %7.*s\n",
		    cli_stats_state((enum mc_stat)i),
		    (unsigned long long)a->messages[i], (int)size.len,
		    size.ptr == NULL ? "" : size.ptr);
	}
	text->failed |= size.failed;
	cli_text_free(&size);
}

static void
add_times(struct cli_text *text, const struct mc_queue_account *a,
    int64_t now)
{
	struct mc_queue_message next = { .state = MC_QUEUE_WAITING,
	    .next_attempt = a->next_attempt };

	if (a->oldest != 0) {
		cli_text_addz(text, "    oldest ");
		cli_text_age(text, now - a->oldest);
		if (a->next_attempt != 0) {
			cli_text_addz(text, "; ");
			cli_queue_next(text, &next, now);
		}
		cli_text_addz(text, "\n");
	}
	if (a->paused_until != 0) {
		cli_text_addz(text, "    paused until ");
		cli_text_time(text, CLI_MINUTE, a->paused_until);
		cli_text_addz(text, ", for ");
		cli_text_age(text, a->paused_until - now);
		cli_text_addz(text, ": ");
		cli_text_clean(text, a->pause);
		cli_text_addz(text, "\n");
	}
}

static void
add_counters(struct cli_text *text, const struct mc_queue_account *a)
{
	if (a->since == 0)
		return;
	cli_text_addz(text, "    since ");
	cli_text_time(text, CLI_MINUTE, a->since);
	cli_text_addz(text, ": ");
	add_count(text, a->queued, "message");
	cli_text_addf(text, " queued; recipients: %llu delivered, %llu "
	    "deferred, %llu failed\n", (unsigned long long)a->delivered,
	    (unsigned long long)a->deferred, (unsigned long long)a->failed);
}

static void
add_block(struct cli_stats *stats, const struct mc_queue_account *a)
{
	struct cli_text *text = &stats->text;

	cli_text_addz(text, ": ");
	add_count(text, cli_stats_sum(a->messages), "message");
	cli_text_addz(text, ", ");
	cli_text_size(text, cli_stats_sum(a->bytes));
	cli_text_addz(text, "\n");
	add_states(text, a);
	add_times(text, a, stats->now);
	if (a->account == NULL || a->account[0] != '\0')
		add_counters(text, a);
}

static int64_t
first(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void
add_to(struct mc_queue_account *all, const struct mc_queue_account *a)
{
	size_t i;

	for (i = 0; i < MC_STATS; i++) {
		all->messages[i] += a->messages[i];
		all->bytes[i] += a->bytes[i];
	}
	all->oldest = first(all->oldest, a->oldest);
	all->next_attempt = first(all->next_attempt, a->next_attempt);
	all->since = a->since;
	all->queued += a->queued;
	all->delivered += a->delivered;
	all->deferred += a->deferred;
	all->failed += a->failed;
}

static void
add_refusals(struct cli_stats *stats)
{
	struct cli_text *text = &stats->text;
	size_t i;

	cli_text_addz(text, "refused by the local service since ");
	cli_text_time(text, CLI_MINUTE, stats->refusals_since);
	cli_text_addz(text, "\n");
	for (i = 0; i < stats->n_refusals; i++) {
		cli_text_addz(text, "    ");
		cli_text_clean(text, stats->refusals[i].reason);
		cli_text_addf(text, " %llu\n",
		    (unsigned long long)stats->refusals[i].count);
	}
}

void
cli_stats_people(struct cli_stats *stats)
{
	struct mc_queue_account all = { .account = NULL };
	struct cli_text *text = &stats->text;
	size_t i;

	for (i = 0; i < stats->n; i++) {
		const struct mc_queue_account *a = &stats->accounts[i];

		cli_text_addz(text, "account ");
		if (a->account[0] == '\0')
			cli_text_addz(text, "not known");
		else
			cli_text_clean(text, a->account);
		add_block(stats, a);
		add_to(&all, a);
	}
	if (stats->n != 1) {
		cli_text_addz(text, "all accounts");
		add_block(stats, &all);
	}
	if (stats->n_refusals != 0)
		add_refusals(stats);
}

/* --------------------------------------------------------------- Prometheus */

/*
 * As in JSON, since names are to stay apart; but there are three escapes only,
 * and the backslash of another one becomes a backslash that stands for itself.
 */
static void
add_label(struct cli_text *text, const char *key, const char *value)
{
	struct cli_text json = { .ptr = NULL };
	size_t i;

	cli_text_addz(text, key);
	cli_text_addz(text, "=");
	cli_text_json(&json, value);
	text->failed |= json.failed;
	for (i = 0; !json.failed && i < json.len; i++) {
		if (json.ptr[i] != '\\') {
			cli_text_add(text, json.ptr + i, 1);
			continue;
		}
		/* there is a character behind it */
		if (strchr("\"\\n", json.ptr[i + 1]) == NULL)
			cli_text_addz(text, "\\\\");
		else
			cli_text_addz(text, "\\");
		cli_text_add(text, json.ptr + ++i, 1);
	}
	cli_text_free(&json);
}

static void
add_head(struct cli_text *text, const char *name, const char *type,
    const char *help)
{
	cli_text_addf(text, "# HELP mailchute_%s %s\n# TYPE mailchute_%s %s\n",
	    name, help, name, type);
}

/* key: a second label, or NULL */
static void
add_sample(struct cli_text *text, const char *name, const char *account,
    const char *key, const char *value, uint64_t number)
{
	cli_text_addf(text, "mailchute_%s{", name);
	add_label(text, "account", account);
	if (key != NULL) {
		cli_text_addz(text, ",");
		add_label(text, key, value);
	}
	cli_text_addf(text, "} %llu\n", (unsigned long long)number);
}

/* one that is told is told always, so that graphs have no holes */
static void
add_by_state(struct cli_stats *stats, const char *name, bool bytes)
{
	uint64_t damaged = 0;
	size_t i, k;

	for (i = 0; i < stats->n; i++) {
		const struct mc_queue_account *a = &stats->accounts[i];
		const uint64_t *numbers = bytes ? a->bytes : a->messages;

		damaged += numbers[MC_STAT_DAMAGED];
		for (k = 0; a->account[0] != '\0' && k < MC_STATS; k++)
			if (k != MC_STAT_DAMAGED)
				add_sample(&stats->text, name, a->account,
				    "state", cli_stats_state((enum mc_stat)k),
				    numbers[k]);
	}
	add_sample(&stats->text, name, "", "state",
	    cli_stats_state(MC_STAT_DAMAGED), damaged);
}

struct family {
	const char *name;
	const char *type;
	const char *help;
	/* false: this account has none */
	bool (*get)(const struct mc_queue_account *a, int64_t now,
	    uint64_t *ret_number);
};

static bool
get_oldest(const struct mc_queue_account *a, int64_t now, uint64_t *ret_number)
{
	*ret_number = a->oldest == 0 || a->oldest > now ? 0 :
	    (uint64_t)(now - a->oldest);
	return true;
}

static bool
get_next(const struct mc_queue_account *a, int64_t now, uint64_t *ret_number)
{
	(void)now;
	*ret_number = (uint64_t)a->next_attempt;
	return a->next_attempt > 0;
}

static bool
get_paused(const struct mc_queue_account *a, int64_t now, uint64_t *ret_number)
{
	(void)now;
	*ret_number = a->paused_until != 0;
	return true;
}

static bool
get_until(const struct mc_queue_account *a, int64_t now, uint64_t *ret_number)
{
	(void)now;
	*ret_number = (uint64_t)a->paused_until;
	return a->paused_until > 0;
}

static bool
get_queued(const struct mc_queue_account *a, int64_t now, uint64_t *ret_number)
{
	(void)now;
	*ret_number = a->queued;
	return true;
}

static const struct family families[] = {
	{ "queue_oldest_age_seconds", "gauge",
	    "Age of the oldest message that is neither failed nor damaged.",
	    get_oldest },
	{ "queue_next_attempt_timestamp_seconds", "gauge",
	    "When the first message is due, or was.", get_next },
	{ "account_paused", "gauge",
	    "1 if nothing is sent for the account, since it failed.",
	    get_paused },
	{ "account_paused_until_timestamp_seconds", "gauge",
	    "When the account is tried again.", get_until },
	{ "messages_queued_total", "counter",
	    "Messages that were put into the queue.", get_queued },
};

static void
add_recipients(struct cli_stats *stats)
{
	static const char name[] = "recipients_total";
	struct cli_text *text = &stats->text;
	size_t i;

	add_head(text, name, "counter",
	    "What runs of the queue did for recipients.");
	for (i = 0; i < stats->n; i++) {
		const struct mc_queue_account *a = &stats->accounts[i];

		if (a->account[0] == '\0')
			continue;
		add_sample(text, name, a->account, "verdict", "delivered",
		    a->delivered);
		add_sample(text, name, a->account, "verdict", "deferred",
		    a->deferred);
		add_sample(text, name, a->account, "verdict", "failed",
		    a->failed);
	}
}

static void
add_refused(struct cli_stats *stats)
{
	struct cli_text *text = &stats->text;
	size_t i;

	if (stats->n_refusals == 0)
		return;
	add_head(text, "refused_total", "counter",
	    "What the local service refused.");
	for (i = 0; i < stats->n_refusals; i++) {
		cli_text_addz(text, "mailchute_refused_total{");
		add_label(text, "reason", stats->refusals[i].reason);
		cli_text_addf(text, "} %llu\n",
		    (unsigned long long)stats->refusals[i].count);
	}
}

void
cli_stats_prometheus(struct cli_stats *stats)
{
	struct cli_text *text = &stats->text;
	int64_t since = stats->n == 0 ? 0 : stats->accounts[0].since;
	uint64_t number;
	size_t i, k;

	add_head(text, "queue_messages", "gauge", "Messages in the queue.");
	add_by_state(stats, "queue_messages", false);
	add_head(text, "queue_bytes", "gauge",
	    "Size of the messages in the queue.");
	add_by_state(stats, "queue_bytes", true);
	for (k = 0; k < sizeof(families) / sizeof(families[0]); k++) {
		const struct family *f = &families[k];

		add_head(text, f->name, f->type, f->help);
		for (i = 0; i < stats->n; i++)
			if (stats->accounts[i].account[0] != '\0' &&
			    f->get(&stats->accounts[i], stats->now, &number))
				add_sample(text, f->name,
				    stats->accounts[i].account, NULL, NULL,
				    number);
	}
	add_recipients(stats);
	add_refused(stats);
	add_head(text, "counters_start_timestamp_seconds", "gauge",
	    "Since when the counters count.");
	if (since > 0)
		cli_text_addf(text, "mailchute_counters_start_timestamp_seconds"
		    " %lld\n", (long long)since);
}
