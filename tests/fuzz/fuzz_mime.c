/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mime.c - any message made fit: what had to go is gone, what a reader
 * decodes is the same, and nothing is left to do
 *
 * The first byte says what has to go and how the message is read.
 */
#include "base/base.h"

#include "../unit/mime_side.h"
#include "mail/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) do { \
	if (!(x)) \
		__builtin_trap(); \
} while (0)

#define AS_IT_IS 16u	/* the bytes are the body, canonical or not */
#define IN_FILES 32u

/* header as any, body as it is */
static void
take(struct mc_message *m, const char *p, size_t n)
{
	struct mc_message_reader *r = mc_message_reader_new(m, false, NULL);
	size_t body = 0;

	for (size_t i = 3; i < n && body == 0; i++)
		if (memcmp(p + i - 3, "\r\n\r\n", 4) == 0)
			body = i + 1;
	CHECK(r != NULL);
	if (mc_message_reader_feed(r, p, body, NULL) != 0 ||
	    mc_message_reader_end(r, NULL) != 0 || m->body.size != 0) {
		size_t memory = m->body.limit;

		mc_message_clear(m);
		mc_message_init(m, memory, NULL);
	}
	mc_message_reader_free(r);
	CHECK(mc_spool_add(&m->body, p + body, n - body, NULL) == 0);
}

static bool
read_in(struct mc_message *m, const char *p, size_t n)
{
	struct mc_message_reader *r = mc_message_reader_new(m, false, NULL);

	CHECK(r != NULL);
	(void)!mc_message_reader_feed(r, p, n, NULL);
	int rc = mc_message_reader_end(r, NULL);
	mc_message_reader_free(r);
	return rc == 0;
}

static void
check_again(struct mc_header *h, const struct mc_spool *body, unsigned want)
{
	struct mc_spool again;

	mc_spool_init(&again, 1 << 20, NULL);
	CHECK(mc_mime_convert(h, body, want, &again, NULL) == 0);
	CHECK(again.size == 0);
	mc_spool_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf told;
	struct mc_message m;
	struct mc_spool body;

	if (size == 0)
		return 0;
	unsigned want = data[0] & 15;
	size_t memory = (data[0] & IN_FILES) != 0 ? 100 : 1 << 20;
	const char *p = (const char *)data + 1;

	mc_buf_init(&told, SIZE_MAX / 2);
	mc_message_init(&m, memory, NULL);
	mc_spool_init(&body, memory, NULL);
	if ((data[0] & AS_IT_IS) != 0)
		take(&m, p, size - 1);
	else if (!read_in(&m, p, size - 1))
		goto out;
	side_tell(&m.header, &m.body, &told);
	size_t fields = m.header.fields.n;
	int rc = mc_mime_convert(&m.header, &m.body, want, &body, &err);
	CHECK(rc == 0 || rc == 1 || rc == -1);
	CHECK(rc != -1 || err.code == MC_E_MSG_CONTENT);
	CHECK(rc == -1 || err.code == MC_OK);
	CHECK(rc == 1 || m.header.fields.n == fields);
	CHECK(m.header.fields.n <= fields + 3);
	CHECK(want != 0 || rc == 0);
	CHECK(side_fault(rc, want, &m.header, &m.body, &body,
	    mc_buf_str(&told)) == NULL);
	if (rc == 1)
		check_again(&m.header, &body, want);
out:
	mc_message_clear(&m);
	mc_spool_clear(&body);
	mc_buf_clear(&told);
	return 0;
}
