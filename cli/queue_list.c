/* SPDX-License-Identifier: MIT */
/*
 * queue_list.c - mailq: what is in the queue, as lines for people or as JSON
 */
#include "queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* lines are sorted by arrival in portions of so many bytes */
#define MOST_TEXT ((size_t)32 * 1024 * 1024)

struct message {
	int64_t arrival;
	size_t at;		/* in the text */
	size_t len;
	const char *p;		/* while they are sorted */
};

struct list {
	struct cli_queue *q;
	int64_t now;
	size_t columns;		/* of the terminal; 0: none */
	struct cli_text text;
	struct message *messages;
	size_t n;
	size_t cap;
	bool began;		/* the line with titles is out */
	size_t count;
	uint64_t bytes;
};

/* ------------------------------------------------------------------- words */

const char *
cli_queue_state(enum mc_queue_state state)
{
	switch (state) {
	case MC_QUEUE_WAITING:
		return "waiting";
	case MC_QUEUE_ACTIVE:
		return "active";
	case MC_QUEUE_HELD:
		return "held";
	case MC_QUEUE_FAILED:
		return "failed";
	case MC_QUEUE_DAMAGED:
		return "damaged";
	}
	return "?";
}

const char *
cli_queue_verdict(enum mc_verdict verdict)
{
	switch (verdict) {
	case MC_PENDING:
		return "pending";
	case MC_DELIVERED:
		return "delivered";
	case MC_FAILED:
		return "failed";
	case MC_DEFERRED:
		return "deferred";
	case MC_UNSURE:
		return "unsure";
	}
	return "?";
}

static char
mark_of(const struct mc_queue_message *m)
{
	struct mc_queue_recipient r;
	size_t i;

	switch (m->state) {
	case MC_QUEUE_ACTIVE:
		return '*';
	case MC_QUEUE_HELD:
		return '!';
	case MC_QUEUE_FAILED:
		return '#';
	case MC_QUEUE_DAMAGED:
		return '?';
	case MC_QUEUE_WAITING:
		break;
	}
	for (i = 0; mc_queue_rcpt(m, i, &r) == 0; i++)
		if (r.verdict == MC_UNSURE)
			return '?';
	return ' ';
}

/* the hour if it is today, else the day too */
static void
add_when(struct cli_text *text, int64_t when, int64_t now)
{
	time_t a = (time_t)when, b = (time_t)now;
	struct tm x, y;

	if (localtime_r(&a, &x) != NULL && localtime_r(&b, &y) != NULL &&
	    x.tm_year == y.tm_year && x.tm_yday == y.tm_yday)
		cli_text_time(text, CLI_HOUR, when);
	else
		cli_text_time(text, CLI_MINUTE, when);
}

void
cli_queue_next(struct cli_text *text, const struct mc_queue_message *m,
    int64_t now)
{
	switch (m->state) {
	case MC_QUEUE_ACTIVE:
		cli_text_addz(text, "being delivered");
		return;
	case MC_QUEUE_HELD:
		cli_text_addz(text, "held");
		return;
	case MC_QUEUE_FAILED:
		cli_text_addz(text, "failed; kept until ");
		add_when(text, m->next_attempt, now);
		return;
	case MC_QUEUE_DAMAGED:
		cli_text_addz(text, "damaged; not sent");
		return;
	case MC_QUEUE_WAITING:
		break;
	}
	if (m->hold_until > now) {
		cli_text_addz(text, "to be sent ");
		add_when(text, m->next_attempt, now);
		cli_text_addz(text, ", in ");
		cli_text_age(text, m->next_attempt - now);
		return;
	}
	if (m->next_attempt <= now) {
		cli_text_addz(text, "due now");
		return;
	}
	cli_text_addz(text, "next try at ");
	add_when(text, m->next_attempt, now);
	cli_text_addz(text, ", in ");
	cli_text_age(text, m->next_attempt - now);
}

/* ------------------------------------------------------------- one message */

/* as ls(1) does: the year instead of the hour where it is another one */
static void
add_arrival(struct cli_text *text, int64_t arrival, int64_t now)
{
	const int64_t half_year = INT64_C(182) * 86400;

	if (arrival > now - half_year && arrival < now + half_year)
		cli_text_time(text, CLI_LS, arrival);
	else
		cli_text_time(text, CLI_LS_YEAR, arrival);
}

/* blanks in front of what stands behind `from`, up to a width */
static void
right(struct cli_text *text, size_t from, size_t width)
{
	size_t n = text->len - from;

	if (text->failed || n >= width)
		return;
	cli_text_addf(text, "%*s", (int)(width - n), "");
	if (text->failed)
		return;
	memmove(text->ptr + from + width - n, text->ptr + from, n);
	memset(text->ptr + from, ' ', width - n);
}

static void
end_line(const struct list *list, struct cli_text *text, size_t from)
{
	cli_text_cut(text, from, list->columns);
	cli_text_addz(text, "\n");
}

static void
add_first_line(struct list *list, const struct mc_queue_message *m)
{
	struct cli_text *text = &list->text;
	size_t line = text->len, at;

	const char mark[] = { mark_of(m), ' ' };

	cli_text_addz(text, m->id);
	cli_text_add(text, mark, sizeof(mark));
	at = text->len;
	if (m->state != MC_QUEUE_DAMAGED)
		cli_text_age(text, list->now - m->arrival);
	right(text, at, 5);
	at = text->len;
	cli_text_size(text, m->size);
	right(text, at, 7);
	if (m->state != MC_QUEUE_DAMAGED) {
		cli_text_addz(text, "  ");
		add_arrival(text, m->arrival, list->now);
		cli_text_addz(text, "  ");
		cli_text_clean(text, m->sender[0] == '\0' ? "<>" : m->sender);
	}
	end_line(list, text, line);
}

static bool
same_reason(const struct mc_queue_recipient *a,
    const struct mc_queue_recipient *b)
{
	if (a->verdict != b->verdict || (a->text == NULL) != (b->text == NULL))
		return false;
	return a->text == NULL || strcmp(a->text, b->text) == 0;
}

/* "(what was said; what comes next)" */
static void
add_reason(struct list *list, const struct mc_queue_message *m,
    const struct mc_queue_recipient *r)
{
	struct cli_text *text = &list->text;
	size_t line = text->len;

	cli_text_addz(text, "    (");
	if (r->verdict == MC_UNSURE)
		cli_text_addz(text, "may have been delivered; ");
	if (r->text != NULL && r->text[0] != '\0') {
		cli_text_clean(text, r->text);
		cli_text_addz(text, "; ");
	} else if (m->attempts == 0) {
		cli_text_addz(text, "not tried yet; ");
	}
	if (r->verdict == MC_FAILED && m->state != MC_QUEUE_FAILED)
		cli_text_addz(text, "failed");
	else
		cli_queue_next(text, m, list->now);
	cli_text_addz(text, ")");
	end_line(list, text, line);
}

static void
add_recipients(struct list *list, const struct mc_queue_message *m)
{
	struct cli_text *text = &list->text;
	struct mc_queue_recipient r, last = { .address = NULL };
	size_t i, line;

	for (i = 0; mc_queue_rcpt(m, i, &r) == 0; i++) {
		if (r.verdict == MC_DELIVERED)
			continue;
		if (last.address == NULL || !same_reason(&r, &last))
			add_reason(list, m, &r);
		last = r;
		line = text->len;
		cli_text_addz(text, "        ");
		cli_text_clean(text, r.address);
		end_line(list, text, line);
	}
	if (last.address == NULL)
		cli_text_addz(text,
		    "    (every recipient has it; a queue run removes it)\n");
}

static void
add_message(struct list *list, const struct mc_queue_message *m)
{
	struct cli_text *text = &list->text;
	size_t line;

	add_first_line(list, m);
	if (m->state == MC_QUEUE_DAMAGED) {
		cli_text_addz(text, "    (damaged; not sent)\n");
		return;
	}
	if (m->pause != NULL) {
		line = text->len;
		cli_text_addz(text, "    (account ");
		cli_text_clean(text, m->account);
		cli_text_addz(text, " is paused: ");
		cli_text_clean(text, m->pause);
		cli_text_addz(text, ")");
		end_line(list, text, line);
	}
	add_recipients(list, m);
}

/* ------------------------------------------------------------ all messages */

static int
by_arrival(const void *a, const void *b)
{
	const struct message *x = a, *y = b;

	if (x->arrival != y->arrival)
		return x->arrival < y->arrival ? -1 : 1;
	/* an identifier stands in front */
	return memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);
}

static void
put_titles(const struct list *list)
{
	struct cli_text text = { .ptr = NULL };

	cli_text_addf(&text, "%-28s%5s%7s  %-12s  %s", "ID", "AGE", "SIZE",
	    "ARRIVAL", "SENDER");
	end_line(list, &text, 0);
	cli_text_flush(&text, stdout);
	cli_text_free(&text);
}

static void
flush(struct list *list)
{
	size_t i;

	if (!list->began && list->n != 0)
		put_titles(list);
	list->began |= list->n != 0;
	for (i = 0; i < list->n; i++)
		list->messages[i].p = list->text.ptr + list->messages[i].at;
	if (list->n > 1)
		qsort(list->messages, list->n, sizeof(*list->messages),
		    by_arrival);
	for (i = 0; i < list->n; i++)
		(void)fwrite(list->messages[i].p, 1, list->messages[i].len,
		    stdout);
	list->n = 0;
	list->text.len = 0;
}

static bool
grow(struct list *list)
{
	size_t cap = list->cap == 0 ? 64 : list->cap * 2;
	struct message *grown;

	if (list->n < list->cap)
		return true;
	grown = realloc(list->messages, cap * sizeof(*grown));
	if (grown == NULL)
		return false;
	list->messages = grown;
	list->cap = cap;
	return true;
}

/* with no memory for more, what there is goes out, and then this one */
static bool
add_sorted(struct list *list, const struct mc_queue_message *m)
{
	struct message *item;

	if (!grow(list))
		return false;
	item = &list->messages[list->n];
	*item = (struct message){ .arrival = m->arrival,
	    .at = list->text.len };
	add_message(list, m);
	item->len = list->text.len - item->at;
	if (!list->text.failed) {
		list->n++;
		return true;
	}
	list->text.len = item->at;
	list->text.failed = false;
	return false;
}

static int
out_of_memory(struct list *list)
{
	list->q->failed = true;
	cli_say("out of memory: the list is not complete");
	return 1;
}

static int
list_message(void *ctx, const struct mc_queue_message *m)
{
	struct list *list = ctx;

	if (!cli_queue_wants(list->q, m))
		return 0;
	if (list->count++ % 64 == 0 && cli_queue_cancelled())
		return 1;
	list->bytes += m->size;
	if (!add_sorted(list, m)) {
		flush(list);
		if (!add_sorted(list, m))
			return out_of_memory(list);
	}
	if (list->text.len > MOST_TEXT)
		flush(list);
	return ferror(stdout) != 0;
}

static int
list_json(void *ctx, const struct mc_queue_message *m)
{
	struct list *list = ctx;

	if (!cli_queue_wants(list->q, m))
		return 0;
	if (list->count++ % 64 == 0 && cli_queue_cancelled())
		return 1;
	cli_queue_json(&list->text, m);
	cli_text_addz(&list->text, "}\n");
	if (list->text.failed)
		return out_of_memory(list);
	cli_text_flush(&list->text, stdout);
	return ferror(stdout) != 0;
}

static size_t
terminal_columns(void)
{
	struct winsize size;

	if (isatty(STDOUT_FILENO) == 0 ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

/* programs look for these words */
static void
put_total(const struct list *list)
{
	uint64_t kbytes = list->bytes / 1024 + (list->bytes % 1024 != 0);

	if (list->count == 0 && !list->q->failed)
		puts("Mail queue is empty");
	else
		printf("-- %llu Kbytes in %zu Request%s.\n",
		    (unsigned long long)kbytes, list->count,
		    list->count == 1 ? "" : "s");
}

int
cli_queue_list(struct cli_queue *q)
{
	struct list list = { .q = q, .now = (int64_t)time(NULL),
	    .columns = terminal_columns() };
	struct mc_err err = { 0 };
	int status = 0;
	int rc = mc_queue_list(q->queue, q->json ? list_json : list_message,
	    &list, &err);

	flush(&list);
	/* half a list has no last line */
	if (rc < 0) {
		fflush(stdout);
		status = cli_fail(&err);
	} else if (rc > 0 && cli_queue_cancelled()) {
		status = cli_queue_interrupted();
	} else if (rc == 0) {
		status = list.count == 0 ? cli_queue_none(q) : 0;
		if (!q->json && status == 0)
			put_total(&list);
	}
	free(list.messages);
	cli_text_free(&list.text);
	return status == 0 && q->failed ? EX_TEMPFAIL : status;
}
