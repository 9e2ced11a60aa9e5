/* SPDX-License-Identifier: MIT */
/*
 * fuzz_queue.c - bytes of a queued message, of its envelope and of its notes
 *
 * The first byte chooses.  An envelope that is read gives the same however it
 * is cut, and writing and reading it again changes nothing.  Notes that are
 * read are written the same.  A whole file is read in a real spool: it is
 * taken, refused or put into bad/, and what is taken is what it says, also to
 * one who has only its descriptor.  A file of notes beside a message never
 * harms it, and takes one more.
 */
#include "base/base.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/sha256.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) do { if (!(x)) __builtin_trap(); } while (0)
#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NOTED "bbbbbbbbbbbbbbbbbbbbbbbbbb"

/* ---------------------------------------------------------------- envelope */

struct parsed {
	struct mc_envelope env;
	struct mc_qf_info info;
	int rc;
};

static void
parse(struct parsed *p, uint32_t n, const uint8_t *data, size_t size,
    size_t piece)
{
	struct mc_qf_reader r;
	struct mc_err err = { .code = MC_OK };
	int rc = 0;

	memset(p, 0, sizeof(*p));
	mc_envelope_init(&p->env);
	mc_qf_reader_init(&r, n, &p->env, &p->info);
	for (size_t at = 0; rc == 0 && at < size; at += piece)
		rc = mc_qf_reader_feed(&r, data + at,
		    piece < size - at ? piece : size - at, &err);
	if (rc == 0)
		rc = mc_qf_reader_end(&r, &err);
	MUST(rc == 0 || (rc == -1 && err.code != MC_OK && err.text[0] != 0));
	mc_qf_reader_clear(&r);
	p->rc = rc;
}

static void
parsed_clear(struct parsed *p)
{
	mc_envelope_clear(&p->env);
	mc_mem_free(p->info.account);
}

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL && b == NULL) ||
	    (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
must_be_same(const struct parsed *a, const struct parsed *b)
{
	MUST(a->rc == b->rc);
	if (a->rc != 0)
		return;
	MUST(same_text(a->info.account, b->info.account));
	MUST(a->info.uid == b->info.uid && a->info.arrival == b->info.arrival);
	MUST(a->info.needs_8bit == b->info.needs_8bit);
	MUST(a->info.is_report == b->info.is_report);
	MUST(a->info.no_attempt == b->info.no_attempt);
	MUST(same_text(a->env.sender, b->env.sender));
	MUST(same_text(a->env.envid, b->env.envid));
	MUST(a->env.ret == b->env.ret && a->env.rcpts.n == b->env.rcpts.n);
	for (size_t i = 0; i < a->env.rcpts.n; i++) {
		const struct mc_rcpt *x = mc_envelope_at(&a->env, i);
		const struct mc_rcpt *y = mc_envelope_at(&b->env, i);

		MUST(same_text(x->addr, y->addr) && x->addr[0] != '\0');
		MUST(!mc_str_has_ctl(mc_str_from(x->addr)));
		MUST(same_text(x->orcpt, y->orcpt));
		MUST(x->notify == y->notify && x->blind == y->blind);
		MUST(x->from_bcc == y->from_bcc);
	}
}

static void
again(const struct parsed *a)
{
	size_t n = a->env.rcpts.n;
	size_t *order = mc_mem_zalloc(n, sizeof(*order));
	char *cells = mc_mem_zalloc(n, 1);
	struct mc_store_item item = { .account = a->info.account,
	    .uid = a->info.uid, .arrival = a->info.arrival, .env = &a->env,
	    .order = order, .n = n, .needs_8bit = a->info.needs_8bit,
	    .is_report = a->info.is_report,
	    .no_attempt = a->info.no_attempt };
	struct parsed b;
	struct mc_buf out;

	MUST(order != NULL && cells != NULL);
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	mc_buf_init(&out, 1 << 26);
	MUST(mc_qf_envelope_encode(&item, &out, cells, NULL) == 0);
	parse(&b, (uint32_t)n, (const uint8_t *)out.ptr, out.len, 65536);
	must_be_same(a, &b);
	parsed_clear(&b);
	mc_buf_clear(&out);
	mc_mem_free(order);
	mc_mem_free(cells);
}

static void
envelope(const uint8_t *data, size_t size)
{
	struct parsed whole, cut;

	if (size < 2)
		return;

	uint32_t n = data[0];
	size_t piece = (size_t)data[1] + 1;

	parse(&whole, n, data + 2, size - 2, size);
	parse(&cut, n, data + 2, size - 2, piece);
	must_be_same(&whole, &cut);
	if (whole.rc == 0 && n != 0)
		again(&whole);
	parsed_clear(&whole);
	parsed_clear(&cut);
}

/* ------------------------------------------------------------------- notes */

static void
notes(const uint8_t *data, size_t size)
{
	unsigned char bytes[MC_QF_NOTE];
	struct mc_qf_note note;
	size_t used;

	while (mc_qf_note_decode(mc_str_make((const char *)data, size), 3,
	    &note, &used) == 1) {
		MUST(used <= size && used <= MC_QF_NOTE);
		MUST(note.i < 3 || note.i == SIZE_MAX);
		MUST(!mc_str_has_ctl(note.text) && mc_str_is_utf8(note.text));
		MUST(mc_qf_note_encode(&note, bytes) == used);
		MUST(memcmp(bytes, data, used) == 0);
		data += used;
		size -= used;
	}
}

/* ------------------------------------------------------------- whole files */

static struct {
	char dir[64];
	struct mc_store *store;
	bool at_exit;
} spool;

static void
spool_clear(void)
{
	mc_store_close(spool.store);
	spool.store = NULL;
	int top = open(spool.dir, O_RDONLY | O_DIRECTORY);

	(void)unlinkat(top, "q/m-" ID, 0);
	(void)unlinkat(top, "q/m-" NOTED, 0);
	(void)unlinkat(top, "q/l-" NOTED, 0);
	(void)unlinkat(top, "q", AT_REMOVEDIR);
	(void)unlinkat(top, "bad", AT_REMOVEDIR);
	(void)close(top);
	(void)rmdir(spool.dir);
}

/* a message of three recipients, for notes to stand beside */
static void
put_noted(void)
{
	static const size_t order[] = { 0, 1, 2 };
	struct mc_envelope env;
	struct mc_spool body;
	char id[MC_ID_LEN + 1];
	size_t i;

	mc_envelope_init(&env);
	mc_spool_init(&body, 4096, NULL);
	MUST(mc_envelope_set_sender(&env, MC_STR("a@b"), NULL) == 0);
	MUST(mc_envelope_add(&env, MC_STR("c@d"), false, &i, NULL) == 0);
	MUST(mc_envelope_add(&env, MC_STR("e@f"), false, &i, NULL) == 0);
	MUST(mc_envelope_add(&env, MC_STR("g@h"), false, &i, NULL) == 0);

	struct mc_store_item item = { .account = "work", .env = &env,
	    .order = order, .n = 3, .header = MC_STR("A: b\r\n"),
	    .body = &body };

	MUST(mc_store_put(spool.store, &item, NOTED, id, NULL) == 0);
	mc_envelope_clear(&env);
	mc_spool_clear(&body);
}

static void
spool_open(void)
{
	struct mc_store_settings set = { .dir = spool.dir,
	    .reserve_bytes = 1 };

	if (spool.store != NULL)
		return;
	(void)snprintf(spool.dir, sizeof(spool.dir), "%s",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm/mailchute-fuzz-XXXXXX" :
	    "/tmp/mailchute-fuzz-XXXXXX");
	MUST(mkdtemp(spool.dir) != NULL);
	MUST(mc_store_open(&set, &spool.store, NULL) == 0);
	put_noted();
	if (!spool.at_exit)
		MUST(atexit(spool_clear) == 0);
	spool.at_exit = true;
}

/* the right digest, so that what is behind that check is reached too */
static void
sign(uint8_t *data, size_t size)
{
	unsigned char digest[MC_SHA256_LEN];
	struct mc_qf_head head;
	struct mc_sha256 sha;

	if (size < MC_QF_HEAD ||
	    mc_qf_head_decode(data, size, &head) != MC_QF_OK)
		return;

	size_t end = (size_t)mc_qf_trailer_at(&head);

	mc_sha256_init(&sha);
	mc_sha256_add(&sha, data, MC_QF_HEAD);
	mc_sha256_add(&sha, data + head.block, end - head.block);
	mc_sha256_end(&sha, digest);
	mc_qf_trailer_encode(size, digest, data + end);
}

static void
use_entry(struct mc_entry *entry, size_t size)
{
	const struct mc_spool *body;
	struct mc_entry_info info;
	struct mc_str header;
	uint64_t off = 0;
	size_t got = 1;
	char piece[1000];

	mc_entry_info(entry, &info);
	MUST(info.size < size && info.account[0] != '\0');
	MUST(mc_entry_content(entry, &header, &body, NULL) == 0);
	for (; got != 0; off += got)
		MUST(mc_spool_read(body, off, piece, sizeof(piece), &got,
		    NULL) == 0);
	MUST(off == body->size && header.len + 2 + off == info.size);
	for (size_t i = 0; i < mc_entry_envelope(entry)->rcpts.n; i++)
		MUST(mc_qf_is_cell((char)mc_entry_cell(entry, i)));
}

/* the same by its descriptor alone */
static void
adopt(const struct mc_entry *entry)
{
	struct mc_entry *other;
	struct mc_entry_info a, b;

	MUST(mc_store_adopt("", ID, dup(mc_entry_fd(entry)), &other,
	    NULL) == 0);
	mc_entry_info(entry, &a);
	mc_entry_info(other, &b);
	MUST(same_text(a.account, b.account) && a.size == b.size);
	MUST(mc_entry_done(entry) == mc_entry_done(other));
	MUST(!mc_entry_delivered(entry) || mc_entry_done(entry));
	mc_entry_close(other);
}

struct noted {
	size_t n;
	int64_t last;
};

static int
take_note(void *ctx, size_t i, int64_t when, const char *text)
{
	struct noted *noted = ctx;

	MUST(i < 3 || i == SIZE_MAX);
	MUST(strlen(text) <= MC_QF_NOTE_TEXT);
	MUST(!mc_str_has_ctl(mc_str_from(text)));
	noted->n++;
	noted->last = when;
	return 0;
}

static struct mc_entry *
claim_noted(struct noted *ret_noted, struct mc_entry_info *ret_info)
{
	struct mc_entry *entry;

	*ret_noted = (struct noted){ .n = 0 };
	MUST(mc_store_claim(spool.store, NOTED, true, &entry, NULL) == 1);
	MUST(mc_entry_notes(entry, take_note, ret_noted, NULL) == 0);
	mc_entry_info(entry, ret_info);
	MUST(ret_noted->n == 0 || mc_entry_last_note(entry) ==
	    ret_noted->last);
	return entry;
}

static void
notes_file(const uint8_t *data, size_t size)
{
	struct mc_entry_info info;
	struct mc_entry *entry;
	struct noted before, after;
	uint64_t attempts;
	int fd;

	spool_open();
	fd = openat(spool.store->q, "l-" NOTED, O_WRONLY | O_CREAT | O_EXCL,
	    0600);
	MUST(fd >= 0 && mc_file_write(fd, data, size, NULL) == 0);
	(void)close(fd);
	entry = claim_noted(&before, &info);
	attempts = info.attempts;
	MUST(mc_entry_note(entry, 1, 77, "one more", false, NULL) == 0);
	mc_entry_close(entry);
	entry = claim_noted(&after, &info);
	/* all of them again, unless there were so many that they had to go */
	MUST(after.n == before.n + 1 || after.n == 1);
	MUST(after.last == 77 && info.attempts >= attempts);
	MUST(strcmp(mc_envelope_at(mc_entry_envelope(entry), 1)->text,
	    "one more") == 0);
	mc_entry_close(entry);
	MUST(unlinkat(spool.store->q, "l-" NOTED, 0) == 0);
}

static void
file(const uint8_t *data, size_t size)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	struct mc_entry *claimed;
	int fd, look, claim;
	uint8_t *copy;

	if (size == 0)
		return;
	spool_open();
	copy = mc_mem_zalloc(size, 1);
	MUST(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	if ((data[0] & 1) != 0)
		sign(copy, size - 1);
	fd = openat(spool.store->q, "m-" ID, O_WRONLY | O_CREAT | O_EXCL, 0600);
	MUST(fd >= 0 && mc_file_write(fd, copy, size - 1, NULL) == 0);
	(void)close(fd);
	look = mc_store_look(spool.store, ID, &entry, &err);
	MUST(look == 1 || (look == -1 && err.code != MC_OK));
	mc_err_reset(&err);
	claim = mc_store_claim(spool.store, ID, true, &claimed, &err);
	MUST(claim == 1 || (claim == -1 && err.code != MC_OK));
	MUST(claim == -1 || look == 1);
	if (look == 1)
		adopt(entry);
	if (claim == 1) {
		use_entry(claimed, size - 1);
		mc_entry_close(claimed);
	}
	if (look == 1)
		mc_entry_close(entry);
	if (err.code == MC_E_QUEUE_DAMAGED)
		MUST(unlinkat(spool.store->bad, "m-" ID, 0) == 0);
	else
		MUST(unlinkat(spool.store->q, "m-" ID, 0) == 0);
	mc_mem_free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'E')
		envelope(data + 1, size - 1);
	else if (data[0] == 'N')
		notes(data + 1, size - 1);
	else if (data[0] == 'L')
		notes_file(data + 1, size - 1);
	else
		file(data + 1, size - 1);
	return 0;
}
