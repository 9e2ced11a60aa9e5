/* SPDX-License-Identifier: MIT */
/*
 * queue_json.c - a message of the queue as an object of JSON
 */
#include "queue.h"

static void
add_key(struct cli_text *text, const char *key)
{
	cli_text_addz(text, ",\"");
	cli_text_addz(text, key);
	cli_text_addz(text, "\":");
}

static void
add_string(struct cli_text *text, const char *key, const char *value)
{
	add_key(text, key);
	cli_text_json(text, value);
}

static void
add_number(struct cli_text *text, const char *key, int64_t value)
{
	add_key(text, key);
	cli_text_addf(text, "%lld", (long long)value);
}

static void
add_recipients(struct cli_text *text, const struct mc_queue_message *m)
{
	struct mc_queue_recipient r;
	size_t i;

	add_key(text, "recipients");
	cli_text_addz(text, "[");
	for (i = 0; mc_queue_rcpt(m, i, &r) == 0; i++) {
		cli_text_addz(text, i == 0 ? "{\"address\":" :
		    ",{\"address\":");
		cli_text_json(text, r.address);
		add_string(text, "verdict", cli_queue_verdict(r.verdict));
		add_string(text, "text", r.text);
		cli_text_addz(text, "}");
	}
	cli_text_addz(text, "]");
}

/* the same keys in the same order for each; null is what is not known */
static void
add_unknown(struct cli_text *text)
{
	static const char *const keys[] = { "account", "sender", "arrival",
	    "next_attempt", "hold_until", "uid", "attempts", "pending",
	    "is_report", "pause" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		add_string(text, keys[i], NULL);
	add_key(text, "recipients");
	cli_text_addz(text, "[]");
}

void
cli_queue_json(struct cli_text *text, const struct mc_queue_message *m)
{
	/* the identifier in front: completions look for it there */
	cli_text_addz(text, "{\"id\":");
	cli_text_json(text, m->id);
	add_string(text, "state", cli_queue_state(m->state));
	add_number(text, "size", (int64_t)m->size);
	if (m->state == MC_QUEUE_DAMAGED) {
		add_unknown(text);
		return;
	}
	add_string(text, "account", m->account);
	add_string(text, "sender", m->sender);
	add_number(text, "arrival", m->arrival);
	add_number(text, "next_attempt", m->next_attempt);
	if (m->hold_until != 0)
		add_number(text, "hold_until", m->hold_until);
	else
		add_string(text, "hold_until", NULL);
	add_number(text, "uid", (int64_t)m->uid);
	add_number(text, "attempts", (int64_t)m->attempts);
	add_number(text, "pending", (int64_t)m->pending);
	add_key(text, "is_report");
	cli_text_addz(text, m->is_report != 0 ? "true" : "false");
	add_string(text, "pause", m->pause);
	add_recipients(text, m);
}
