/* SPDX-License-Identifier: MIT */
/*
 * mime_filter.c - mc_mime_convert as a filter, for mime.py
 *
 *	mime_filter WANT <message >message
 *
 * WANT is a sum of MC_MIME_....  Ends with 0, or 3 when nothing had to be
 * changed; else with what the error stands for, and its text on standard
 * error.
 */
#include "base/base.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/message.h"
#include "mail/mime.h"

static int
read_all(struct mc_message *m, struct mc_err *err)
{
	struct mc_message_reader *r = mc_message_reader_new(m, false, err);
	char block[65536];
	size_t n;

	if (r == NULL)
		return -1;
	while ((n = fread(block, 1, sizeof(block), stdin)) != 0)
		(void)!mc_message_reader_feed(r, block, n, err);
	int rc = mc_message_reader_end(r, err);
	mc_message_reader_free(r);
	return rc;
}

static int
write_all(const struct mc_header *h, const struct mc_spool *body,
    struct mc_err *err)
{
	struct mc_buf head;
	char block[65536];
	uint64_t off = 0;
	size_t got;

	mc_buf_init(&head, SIZE_MAX / 2);
	mc_header_write(h, &head);
	mc_buf_addz(&head, "\r\n");
	size_t done = fwrite(head.ptr, 1, head.len, stdout) == head.len;
	mc_buf_clear(&head);
	do {
		if (mc_spool_read(body, off, block, sizeof(block), &got,
		    err) != 0)
			return -1;
		off += got;
		done &= fwrite(block, 1, got, stdout) == got;
	} while (got != 0);
	if (done == 0 || fflush(stdout) != 0)
		return mc_err_set(err, MC_E_IO, MC_STAGE_LOCAL, NULL);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct mc_err err = { .code = MC_OK };
	struct mc_message m;
	struct mc_spool body;
	int rc;

	if (argc != 2 || strlen(argv[1]) > 2)
		return 64;
	unsigned want = (unsigned)strtoul(argv[1], NULL, 10);
	mc_message_init(&m, MC_SPOOL_MEMORY, NULL);
	mc_spool_init(&body, MC_SPOOL_MEMORY, NULL);
	rc = read_all(&m, &err);
	if (rc == 0)
		rc = mc_mime_convert(&m.header, &m.body, want, &body, &err);
	if (rc >= 0 && write_all(&m.header, rc == 1 ? &body : &m.body,
	    &err) != 0)
		rc = -1;
	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	mc_message_clear(&m);
	mc_spool_clear(&body);
	return rc == 1 ? 0 : rc == 0 ? 3 : mc_err_exit(&err);
}
