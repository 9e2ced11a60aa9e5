/* SPDX-License-Identifier: MIT */
/*
 * queue_show.c - everything that the queue knows of one message
 */
#include "queue.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

struct show {
	struct cli_queue *q;
	int64_t now;
	struct cli_text text;
	size_t n;		/* notes so far */
	struct cli_pour pour;
	size_t tail;		/* of "CR LF CR LF", so many came last */
	bool in_body;
};

/* ----------------------------------------------------------------- as text */

static void
add_label(struct cli_text *text, const char *label)
{
	cli_text_addf(text, "%-14s", label);
}

static void
add_line(struct cli_text *text, const char *label, const char *value)
{
	add_label(text, label);
	cli_text_clean(text, value);
	cli_text_addz(text, "\n");
}

static void
add_recipients(struct cli_text *text, const struct mc_queue_message *m)
{
	struct mc_queue_recipient r;
	size_t i;

	for (i = 0; mc_queue_rcpt(m, i, &r) == 0; i++) {
		add_label(text, i == 0 ? "recipients:" : "");
		cli_text_clean(text, r.address);
		cli_text_addf(text, ": %s", r.verdict == MC_UNSURE ?
		    "unsure (may have been delivered)" :
		    cli_queue_verdict(r.verdict));
		if (r.text != NULL && r.text[0] != '\0') {
			cli_text_addz(text, "; ");
			cli_text_clean(text, r.text);
		}
		cli_text_addz(text, "\n");
	}
}

static int
show_message(void *ctx, const struct mc_queue_message *m)
{
	struct show *s = ctx;
	struct cli_text *text = &s->text;

	add_line(text, "id:", m->id);
	add_label(text, "state:");
	cli_text_addf(text, "%s", cli_queue_state(m->state));
	if (m->state == MC_QUEUE_WAITING || m->state == MC_QUEUE_FAILED) {
		cli_text_addz(text, " (");
		cli_queue_next(text, m, s->now);
		cli_text_addz(text, ")");
	}
	cli_text_addz(text, "\n");
	add_line(text, "account:", m->account);
	if (m->pause != NULL)
		add_line(text, "paused:", m->pause);
	add_label(text, "from user:");
	cli_text_addf(text, "%lu\n", m->uid);
	add_label(text, "arrival:");
	cli_text_time(text, CLI_ZONE, m->arrival);
	cli_text_addz(text, " (");
	cli_text_age(text, s->now - m->arrival);
	cli_text_addz(text, " ago)\n");
	if (m->hold_until != 0) {
		add_label(text, "to be sent:");
		cli_text_time(text, CLI_ZONE, m->hold_until);
		cli_text_addz(text, "\n");
	}
	add_label(text, "attempts:");
	cli_text_addf(text, "%llu\n", (unsigned long long)m->attempts);
	add_label(text, "size:");
	cli_text_addf(text, "%llu bytes%s\n", (unsigned long long)m->size,
	    m->is_report != 0 ? ", a delivery report" : "");
	add_line(text, "sender:", m->sender[0] == '\0' ? "<>" : m->sender);
	add_recipients(text, m);
	return 0;
}

static int
show_note(void *ctx, const char *address, int64_t when, const char *said)
{
	struct show *s = ctx;
	struct cli_text *text = &s->text;

	add_label(text, s->n++ == 0 ? "notes:" : "");
	cli_text_time(text, CLI_SECOND, when);
	cli_text_addz(text, "  ");
	if (address != NULL) {
		cli_text_clean(text, address);
		cli_text_addz(text, ": ");
	}
	cli_text_clean(text, said);
	cli_text_addz(text, "\n");
	cli_text_flush(text, stdout);
	return ferror(stdout) != 0;
}

/* ----------------------------------------------------------------- as JSON */

static int
json_message(void *ctx, const struct mc_queue_message *m)
{
	struct show *s = ctx;

	cli_queue_json(&s->text, m);
	return 0;
}

static int
json_note(void *ctx, const char *address, int64_t when, const char *said)
{
	struct show *s = ctx;
	struct cli_text *text = &s->text;

	cli_text_addz(text, s->n++ == 0 ? "{\"address\":" : ",{\"address\":");
	cli_text_json(text, address);
	cli_text_addf(text, ",\"time\":%lld,\"text\":", (long long)when);
	cli_text_json(text, said);
	cli_text_addz(text, "}");
	cli_text_flush(text, stdout);
	return ferror(stdout) != 0;
}

/* --------------------------------------------------------- header and body */

/*
 * How much of these bytes is header.  The blank line ends it; a header
 * without a field has no line in front of that.
 */
static size_t
header_part(struct show *s, const char *p, size_t n)
{
	static const char end[] = "\r\n\r\n";
	size_t i;

	for (i = 0; i < n; i++) {
		s->tail = p[i] == end[s->tail] ? s->tail + 1 :
		    p[i] == '\r' ? 1 : 0;
		if (s->tail == strlen(end)) {
			s->in_body = true;
			return i + 1;
		}
	}
	return n;
}

static void
begin_body(struct show *s)
{
	cli_pour_end(&s->pour);
	if (s->q->json)
		cli_text_addz(&s->text, "\",\"body\":\"");
}

/* nonzero ends it: no more is asked for, or nobody reads */
static int
show_bytes(void *ctx, const void *p, size_t n)
{
	struct show *s = ctx;
	const char *at = p;
	size_t part;

	if (!s->in_body) {
		part = header_part(s, at, n);
		cli_pour(&s->pour, at, part);
		at += part;
		n -= part;
		if (s->in_body && s->q->body)
			begin_body(s);
	}
	if (s->in_body && s->q->body)
		cli_pour(&s->pour, at, n);
	if (s->text.failed)
		return 1;
	cli_text_flush(&s->text, stdout);
	return ferror(stdout) != 0 || (s->in_body && !s->q->body);
}

static int
show_content(struct show *s, const char *id, struct mc_err *err)
{
	s->pour = (struct cli_pour){ .to = &s->text,
	    .form = s->q->json ? CLI_JSON :
	    isatty(STDOUT_FILENO) ? CLI_LINES : CLI_RAW };
	/* as if a line had ended here */
	s->tail = 2;
	if (mc_queue_read(s->q->queue, id, show_bytes, s, err) < 0)
		return -1;
	cli_pour_end(&s->pour);
	return 0;
}

/* --------------------------------------------------------------- the whole */

static int
show_all(struct show *s, const char *id, struct mc_err *err)
{
	bool json = s->q->json;

	if (mc_queue_show(s->q->queue, id, json ? json_message : show_message,
	    s, err) < 0)
		return -1;
	if (json)
		cli_text_addz(&s->text, ",\"notes\":[");
	if (mc_queue_notes(s->q->queue, id, json ? json_note : show_note, s,
	    err) < 0)
		return -1;
	cli_text_addz(&s->text, json ? "],\"header\":\"" : "\n");
	if (show_content(s, id, err) != 0)
		return -1;
	if (json)
		cli_text_addz(&s->text, "\"}\n");
	return 0;
}

int
cli_queue_show(struct cli_queue *q, const char *id)
{
	struct show s = { .q = q, .now = (int64_t)time(NULL) };
	struct mc_err err = { 0 };
	int rc = show_all(&s, id, &err);
	bool failed = s.text.failed;

	if (rc == 0 || !q->json)
		cli_text_flush(&s.text, stdout);
	cli_text_free(&s.text);
	if (rc == 0 && !failed)
		return 0;
	fflush(stdout);
	if (rc == 0) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	return cli_fail(&err);
}
