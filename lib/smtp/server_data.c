/* SPDX-License-Identifier: MIT */
/*
 * server_data.c - the content of messages: DATA and BDAT
 *
 * Where DATA ends is the one question of which a wrong answer lets the writer
 * of a message forge another one ("SMTP smuggling"): a few states, one byte at
 * a time, that survive any cut.
 */
#include "base/base.h"
#include "smtp/server_internal.h"

#include "base/limits.h"

/* ----------------------------------------------------------- what is taken */

/* nothing of it will be used: it is only read to its end */
static bool
is_spoilt(const struct mc_server *s)
{
	const struct mc_content *c = &s->txn.content;

	return c->bare_ends || c->too_big ||
	    (c->long_line && !s->set.long_lines_ok);
}

/* how much of what is too big may still come */
static uint64_t
drop_limit(const struct mc_server *s)
{
	if (s->set.max_size == 0)
		return UINT64_MAX;
	if (s->set.max_size < MC_MIN_SERVER_DROP)
		return MC_MIN_SERVER_DROP;
	return s->set.max_size;
}

/* more than max_size, and more than is read for the sake of order */
static bool
is_endless(const struct mc_server *s)
{
	const struct mc_content *c = &s->txn.content;

	return c->too_big && c->size - s->set.max_size > drop_limit(s);
}

static void
put(struct mc_server *s, const char *p, size_t n)
{
	struct mc_content *c = &s->txn.content;

	c->size += n;
	if (s->set.max_size != 0 && c->size > s->set.max_size)
		c->too_big = true;
	if (!is_spoilt(s))
		mc_buf_add(&s->body, p, n);
}

/* bytes of a line other than its end */
static void
put_text(struct mc_server *s, const char *p, size_t n)
{
	struct mc_content *c = &s->txn.content;

	c->line += n;
	if (c->line + 2 > s->set.max_text_line)
		c->long_line = true;
	put(s, p, n);
}

static void
put_line_end(struct mc_server *s)
{
	s->txn.content.line = 0;
	s->txn.content.at = MC_AT_START;
	put(s, "\r\n", 2);
}

/* all has come: ask the owner, or say why not */
static void
finish(struct mc_server *s, enum mc_say bare_ends)
{
	const struct mc_content *c = &s->txn.content;
	enum mc_say say = MC_SAY_NONE;

	s->messages++;
	if (c->bare_ends)
		say = bare_ends;
	else if (c->too_big)
		say = MC_SAY_TOO_BIG;
	else if (is_spoilt(s))
		say = MC_SAY_LINE_OF_TEXT;
	if (say == MC_SAY_NONE) {
		s->state = MC_SV_END;
		return;
	}
	s->state = MC_SV_COMMAND;
	mc_server_drop(s);
	/* what such a message holds behind its other end may be next */
	if (say == MC_SAY_BARE_ENDS)
		mc_server_say_close(s, say);
	else
		mc_server_say(s, say);
}

/* nothing is left to decode: wait, or give up */
static int
need_more(struct mc_server *s)
{
	if (s->bye != MC_SAY_NONE)
		mc_server_say_close(s, s->bye);
	else if (s->eof)
		mc_server_say_close(s, MC_SAY_CUT);
	else
		return MC_SERVE_READ;
	return MC_GO_ON;
}

/* -------------------------------------------------------------------- DATA */

void
mc_server_begin_data(struct mc_server *s)
{
	mc_server_say(s, MC_SAY_GO_AHEAD);
	s->state = MC_SV_DATA;
}

/* a byte that begins or goes on a line */
static void
take_text(struct mc_server *s, char ch)
{
	struct mc_content *c = &s->txn.content;

	c->at = MC_AT_TEXT;
	if (ch == '\r')
		c->at = MC_AT_CR;
	else if (ch == '\n' && s->lf_lines)
		put_line_end(s);
	else if (ch == '\n')
		c->bare_ends = true;
	else
		put_text(s, &ch, 1);
}

static void
take_byte(struct mc_server *s, char ch)
{
	struct mc_content *c = &s->txn.content;

	switch (c->at) {
	case MC_AT_START:
		if (ch == '.')
			c->at = MC_AT_DOT;
		else
			take_text(s, ch);
		return;
	case MC_AT_TEXT:
		take_text(s, ch);
		return;
	case MC_AT_CR:
		if (ch == '\n') {
			put_line_end(s);
			return;
		}
		break;
	case MC_AT_DOT:
		if (ch == '\n' && s->lf_lines)
			c->ended = true;
		else if (ch == '\r')
			c->at = MC_AT_DOT_CR;
		else
			take_text(s, ch);
		return;
	case MC_AT_DOT_CR:
		if (ch == '\n' && !s->lf_lines) {
			c->ended = true;
			return;
		}
		break;
	}
	/* a CR with something else behind it; or "." CR LF between lines that
	 * end with LF, which is an end to some and none to others */
	c->bare_ends = true;
	take_text(s, ch);
}

/* bytes in front of the next CR or LF, as many as fit */
static size_t
run_len(const struct mc_server *s, struct mc_str in)
{
	size_t most = MC_BODY_CHUNK - s->body.len;
	size_t n = 0;

	if (most > in.len)
		most = in.len;
	while (n < most && in.ptr[n] != '\r' && in.ptr[n] != '\n')
		n++;
	return n;
}

static void
decode(struct mc_server *s)
{
	struct mc_content *c = &s->txn.content;
	struct mc_str in = mc_server_input(s);
	size_t at = 0;

	/* room for what one byte can add */
	while (at < in.len && !c->ended && !is_endless(s) &&
	    s->body.len + 2 <= MC_BODY_CHUNK) {
		size_t n = c->at != MC_AT_TEXT ? 0 :
		    run_len(s, mc_str_sub(in, at, SIZE_MAX));

		if (n == 0) {
			take_byte(s, in.ptr[at++]);
			continue;
		}
		put_text(s, in.ptr + at, n);
		at += n;
	}
	s->in_at += at;
}

int
mc_server_on_data(struct mc_server *s)
{
	const struct mc_content *c = &s->txn.content;

	mc_buf_reset(&s->body);
	if (!c->ended)
		decode(s);
	if (is_spoilt(s))
		mc_buf_reset(&s->body);
	if (s->body.len != 0)
		return MC_SERVE_BODY;
	if (is_endless(s))
		mc_server_say_close(s, MC_SAY_TOO_BIG);
	else if (c->ended)
		finish(s, MC_SAY_BARE_ENDS);
	else if (mc_server_input(s).len == 0)
		return need_more(s);
	return MC_GO_ON;
}

/* -------------------------------------------------------------------- BDAT */

void
mc_server_begin_chunk(struct mc_server *s, uint64_t n, bool last,
    enum mc_say refusal)
{
	uint64_t max = s->set.max_size;

	if (refusal == MC_SAY_NONE)
		s->txn.chunking = true;
	if (refusal == MC_SAY_NONE && max != 0 &&
	    n > max - s->txn.content.size)
		refusal = MC_SAY_TOO_BIG;
	s->chunk_left = n;
	s->chunk_last = last;
	s->chunk_say = refusal;
	s->state = MC_SV_CHUNK;
	if (refusal != MC_SAY_NONE && n > drop_limit(s))
		mc_server_say_close(s, refusal);
}

/*
 * Any byte may come, but without BINARYMIME (RFC 3030 section 3) it has to be
 * text.  That a bare CR or LF ends nothing here makes it no better: the next
 * server gets the message with DATA.
 */
static void
check_chunk(struct mc_server *s, struct mc_str part)
{
	struct mc_content *c = &s->txn.content;
	size_t i;

	for (i = 0; i < part.len; i++) {
		char ch = part.ptr[i];

		if ((ch == '\n') != (c->at == MC_AT_CR))
			c->bare_ends = true;
		c->at = ch == '\r' ? MC_AT_CR : MC_AT_TEXT;
		c->line = ch == '\n' ? 0 : c->line + 1;
		if (c->line + 1 > s->set.max_text_line ||
		    (c->line + 1 == s->set.max_text_line && ch != '\r'))
			c->long_line = true;
	}
}

static void
take_chunk(struct mc_server *s)
{
	struct mc_str part = mc_server_input(s);

	if (part.len > s->chunk_left)
		part.len = (size_t)s->chunk_left;
	if (part.len > MC_BODY_CHUNK)
		part.len = MC_BODY_CHUNK;
	if (s->chunk_say == MC_SAY_NONE) {
		check_chunk(s, part);
		put(s, part.ptr, part.len);
	}
	s->chunk_left -= part.len;
	s->in_at += part.len;
}

static void
end_chunk(struct mc_server *s)
{
	enum mc_say say = s->chunk_say;

	s->state = MC_SV_COMMAND;
	if (say == MC_SAY_TOO_BIG) {
		s->messages++;
		mc_server_drop(s);
		mc_server_say(s, say);
	} else if (say != MC_SAY_NONE) {
		mc_server_refuse(s, say);
	} else if (!s->chunk_last) {
		mc_server_say(s, MC_SAY_CHUNK_OK);
	} else {
		if (s->txn.content.at == MC_AT_CR)
			s->txn.content.bare_ends = true;
		finish(s, MC_SAY_BINARY);
	}
}

int
mc_server_on_chunk(struct mc_server *s)
{
	mc_buf_reset(&s->body);
	if (s->chunk_left == 0) {
		end_chunk(s);
		return MC_GO_ON;
	}
	if (mc_server_input(s).len == 0)
		return need_more(s);
	take_chunk(s);
	if (is_spoilt(s))
		mc_buf_reset(&s->body);
	return s->body.len != 0 ? MC_SERVE_BODY : MC_GO_ON;
}
