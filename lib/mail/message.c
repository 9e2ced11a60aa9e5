/* SPDX-License-Identifier: MIT */
/*
 * message.c - the reader: bytes with any line ends to header and spooled body
 *
 * While the first bytes of a line may still become a field they wait in
 * `field`; once they cannot, they are played to the body as its beginning.
 */
#include "base/base.h"

#include "mail/message.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

/* a longer name is none: a line cannot be that long before its first fold */
#define MAX_NAME MC_MAX_LINE

enum state {
	AT_START,		/* of a line in the header section */
	IN_NAME,
	IN_BLANKS,		/* between name and colon */
	IN_VALUE,
	IN_MBOX,		/* a "From " line, dropped */
	IN_BODY,
	DONE,
	FAILED
};

struct mc_message_reader {
	struct mc_message *m;
	bool dot;
	enum state state;
	uint64_t crs;		/* CRs that wait for what follows them */
	struct mc_buf field;	/* the field, or what may become one */
	bool open;		/* `field` is a field that folds may go on */
	size_t left;		/* of MC_MAX_HEADER */
	size_t left_rcpt;	/* of MC_MAX_HEADER_RCPT */
	bool is_rcpt;		/* the field counts against left_rcpt */
	size_t line_len;	/* of the body's current line */
	bool held_dot;		/* that line is a dot so far, not yet stored */
	struct mc_err err;
};

/* ------------------------------------------------------------------- body */

/* a number that is known lets the compiler look at many at once */
#define BLOCK 256

static bool
has_high_byte(const char *p, size_t n)
{
	unsigned char bits = 0;

	for (; n >= BLOCK; p += BLOCK, n -= BLOCK) {
		for (size_t i = 0; i < BLOCK; i++)
			bits |= (unsigned char)p[i];
		if ((bits & 0x80) != 0)
			return true;
	}
	for (; n > 0; p++, n--)
		bits |= (unsigned char)*p;
	return (bits & 0x80) != 0;
}

static void
look_at(struct mc_body_facts *facts, const char *p, size_t n)
{
	if (!facts->has_nul && memchr(p, '\0', n) != NULL)
		facts->has_nul = true;
	if (!facts->has_8bit && has_high_byte(p, n))
		facts->has_8bit = true;
}

static void
count_line(struct mc_message_reader *r)
{
	struct mc_body_facts *facts = &r->m->facts;

	if (r->line_len > facts->longest_line)
		facts->longest_line = r->line_len;
	facts->lines++;
	r->line_len = 0;
}

static int
end_line(struct mc_message_reader *r)
{
	if (mc_spool_add(&r->m->body, "\r\n", 2, &r->err) != 0)
		return -1;
	count_line(r);
	return 0;
}

static int
add_text(struct mc_message_reader *r, const char *p, size_t n)
{
	if (n == 0)
		return 0;
	if (r->held_dot) {
		r->held_dot = false;
		if (mc_spool_add(&r->m->body, ".", 1, &r->err) != 0)
			return -1;
	} else if (r->dot && r->line_len == 0 && n == 1 && *p == '.') {
		r->held_dot = true;
		r->line_len = 1;
		return 0;
	}
	r->line_len += n;
	return mc_spool_add(&r->m->body, p, n, &r->err);
}

/* CRs that no LF followed end a line each */
static int
end_bare_lines(struct mc_message_reader *r)
{
	for (; r->crs > 0; r->crs--)
		if (end_line(r) != 0)
			return -1;
	return 0;
}

static const char *
next_byte(const char *p, const char *end, char c)
{
	const char *hit = memchr(p, c, (size_t)(end - p));

	return hit != NULL ? hit : end;
}

/* what most lines are: nothing of them was read before, and they end in LF or
 * CRLF.  1: taken, with `lf` the LF behind it; 0: it is not one of them; -1 */
static int
whole_line(struct mc_message_reader *r, const char *p, const char *end,
    const char *cr, const char *lf)
{
	const char *stop = cr < lf ? cr : lf;
	size_t n = (size_t)(stop - p);

	if (r->line_len > 0 || r->crs > 0 || lf == end ||
	    (stop == cr && cr + 1 != lf) || (r->dot && n == 1 && *p == '.'))
		return 0;
	if (mc_spool_add_line(&r->m->body, p, n, &r->err) != 0)
		return -1;
	r->line_len = n;
	count_line(r);
	return 1;
}

static int
feed_body(struct mc_message_reader *r, const char *p, const char *end)
{
	const char *start = p;
	const char *cr = p;
	const char *lf = p;
	int rc;

	if (p < end) {
		cr = next_byte(p, end, '\r');
		lf = next_byte(p, end, '\n');
	}
	while (p < end) {
		rc = whole_line(r, p, end, cr, lf);
		if (rc < 0)
			return -1;
		if (rc > 0) {
			p = lf + 1;
			if (cr < p)
				cr = next_byte(p, end, '\r');
			lf = next_byte(p, end, '\n');
			continue;
		}
		if (r->crs > 0 && *p != '\r' && *p != '\n' &&
		    end_bare_lines(r) != 0)
			return -1;
		const char *stop = cr < lf ? cr : lf;
		if (add_text(r, p, (size_t)(stop - p)) != 0)
			return -1;
		if (stop == end)
			break;
		/* whatever follows a CR, the line of one dot is complete */
		if (r->held_dot) {
			r->state = DONE;
			end = stop;
			break;
		}
		p = stop + 1;
		if (stop == cr) {
			r->crs++;
			cr = next_byte(p, end, '\r');
			continue;
		}
		r->crs = 0;
		if (end_line(r) != 0)
			return -1;
		lf = next_byte(p, end, '\n');
	}
	look_at(&r->m->facts, start, (size_t)(end - start));
	return 0;
}

static int
end_body(struct mc_message_reader *r)
{
	if (end_bare_lines(r) != 0)
		return -1;
	if (r->line_len > 0 && !r->held_dot)
		return end_line(r);
	return 0;
}

/* ----------------------------------------------------------------- header */

static int
bad_byte(struct mc_message_reader *r, const char *what)
{
	struct mc_str text = mc_buf_str(&r->field);
	size_t n = mc_str_chr(text, ':');

	if (n > 40)
		n = 40;
	return mc_err_set(&r->err, MC_E_HDR_SYNTAX, MC_STAGE_LOCAL,
	    "the header holds %s at or below \"%.*s\"; only the body may", what,
	    (int)n, text.ptr);
}

static int
take(struct mc_message_reader *r, const char *p, size_t n)
{
	size_t *left = r->is_rcpt ? &r->left_rcpt : &r->left;

	if (n > *left)
		return mc_err_set(&r->err, MC_E_HDR_LONG, MC_STAGE_LOCAL,
		    r->is_rcpt ?
		    "header too large: To, Cc and Bcc have more than %u bytes" :
		    "header too large: more than %u bytes without To, Cc and "
		    "Bcc", r->is_rcpt ? (unsigned)MC_MAX_HEADER_RCPT :
		    (unsigned)MC_MAX_HEADER);
	*left -= n;
	if (has_high_byte(p, n))
		r->m->header_8bit = true;
	mc_buf_add(&r->field, p, n);
	return mc_buf_err(&r->field, "a header field", &r->err);
}

static int
flush_field(struct mc_message_reader *r)
{
	if (!r->open)
		return 0;
	if (mc_header_append_raw(&r->m->header, mc_buf_str(&r->field),
	    &r->err) != 0)
		return -1;
	mc_buf_reset(&r->field);
	r->open = false;
	return 0;
}

/* the colon has come: `field` holds name and blanks */
static int
begin_value(struct mc_message_reader *r)
{
	static const char names[][12] = { "To", "Cc", "Bcc", "Resent-To",
		"Resent-Cc", "Resent-Bcc" };
	struct mc_str name = mc_str_trim(mc_buf_str(&r->field));
	size_t used = r->field.len;

	r->is_rcpt = false;
	for (size_t i = 0; i < MC_NELEM(names); i++)
		if (mc_str_eq_nocase(name, mc_str_from(names[i])))
			r->is_rcpt = true;
	r->state = IN_VALUE;
	r->open = true;
	if (take(r, ":", 1) != 0)
		return -1;
	size_t *left = r->is_rcpt ? &r->left_rcpt : &r->left;
	/* the name went in before it was known what it counts against */
	*left -= used < *left ? used : *left;
	return 0;
}

/* the line is no header line: it begins the body */
static int
begin_body(struct mc_message_reader *r)
{
	uint64_t crs = r->crs;

	r->state = IN_BODY;
	r->crs = 0;
	int rc = feed_body(r, r->field.ptr, r->field.ptr + r->field.len);
	mc_buf_clear(&r->field);
	if (crs > 0 && r->held_dot)
		r->state = DONE;
	r->crs = crs;
	return rc;
}

/* "From " and ">From " in front of the header: `field` holds name and blanks,
 * and no colon follows */
static bool
is_mbox(const struct mc_message_reader *r)
{
	struct mc_str name = mc_str_trim(mc_buf_str(&r->field));

	return r->state == IN_BLANKS && r->m->header.fields.n == 0 &&
	    (mc_str_eq(name, MC_STR("From")) ||
	    mc_str_eq(name, MC_STR(">From")));
}

/*
 * A line ended, or cannot become a field any more, before its colon.  The
 * byte that showed it is still to be read.
 */
static int
give_up_name(struct mc_message_reader *r)
{
	if (!is_mbox(r))
		return begin_body(r);
	mc_buf_reset(&r->field);
	r->state = IN_MBOX;
	return 0;
}

/* was there a field in the lines above? */
static bool
below_field(const struct mc_message_reader *r)
{
	return r->open || r->m->header.fields.n > 0;
}

/*
 * CRs without LF behind them.  In a header they are refused, for servers do
 * not agree on where such a line ends.  Text that never had a header may
 * begin with them.
 */
static int
bare_crs(struct mc_message_reader *r)
{
	if (below_field(r) || r->state == IN_MBOX)
		return bad_byte(r, "a carriage return without line feed");
	return give_up_name(r);
}

static int
at_start(struct mc_message_reader *r, char c)
{
	if (mc_is_blank((unsigned char)c) && r->open) {
		r->state = IN_VALUE;
		return take(r, &c, 1);
	}
	if (c == '\0' && below_field(r))
		return bad_byte(r, "a NUL byte");
	if (flush_field(r) != 0)
		return -1;
	if (c <= 0x20 || c >= 0x7f || c == ':')
		return begin_body(r);
	r->state = IN_NAME;
	mc_buf_addc(&r->field, c);
	return mc_buf_err(&r->field, "a header field", &r->err);
}

static int
in_name(struct mc_message_reader *r, char c)
{
	bool blank = mc_is_blank((unsigned char)c);

	if (c == ':')
		return begin_value(r);
	if (c == '\0' && below_field(r))
		return bad_byte(r, "a NUL byte");
	if (r->field.len >= MAX_NAME || (r->state == IN_BLANKS && !blank) ||
	    (!blank && (c <= 0x20 || c >= 0x7f)))
		return give_up_name(r);
	if (blank)
		r->state = IN_BLANKS;
	mc_buf_addc(&r->field, c);
	return mc_buf_err(&r->field, "a header field", &r->err);
}

static int
line_end(struct mc_message_reader *r)
{
	static const char lf[1] = { '\n' };

	switch (r->state) {
	case AT_START:
		r->state = IN_BODY;
		return flush_field(r);
	case IN_NAME:
	case IN_BLANKS:
		if (give_up_name(r) != 0)
			return -1;
		if (r->state == IN_BODY)
			return feed_body(r, lf, lf + 1);
		r->state = AT_START;
		return 0;
	case IN_VALUE:
		r->state = AT_START;
		return take(r, "\r\n", 2);
	case IN_MBOX:
		r->state = AT_START;
		return 0;
	case IN_BODY:
	case DONE:
	case FAILED:
		break;
	}
	return mc_err_set(&r->err, MC_E_INTERNAL, MC_STAGE_LOCAL, NULL);
}

/* the part of [p, end) in front of CR, LF and NUL */
static size_t
plain_run(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && *q != '\r' && *q != '\n' && *q != '\0')
		q++;
	return (size_t)(q - p);
}

/* read some of [p, end), which is not empty; *ret_used may be 0 if the state
 * has changed */
static int
feed_header(struct mc_message_reader *r, const char *p, const char *end,
    size_t *ret_used)
{
	enum state before = r->state;
	size_t used = 1;
	int rc = 0;

	if (*p == '\r') {
		r->crs++;
	} else if (*p == '\n') {
		r->crs = 0;
		rc = line_end(r);
	} else if (r->crs > 0) {
		rc = bare_crs(r);
		used = 0;
	} else if (r->state == AT_START) {
		rc = at_start(r, *p);
		used = r->state != IN_BODY;
	} else if (r->state == IN_NAME || r->state == IN_BLANKS) {
		rc = in_name(r, *p);
		used = r->state != IN_BODY && r->state != IN_MBOX;
	} else if (*p == '\0') {
		rc = bad_byte(r, "a NUL byte");
	} else {
		used = plain_run(p, end);
		if (before == IN_VALUE)
			rc = take(r, p, used);
	}
	*ret_used = used;
	return rc;
}

static int
end_header(struct mc_message_reader *r)
{
	if (r->crs > 0)
		return bare_crs(r);
	switch (r->state) {
	case IN_NAME:
	case IN_BLANKS:
		return give_up_name(r);
	case IN_VALUE:
		if (take(r, "\r\n", 2) != 0)
			return -1;
		return flush_field(r);
	case AT_START:
		return flush_field(r);
	case IN_MBOX:
	case IN_BODY:
	case DONE:
	case FAILED:
		return 0;
	}
	return 0;
}

/* --------------------------------------------------------------- messages */

void
mc_message_init(struct mc_message *m, size_t memory, const char *tmpdir)
{
	memset(m, 0, sizeof(*m));
	mc_header_init(&m->header);
	mc_spool_init(&m->body, memory, tmpdir);
}

void
mc_message_clear(struct mc_message *m)
{
	mc_header_clear(&m->header);
	mc_spool_clear(&m->body);
	memset(&m->facts, 0, sizeof(m->facts));
	m->header_8bit = false;
}

struct mc_message_reader *
mc_message_reader_new(struct mc_message *m, bool dot, struct mc_err *err)
{
	struct mc_message_reader *r = mc_mem_zalloc(1, sizeof(*r));

	if (r == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		return NULL;
	}
	r->m = m;
	r->dot = dot;
	r->state = AT_START;
	r->left = MC_MAX_HEADER;
	r->left_rcpt = MC_MAX_HEADER_RCPT;
	mc_buf_init(&r->field, MC_MAX_HEADER_RCPT + MAX_NAME);
	return r;
}

static int
fail(struct mc_message_reader *r, struct mc_err *err)
{
	r->state = FAILED;
	mc_buf_clear(&r->field);
	if (err != NULL && !mc_err_is_set(err))
		*err = r->err;
	return -1;
}

int
mc_message_reader_feed(struct mc_message_reader *r, const void *p, size_t n,
    struct mc_err *err)
{
	const char *s = p;
	const char *end = n == 0 ? s : s + n;

	while (s < end && r->state != DONE && r->state != FAILED) {
		size_t used = (size_t)(end - s);
		int rc = r->state == IN_BODY ? feed_body(r, s, end) :
		    feed_header(r, s, end, &used);

		if (rc != 0)
			return fail(r, err);
		s += used;
	}
	if (r->state == FAILED)
		return fail(r, err);
	return r->state == DONE ? 1 : 0;
}

int
mc_message_reader_end(struct mc_message_reader *r, struct mc_err *err)
{
	if (r->state == FAILED)
		return fail(r, err);
	if (r->state != DONE && r->state != IN_BODY && end_header(r) != 0)
		return fail(r, err);
	if (r->state == IN_BODY && end_body(r) != 0)
		return fail(r, err);
	r->state = DONE;
	mc_buf_clear(&r->field);
	return 0;
}

void
mc_message_reader_free(struct mc_message_reader *r)
{
	if (r == NULL)
		return;
	mc_buf_clear(&r->field);
	mc_mem_free(r);
}

static void
add_facts(struct mc_body_facts *facts, size_t *line, const char *p, size_t n)
{
	const char *end = p + n;

	facts->has_8bit = facts->has_8bit || has_high_byte(p, n);
	facts->has_nul = facts->has_nul || memchr(p, '\0', n) != NULL;
	while (p < end) {
		const char *lf = next_byte(p, end, '\n');

		*line += (size_t)(lf - p);
		if (lf == end)
			return;
		/* the CR in front of it may have come with the last piece */
		if (*line > facts->longest_line + 1)
			facts->longest_line = *line - 1;
		facts->lines++;
		*line = 0;
		p = lf + 1;
	}
}

int
mc_message_set_body(struct mc_message *m, struct mc_spool *body,
    struct mc_err *err)
{
	struct mc_body_facts facts = { .has_8bit = false };
	char *block = mc_mem_zalloc(1, MC_BODY_CHUNK);
	uint64_t at = 0;
	size_t line = 0, got;
	int rc = -1;

	if (block == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	do {
		if (mc_spool_read(body, at, block, MC_BODY_CHUNK, &got,
		    err) != 0)
			goto out;
		add_facts(&facts, &line, block, got);
		at += got;
	} while (got != 0);
	struct mc_spool before = m->body;

	m->body = *body;
	m->facts = facts;
	*body = before;
	rc = 0;
out:
	mc_mem_free(block);
	return rc;
}

uint64_t
mc_message_size(const struct mc_message *m)
{
	return (uint64_t)m->header.size + 2 + m->body.size;
}
