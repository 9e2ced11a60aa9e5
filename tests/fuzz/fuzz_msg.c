/* SPDX-License-Identifier: MIT */
/*
 * fuzz_msg.c - any bytes as a message: pieces do not matter, and what comes
 * out is canonical and reads again as itself
 */
#include "base/base.h"

#include "base/limits.h"
#include "mail/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) do { \
	if (!(x)) \
		__builtin_trap(); \
} while (0)

struct result {
	struct mc_message m;
	struct mc_buf text;	/* header, blank line, body */
	size_t body;		/* where the body begins in text */
	enum mc_code code;
};

static void
read_in(const void *p, size_t n, size_t piece, size_t memory, bool dot,
    struct result *ret)
{
	struct mc_err err = { .code = MC_OK };
	const char *s = p;
	int rc = 0;

	mc_message_init(&ret->m, memory, NULL);
	mc_buf_init(&ret->text, SIZE_MAX);
	struct mc_message_reader *r = mc_message_reader_new(&ret->m, dot, &err);
	CHECK(r != NULL);
	for (size_t at = 0; at < n; at += piece) {
		size_t k = n - at < piece ? n - at : piece;
		int now = mc_message_reader_feed(r, s + at, k, &err);

		CHECK(now == 0 || now == 1 || now == -1);
		CHECK(now != 1 || dot);
		CHECK(rc == 0 || now == rc);
		rc = now;
	}
	int end = mc_message_reader_end(r, &err);
	CHECK(end == (err.code == MC_OK ? 0 : -1));
	CHECK(rc != -1 || end == -1);
	mc_message_reader_free(r);
	ret->code = err.code;
	CHECK(err.code == MC_OK || err.code == MC_E_HDR_SYNTAX ||
	    err.code == MC_E_HDR_LONG);
	if (err.code != MC_OK)
		return;
	mc_header_write(&ret->m.header, &ret->text);
	CHECK(ret->text.len == ret->m.header.size);
	mc_buf_addz(&ret->text, "\r\n");
	ret->body = ret->text.len;
	for (;;) {
		char block[1000];
		size_t got;

		CHECK(mc_spool_read(&ret->m.body, ret->text.len - ret->body,
		    block, sizeof(block), &got, NULL) == 0);
		if (got == 0)
			break;
		mc_buf_add(&ret->text, block, got);
	}
	CHECK(ret->text.err == 0);
	CHECK(ret->text.len == mc_message_size(&ret->m));
}

static void
clear(struct result *r)
{
	mc_message_clear(&r->m);
	mc_buf_clear(&r->text);
}

static void
check_same(const struct result *a, const struct result *b)
{
	CHECK(a->code == b->code);
	if (a->code != MC_OK)
		return;
	CHECK(mc_str_eq(mc_buf_str(&a->text), mc_buf_str(&b->text)));
	CHECK(a->body == b->body);
	CHECK(a->m.header_8bit == b->m.header_8bit);
	CHECK(a->m.facts.has_8bit == b->m.facts.has_8bit);
	CHECK(a->m.facts.has_nul == b->m.facts.has_nul);
	CHECK(a->m.facts.lines == b->m.facts.lines);
	CHECK(a->m.facts.longest_line == b->m.facts.longest_line);
}

/* every line ends with CRLF, and neither byte stands elsewhere */
static void
check_canonical(const struct result *r, bool dot)
{
	const char *p = r->text.ptr;
	size_t line = r->body;
	uint64_t lines = 0;

	for (size_t i = 0; i < r->text.len; i++) {
		if (p[i] == '\r')
			CHECK(p[i + 1] == '\n');
		if (p[i] != '\n')
			continue;
		CHECK(i > 0 && p[i - 1] == '\r');
		if (i < r->body)
			continue;
		CHECK(!dot || i - line != 2 || p[line] != '.');
		line = i + 1;
		lines++;
	}
	CHECK(line == r->text.len);
	CHECK(lines == r->m.facts.lines);
	CHECK(memchr(p, '\0', r->body) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int dot = 0; dot < 2; dot++) {
		struct result whole;
		struct result pieces;
		struct result again;

		read_in(data, size, size + 1, MC_SPOOL_MEMORY, dot, &whole);
		read_in(data, size, size % 7 + 1, 64, dot, &pieces);
		check_same(&whole, &pieces);
		if (whole.code == MC_OK) {
			check_canonical(&whole, dot);
			read_in(whole.text.ptr, whole.text.len, 1, 16, dot,
			    &again);
			check_same(&whole, &again);
			clear(&again);
		}
		clear(&whole);
		clear(&pieces);
	}
	return 0;
}
