/* SPDX-License-Identifier: MIT */
/*
 * fuzz_report.c - hostile originals, recipients and answers as a report
 *
 * Two bytes choose kind, RET and the number of recipients; then come, parted
 * by the byte 0xfe: sender, From, host, reporter, ENVID, identifier; address,
 * ORCPT and text of each recipient; header; body.  What comes out is taken
 * apart here by rules of its own: multipart/report of three parts, lines and
 * fields as they must be, nothing of recipients whom it is not about.
 */
#include "base/base.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/idna.h"
#include "mail/mailbox.h"
#include "queue/report.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) do { if (!(x)) __builtin_trap(); } while (0)
/* no host name has these characters, so none becomes this by mapping */
#define HIDDEN "zq+hid"
#define MOST_RCPTS 3

struct input {
	struct mc_envelope env;
	struct mc_spool body;
	struct mc_str whole;		/* of body */
	size_t which[MOST_RCPTS];
	char *id;
	struct mc_report_settings set;
};

struct output {
	struct mc_buf text;	/* header, blank line, body */
	bool is_8bit;
	int rc;
	struct mc_err err;
};

/* -------------------------------------------------------------------- input */

static struct mc_str
section(struct mc_str *rest)
{
	size_t n = mc_str_chr(*rest, '\xfe');
	struct mc_str s = mc_str_sub(*rest, 0, n);

	*rest = mc_str_sub(*rest, n + 1, SIZE_MAX);
	return s;
}

static char *
text(struct mc_str s)
{
	char *copy = mc_mem_strndup(s.len == 0 ? "" : s.ptr, s.len);

	MUST(copy != NULL);
	return copy;
}

static size_t
add(struct input *in, struct mc_str addr)
{
	size_t i;

	MUST(mc_envelope_add(&in->env, addr, true, &i, NULL) == 0);
	return i;
}

static void
add_hidden(struct input *in, int n)
{
	char addr[64];
	size_t i;

	(void)snprintf(addr, sizeof(addr), HIDDEN "%d@h.example", n);
	i = add(in, mc_str_from(addr));

	struct mc_rcpt *r = mc_envelope_at(&in->env, i);

	if (r->text == NULL)
		r->text = text(MC_STR("[550 5.1.1] " HIDDEN " is gone"));
	if (r->orcpt == NULL)
		r->orcpt = text(MC_STR(HIDDEN "@o.example"));
}

static void
add_rcpt(struct input *in, struct mc_str *rest)
{
	size_t i = add(in, section(rest));
	struct mc_rcpt *r = mc_envelope_at(&in->env, i);
	struct mc_str orcpt = section(rest);
	struct mc_str why = section(rest);

	mc_mem_free(r->orcpt);
	r->orcpt = orcpt.len == 0 ? NULL : text(orcpt);
	mc_mem_free(r->text);
	r->text = why.len == 0 ? NULL : text(why);
	in->which[in->set.n++] = i;
}

static void
input_init(struct input *in, const uint8_t *data, size_t size)
{
	static const enum mc_ret rets[] = { MC_RET_NONE, MC_RET_FULL,
		MC_RET_HDRS, MC_RET_FULL };
	struct mc_str rest = mc_str_make((const char *)data + 2, size - 2);

	memset(in, 0, sizeof(*in));
	mc_envelope_init(&in->env);
	in->env.ret = rets[data[0] / 3 % 4];
	in->env.smtputf8 = (data[0] & 0x80) != 0;
	in->set = (struct mc_report_settings){ .kind = data[0] % 3,
	    .env = &in->env, .which = in->which, .now = 1700000000,
	    .arrival = (data[1] & 16) != 0 ? 0 : 1600000000,
	    .last_attempt = (data[1] & 32) != 0 ? 0 : INT64_MAX,
	    .retry_until = (data[1] & 64) != 0 ? INT64_MIN : 1800000000,
	    .body = &in->body };
	MUST(mc_envelope_set_sender(&in->env, section(&rest), NULL) == 0);
	in->set.from = section(&rest);
	in->set.host = section(&rest);
	in->set.reporter = section(&rest);
	in->env.envid = text(section(&rest));
	in->id = text(section(&rest));
	in->set.id = in->id;
	for (int n = 0; n <= data[1] % MOST_RCPTS; n++) {
		add_hidden(in, n);
		add_rcpt(in, &rest);
	}
	add_hidden(in, MOST_RCPTS);
	in->set.header = section(&rest);
	in->whole = rest;
	mc_spool_init(&in->body, 16, NULL);
	MUST(mc_spool_add(&in->body, rest.ptr, rest.len, NULL) == 0);
}

static void
input_clear(struct input *in)
{
	mc_envelope_clear(&in->env);
	mc_spool_clear(&in->body);
	mc_mem_free(in->id);
}

static void
make(const struct input *in, size_t limit, struct output *ret)
{
	struct mc_buf header;
	struct mc_spool body;
	char piece[1000];
	size_t got = 1;

	memset(ret, 0, sizeof(*ret));
	mc_buf_init(&ret->text, SIZE_MAX);
	mc_buf_init(&header, MC_REPORT_HEADER);
	mc_spool_init(&body, limit, NULL);
	ret->rc = mc_report_make(&in->set, &header, &body, &ret->is_8bit,
	    &ret->err);
	MUST(ret->rc == 0 || (ret->rc == -1 && ret->err.text[0] != '\0'));
	mc_buf_add_str(&ret->text, mc_buf_str(&header));
	mc_buf_addz(&ret->text, "\r\n");
	for (uint64_t off = 0; ret->rc == 0 && got != 0; off += got) {
		MUST(mc_spool_read(&body, off, piece, sizeof(piece), &got,
		    NULL) == 0);
		mc_buf_add(&ret->text, piece, got);
	}
	MUST(ret->text.err == 0);
	mc_buf_clear(&header);
	mc_spool_clear(&body);
}

/* ------------------------------------------------------------------- output */

static bool
holds(struct mc_str in, const char *what)
{
	size_t n = strlen(what);

	while (in.len >= n) {
		in = mc_str_sub(in, mc_str_chr(in, what[0]), SIZE_MAX);
		if (mc_str_eq(mc_str_sub(in, 0, n), mc_str_make(what, n)))
			return true;
		in = mc_str_sub(in, 1, SIZE_MAX);
	}
	return false;
}

/* CRLF ends lines and stands nowhere else; *ret_line is without it */
static bool
next_line(struct mc_str *rest, struct mc_str *ret_line)
{
	size_t n = mc_str_chr(*rest, '\r');

	if (rest->len == 0)
		return false;
	MUST(n <= MC_MAX_LINE && n + 1 < rest->len && rest->ptr[n + 1] == '\n');
	*ret_line = mc_str_make(rest->ptr, n);
	MUST(mc_str_chr(*ret_line, '\n') == n);
	MUST(mc_str_chr(*ret_line, '\0') == n);
	*rest = mc_str_sub(*rest, n + 2, SIZE_MAX);
	return true;
}

static bool
is_blank(struct mc_str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (!mc_is_blank((unsigned char)line.ptr[i]))
			return false;
	return true;
}

/* fields up to a blank line or the end, each well-formed; fn may be NULL */
static void
fields(struct mc_str *rest, void (*fn)(void *ctx, struct mc_str name,
    struct mc_str line), void *ctx)
{
	bool any = false;
	struct mc_str line;

	while (next_line(rest, &line) && line.len != 0) {
		size_t n = 0;

		MUST(!is_blank(line));
		if (mc_is_blank((unsigned char)line.ptr[0])) {
			MUST(any);
			continue;
		}
		while (n < line.len && line.ptr[n] > ' ' &&
		    line.ptr[n] != ':' && line.ptr[n] < 0x7f)
			n++;

		struct mc_str name = mc_str_sub(line, 0, n);

		MUST(n != 0);
		while (n < line.len && mc_is_blank((unsigned char)line.ptr[n]))
			n++;
		MUST(n < line.len && line.ptr[n] == ':');
		MUST(!mc_str_eq_nocase(name, MC_STR("Bcc")));
		MUST(!mc_str_eq_nocase(name, MC_STR("Resent-Bcc")));
		any = true;
		if (fn != NULL)
			fn(ctx, name, line);
	}
}

struct seen {
	const char *const *names;
	int n[16];
	struct mc_str line[16];
};

static void
count(void *ctx, struct mc_str name, struct mc_str line)
{
	struct seen *s = ctx;
	int i = 0;

	while (s->names[i] != NULL && !mc_str_eq_nocase(name,
	    mc_str_from(s->names[i])))
		i++;
	/* nothing but what is listed */
	MUST(s->names[i] != NULL);
	s->n[i]++;
	s->line[i] = line;
}

static bool
says(const struct seen *s, int i, const char *want)
{
	return s->n[i] == 1 && mc_str_eq(s->line[i], mc_str_from(want));
}

/* the second part: n groups of fields behind the first one */
static void
check_status(struct mc_str rest, const struct input *in)
{
	static const char *const about[] = { "Reporting-MTA",
		"Original-Envelope-Id", "Arrival-Date", NULL };
	static const char *const one[] = { "Final-Recipient", "Action",
		"Status", "Original-Recipient", "Remote-MTA",
		"Diagnostic-Code", "Last-Attempt-Date", "Will-Retry-Until",
		NULL };
	static const char *const starts[] = { "Status: 5.", "Status: 4.",
		"Status: 2." };
	struct seen s = { .names = about };

	fields(&rest, count, &s);
	MUST(s.n[0] == 1 && s.n[1] <= 1 && s.n[2] <= 1);
	for (size_t k = 0; k < in->set.n; k++) {
		s = (struct seen){ .names = one };
		fields(&rest, count, &s);
		MUST(s.n[0] == 1 && s.n[1] == 1 && s.n[2] == 1);
		for (int i = 3; one[i] != NULL; i++)
			MUST(s.n[i] <= 1);
		MUST(mc_str_starts_nocase(s.line[2],
		    mc_str_from(starts[in->set.kind])));
	}
	MUST(rest.len == 0);
}

static void
check_human(struct mc_str rest)
{
	struct mc_str line;

	while (next_line(&rest, &line)) {
		MUST(mc_str_is_utf8(line) && !mc_str_has_ctl(line));
		MUST(!mc_str_starts_nocase(line, MC_STR("From ")));
	}
}

static void
check_original(struct mc_str rest, const struct input *in, bool whole)
{
	size_t before = rest.len;

	fields(&rest, NULL, NULL);
	if (!whole) {
		MUST(rest.len == 0 && before <= 32 * 1024);
		return;
	}
	MUST(in->env.ret == MC_RET_FULL && in->set.kind == MC_REPORT_FAILED);
	MUST(rest.len == in->whole.len || rest.len == in->whole.len + 2);
	MUST(mc_str_eq(mc_str_sub(rest, 0, in->whole.len), in->whole));
}

static void
check_part(int i, struct mc_str part, const struct input *in)
{
	static const char *const names[] = { "Content-Type",
		"Content-Transfer-Encoding", NULL };
	struct seen s = { .names = names };

	fields(&part, count, &s);
	MUST(s.n[0] == 1);
	MUST(says(&s, 1, mc_str_is_ascii(part) ?
	    "Content-Transfer-Encoding: 7bit" :
	    "Content-Transfer-Encoding: 8bit"));
	if (i == 0) {
		MUST(says(&s, 0, "Content-Type: text/plain; charset=utf-8"));
		check_human(part);
	} else if (i == 1) {
		MUST(says(&s, 0, mc_str_is_ascii(part) ?
		    "Content-Type: message/delivery-status" :
		    "Content-Type: message/global-delivery-status"));
		check_status(part, in);
	} else {
		bool whole = says(&s, 0, "Content-Type: message/rfc822") ||
		    says(&s, 0, "Content-Type: message/global");

		MUST(whole ||
		    says(&s, 0, "Content-Type: text/rfc822-headers") ||
		    says(&s, 0, "Content-Type: message/global-headers"));
		check_original(part, in, whole);
	}
}

/* what stands up to the next line that begins with "--boundary", without the
 * line end that belongs to that; *ret_line is that line */
static struct mc_str
up_to(struct mc_str *rest, struct mc_str boundary, struct mc_str *ret_line)
{
	const char *from = rest->ptr;
	struct mc_str line;

	while (next_line(rest, &line))
		if (line.len >= boundary.len + 2 &&
		    memcmp(line.ptr, "--", 2) == 0 && mc_str_eq(
		    mc_str_sub(line, 2, boundary.len), boundary)) {
			*ret_line = line;
			return mc_str_make(from, line.ptr == from ? 0 :
			    (size_t)(line.ptr - from) - 2);
		}
	__builtin_trap();
}

static void
check_body(struct mc_str rest, const char *name, const struct input *in)
{
	struct mc_str boundary = mc_str_from(name);
	struct mc_str line;

	MUST(up_to(&rest, boundary, &line).len == 0);
	for (int i = 0; i < 3; i++) {
		MUST(line.len == boundary.len + 2);

		struct mc_str part = up_to(&rest, boundary, &line);

		MUST(!holds(part, name));
		check_part(i, part, in);
	}
	MUST(line.len == boundary.len + 4 &&
	    memcmp(line.ptr + line.len - 2, "--", 2) == 0);
	MUST(rest.len == 0);
}

static void
check(const struct output *out, const struct input *in)
{
	static const char *const names[] = { "From", "To", "Subject", "Date",
		"Message-ID", "Auto-Submitted", "MIME-Version",
		"Content-Type", "Content-Transfer-Encoding", "In-Reply-To",
		"References", NULL };
	struct mc_str rest = mc_buf_str(&out->text);
	struct seen s = { .names = names };
	char boundary[100];

	fields(&rest, count, &s);
	for (int i = 0; names[i] != NULL; i++)
		MUST(s.n[i] == 1 || (i >= 9 && s.n[9] == 0 && s.n[10] == 0));
	MUST(mc_str_starts_nocase(s.line[7],
	    MC_STR("Content-Type: multipart/report; report-type=")));
	MUST(says(&s, 5, "Auto-Submitted: auto-replied"));
	MUST(says(&s, 8, out->is_8bit ? "Content-Transfer-Encoding: 8bit" :
	    "Content-Transfer-Encoding: 7bit"));
	MUST(out->is_8bit == !mc_str_is_ascii(rest));

	const char *at = strstr(out->text.ptr, "\r\n\tboundary=\"");

	MUST(at != NULL && sscanf(at + 13, "%99[^\"\r\n]\"", boundary) == 1);
	MUST(strlen(boundary) <= 70);
	check_body(rest, boundary, in);
}

/* the bytes without backslashes, which quoted local parts may lose */
static bool
names_hidden(const uint8_t *data, size_t size)
{
	struct mc_buf plain;

	mc_buf_init(&plain, SIZE_MAX);
	for (size_t i = 0; i < size; i++)
		if (data[i] != '\\')
			mc_buf_addc(&plain, (char)data[i]);

	bool does = holds(mc_buf_str(&plain), HIDDEN);

	mc_buf_clear(&plain);
	return does;
}

/* may a report be refused? */
static bool
is_refusable(const struct input *in, const uint8_t *data, size_t size)
{
	struct mc_str sender = mc_str_from(in->env.sender);
	size_t at = mc_mailbox_at(sender);
	struct mc_buf b;

	mc_buf_init(&b, 4096);

	bool bad = mc_mailbox_make(mc_str_sub(sender, 0, at),
	    mc_str_sub(sender, at + 1, SIZE_MAX), &b, NULL) != 0 ||
	    mc_idna_host(in->set.reporter, true, &b, NULL) != 0;

	mc_buf_clear(&b);
	return bad || holds(mc_str_make((const char *)data, size), "=_");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct output out, again;
	struct input in;

	if (size < 2)
		return 0;
	input_init(&in, data, size);
	make(&in, 1 << 20, &out);
	make(&in, 10, &again);
	MUST(out.rc == again.rc && out.is_8bit == again.is_8bit);
	if (out.rc == 0) {
		MUST(mc_str_eq(mc_buf_str(&out.text), mc_buf_str(&again.text)));
		check(&out, &in);
		MUST(!holds(mc_buf_str(&out.text), HIDDEN) ||
		    names_hidden(data, size));
	} else {
		MUST(out.err.code == MC_E_INTERNAL);
		MUST(is_refusable(&in, data, size));
	}
	mc_buf_clear(&out.text);
	mc_buf_clear(&again.text);
	input_clear(&in);
	return 0;
}
