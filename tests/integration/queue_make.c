/* SPDX-License-Identifier: MIT */
/*
 * queue_make.c - fill a spool: queue_make DIR < commands
 *
 *	put KEY=VALUE...	a message; prints its identifier.  Keys: account
 *				arrival next hold sender uid report header body id,
 *				and rcpt, text (of the rcpt before), unsure (the
 *				same); times are seconds, or now+N or now-N
 *	note ID WHICH WHEN TEXT	WHICH: number of the recipient, or -
 *	mark ID WHICH CELL
 *	keep ID UNTIL		it has failed
 *	hold ID
 *	pause ACCOUNT TEXT	the log-in was refused
 *	copy N			N messages like those that are there, in turns
 *
 * One command a line, words separated by blanks; \xHH is a byte.
 */
#include "base/base.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/pause.h"
#include "queue/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#define MOST_WORDS 3000

struct make {
	struct mc_store *store;
	const char *dir;
	struct mc_err err;
};

static int
bad(struct make *m, const char *what)
{
	return mc_err_set(&m->err, MC_E_USAGE, MC_STAGE_LOCAL, "%s", what);
}

static int64_t
get_time(const char *word)
{
	int64_t now = 0;

	if (strncmp(word, "now", 3) == 0) {
		now = (int64_t)time(NULL);
		word += 3;
	}
	return now + (int64_t)strtoll(word, NULL, 10);
}

/* in place; a NUL cannot be in it */
static void
unescape(char *s)
{
	char *to = s;
	char digits[3] = "";

	for (; *s != '\0'; s++) {
		if (s[0] != '\\' || s[1] != 'x' || s[2] == '\0' ||
		    s[3] == '\0') {
			*to++ = *s;
			continue;
		}
		memcpy(digits, s + 2, 2);
		*to++ = (char)strtoul(digits, NULL, 16);
		s += 3;
	}
	*to = '\0';
}

/* ---------------------------------------------------------------- messages */

struct put {
	struct mc_store_item item;
	struct mc_envelope env;
	struct mc_spool body;
	const char *id;
	struct mc_rcpt *last;
};

static int
put_rcpt(struct make *m, struct put *p, const char *addr)
{
	size_t i;

	if (mc_envelope_add(&p->env, mc_str_from(addr), false, &i,
	    &m->err) != 0)
		return -1;
	p->last = mc_envelope_at(&p->env, i);
	return 0;
}

static int
put_word(struct make *m, struct put *p, const char *key, char *value)
{
	struct mc_store_item *item = &p->item;

	if (strcmp(key, "account") == 0)
		item->account = value;
	else if (strcmp(key, "arrival") == 0)
		item->arrival = get_time(value);
	else if (strcmp(key, "next") == 0)
		item->next_attempt = get_time(value);
	else if (strcmp(key, "hold") == 0)
		p->env.hold_until = get_time(value);
	else if (strcmp(key, "uid") == 0)
		item->uid = strtoul(value, NULL, 10);
	else if (strcmp(key, "report") == 0)
		item->is_report = true;
	else if (strcmp(key, "header") == 0)
		item->header = mc_str_from(value);
	else if (strcmp(key, "body") == 0)
		return mc_spool_add(&p->body, value, strlen(value), &m->err);
	else if (strcmp(key, "id") == 0)
		p->id = value;
	else if (strcmp(key, "sender") == 0)
		return mc_envelope_set_sender(&p->env, mc_str_from(value),
		    &m->err);
	else if (strcmp(key, "rcpt") == 0)
		return put_rcpt(m, p, value);
	else if (strcmp(key, "text") == 0 && p->last != NULL)
		p->last->text = mc_mem_strdup(value);
	else if (strcmp(key, "unsure") == 0 && p->last != NULL)
		p->last->verdict = MC_UNSURE;
	else
		return bad(m, "put: unknown key");
	return 0;
}

static int
put_words(struct make *m, struct put *p, char **words, size_t n)
{
	static size_t order[MOST_WORDS];
	char id[MC_ID_LEN + 1];

	for (size_t i = 1; i < n; i++) {
		char *equals = strchr(words[i], '=');

		if (equals == NULL)
			return bad(m, "put: no =");
		*equals = '\0';
		if (put_word(m, p, words[i], equals + 1) != 0)
			return -1;
	}
	for (size_t i = 0; i < p->env.rcpts.n; i++)
		order[i] = i;
	p->item.order = order;
	p->item.n = p->env.rcpts.n;
	if (mc_store_put(m->store, &p->item, p->id, id, &m->err) != 0)
		return -1;
	puts(id);
	return 0;
}

static int
do_put(struct make *m, char **words, size_t n)
{
	struct put p = { .item = { .account = "work",
	    .header = MC_STR("Subject: x\r\n") } };
	int rc = -1;

	mc_envelope_init(&p.env);
	mc_spool_init(&p.body, 1 << 20, NULL);
	p.item.arrival = p.item.next_attempt = (int64_t)time(NULL);
	p.item.env = &p.env;
	p.item.body = &p.body;
	if (mc_envelope_set_sender(&p.env, MC_STR("me@work.example"),
	    &m->err) == 0)
		rc = put_words(m, &p, words, n);
	mc_envelope_clear(&p.env);
	mc_spool_clear(&p.body);
	return rc;
}

/* ----------------------------------------------------------------- changes */

static int
change(struct make *m, struct mc_entry *entry, char **words, size_t n)
{
	size_t which = n > 2 && strcmp(words[2], "-") != 0 ?
	    strtoul(words[2], NULL, 10) : SIZE_MAX;

	if (strcmp(words[0], "hold") == 0)
		return mc_entry_hold(entry, true, &m->err);
	if (strcmp(words[0], "keep") == 0 && n == 3)
		return mc_entry_keep(entry, get_time(words[2]), &m->err);
	if (strcmp(words[0], "mark") == 0 && n == 4)
		return mc_entry_mark(entry, &which, 1,
		    (enum mc_cell)words[3][0], &m->err);
	if (strcmp(words[0], "note") == 0 && n == 5)
		return mc_entry_note(entry, which, get_time(words[3]),
		    words[4], false, &m->err);
	return bad(m, "unknown command");
}

static int
do_change(struct make *m, char **words, size_t n)
{
	struct mc_entry *entry;

	if (n < 2)
		return bad(m, "which message?");
	if (mc_store_claim(m->store, words[1], false, &entry, &m->err) != 1)
		return bad(m, "it cannot be had");

	int rc = change(m, entry, words, n);

	mc_entry_close(entry);
	return rc;
}

static int
do_pause(struct make *m, char **words, size_t n)
{
	const struct mc_schedule schedule = { 600, 3600, 86400, 1800, 3 };
	struct mc_err why = { .code = MC_OK };

	if (n != 3)
		return bad(m, "pause: account and text");
	(void)mc_err_set(&why, MC_E_AUTH_REFUSED, MC_STAGE_AUTH, "%s",
	    words[2]);
	return mc_pause_add(m->store, words[1], &schedule, MC_FAULT_ACCOUNT,
	    &why, (int64_t)time(NULL), NULL, &m->err);
}

/* ------------------------------------------------------------------ copies */

static int
slurp(struct make *m, char kind, const char *id, struct mc_buf *out)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/q/%c-%s", m->dir, kind, id);
	return mc_file_slurp(path, out, NULL, NULL, &m->err);
}

static int
spit(struct make *m, char kind, const char *id, const struct mc_buf *b,
    int64_t when)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
	    { .tv_sec = (time_t)when } };
	char path[4096];
	int fd, rc;

	(void)snprintf(path, sizeof(path), "%s/q/%c-%s", m->dir, kind, id);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return bad(m, "cannot make a copy");
	rc = mc_file_write(fd, b->ptr, b->len, &m->err);
	if (rc == 0 && futimens(fd, times) != 0)
		rc = bad(m, "cannot set the time of a copy");
	(void)close(fd);
	return rc;
}

struct model {
	char id[MC_ID_LEN + 1];
	int64_t next;
};

struct models {
	struct model at[1000];
	size_t n;
};

static int
add_model(void *ctx, const struct mc_store_stat *st)
{
	struct models *models = ctx;

	memcpy(models->at[models->n].id, st->id, sizeof(st->id));
	models->at[models->n].next = st->next_attempt;
	return ++models->n == MC_NELEM(models->at);
}

static int
copy_some(struct make *m, const struct model *model, size_t n)
{
	struct mc_buf message, notes;
	char id[MC_ID_LEN + 1];
	int rc;

	mc_buf_init(&message, 1 << 26);
	mc_buf_init(&notes, 1 << 26);
	rc = slurp(m, 'm', model->id, &message);
	if (rc == 0 && slurp(m, 'l', model->id, &notes) != 0) {
		mc_buf_reset(&notes);
		mc_err_reset(&m->err);
	}
	while (rc == 0 && n-- > 0) {
		rc = mc_rand_id(id, &m->err);
		if (rc == 0)
			rc = spit(m, 'm', id, &message, model->next);
		if (rc == 0 && notes.len != 0)
			rc = spit(m, 'l', id, &notes, model->next);
	}
	mc_buf_clear(&message);
	mc_buf_clear(&notes);
	return rc;
}

/* no fsync, so a hundred thousand take seconds and not minutes */
static int
do_copy(struct make *m, char **words, size_t n)
{
	static struct models models;
	size_t all = n == 2 ? strtoul(words[1], NULL, 10) : 0;
	int rc;

	models.n = 0;
	if (mc_store_scan(m->store, add_model, &models, &m->err) < 0)
		return -1;
	if (models.n == 0)
		return bad(m, "copy: nothing is there");
	rc = 0;
	for (size_t i = 0; rc == 0 && i < models.n; i++)
		rc = copy_some(m, &models.at[i], all / models.n +
		    (i < all % models.n));
	return rc;
}

/* ------------------------------------------------------------------- lines */

static int
do_line(struct make *m, char *line)
{
	static char *words[MOST_WORDS];
	size_t n = 0;

	while (n < MOST_WORDS) {
		char *word = line + strspn(line, " \n");

		if (*word == '\0')
			break;
		line = word + strcspn(word, " \n");
		if (*line != '\0')
			*line++ = '\0';
		unescape(word);
		words[n++] = word;
	}
	if (n == 0)
		return 0;
	if (strcmp(words[0], "put") == 0)
		return do_put(m, words, n);
	if (strcmp(words[0], "pause") == 0)
		return do_pause(m, words, n);
	if (strcmp(words[0], "copy") == 0)
		return do_copy(m, words, n);
	return do_change(m, words, n);
}

int
main(int argc, char **argv)
{
	struct mc_store_settings set = { .dir = argc == 2 ? argv[1] : "",
	    .reserve_bytes = 1 };
	struct make m = { .dir = set.dir };
	char *line = NULL;
	size_t cap = 0;

	if (mc_store_open(&set, &m.store, &m.err) != 0) {
		fprintf(stderr, "queue_make: %s\n", m.err.text);
		return 1;
	}
	while (getline(&line, &cap, stdin) > 0) {
		if (do_line(&m, line) == 0)
			continue;
		fprintf(stderr, "queue_make: %s\n", m.err.text);
		return 1;
	}
	free(line);
	mc_store_close(m.store);
	return 0;
}
