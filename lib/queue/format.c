/* SPDX-License-Identifier: MIT */
/*
 * format.c - head, cells, trailer and notes of a queued message as bytes
 */
#include "base/base.h"

#include "queue/format.h"

#include "base/limits.h"
#include "queue/bytes.h"

static const char magic[8] = "MCQUEUE\n";
static const char end_mark[8] = "MCQEND\r\n";

#define NOTE_MARK 0x45544f4eu
#define NOTE_HEAD 24
#define NO_RCPT 0xffffffffu

uint32_t
mc_qf_block(uint32_t n)
{
	return (MC_QF_HEAD + n + MC_QF_BLOCK - 1) / MC_QF_BLOCK * MC_QF_BLOCK;
}

uint64_t
mc_qf_header_at(const struct mc_qf_head *head)
{
	return (uint64_t)head->block + head->envelope;
}

uint64_t
mc_qf_body_at(const struct mc_qf_head *head)
{
	return mc_qf_header_at(head) + head->header;
}

uint64_t
mc_qf_trailer_at(const struct mc_qf_head *head)
{
	return mc_qf_body_at(head) + head->body;
}

void
mc_qf_head_encode(const struct mc_qf_head *head,
    unsigned char ret_bytes[MC_QF_HEAD])
{
	uint32_t version = head->version == 0 ? 1 : head->version;

	memset(ret_bytes, 0, MC_QF_HEAD);
	memcpy(ret_bytes, magic, sizeof(magic));
	put_u32(ret_bytes + 8, version);
	put_u32(ret_bytes + 12, ~version);
	put_u32(ret_bytes + 16, head->n);
	put_u32(ret_bytes + 20, head->block);
	put_u32(ret_bytes + 24, head->envelope);
	put_u32(ret_bytes + 28, head->header);
	put_u64(ret_bytes + 32, head->body);
	put_u64(ret_bytes + 40, mc_qf_trailer_at(head) + MC_QF_TRAILER);
}

/* each length alone is in bounds first, so that the sum cannot overflow */
static bool
fits(const struct mc_qf_head *head, uint64_t size)
{
	if (head->n == 0 || head->n > MC_MAX_RCPTS)
		return false;
	if (head->block != mc_qf_block(head->n))
		return false;
	if (head->header > MC_QF_HEADER || head->body > INT64_MAX / 2)
		return false;
	return mc_qf_trailer_at(head) + MC_QF_TRAILER == size;
}

enum mc_qf_result
mc_qf_head_decode(const unsigned char bytes[MC_QF_HEAD], uint64_t size,
    struct mc_qf_head *ret_head)
{
	static const unsigned char zeros[16];
	uint32_t version = get_u32(bytes + 8);
	struct mc_qf_head head;

	if (memcmp(bytes, magic, sizeof(magic)) != 0 || version == 0 ||
	    get_u32(bytes + 12) != ~version)
		return MC_QF_DAMAGED;
	if (version > MC_QF_VERSION)
		return MC_QF_NEWER;
	head.version = version;
	head.n = get_u32(bytes + 16);
	head.block = get_u32(bytes + 20);
	head.envelope = get_u32(bytes + 24);
	head.header = get_u32(bytes + 28);
	head.body = get_u64(bytes + 32);
	if (!fits(&head, size) || get_u64(bytes + 40) != size ||
	    memcmp(bytes + 48, zeros, sizeof(zeros)) != 0)
		return MC_QF_DAMAGED;
	*ret_head = head;
	return MC_QF_OK;
}

void
mc_qf_trailer_encode(uint64_t size, const unsigned char digest[MC_QF_DIGEST],
    unsigned char ret_bytes[MC_QF_TRAILER])
{
	put_u64(ret_bytes, size);
	memcpy(ret_bytes + 8, digest, MC_QF_DIGEST);
	memcpy(ret_bytes + 8 + MC_QF_DIGEST, end_mark, sizeof(end_mark));
}

bool
mc_qf_trailer_decode(const unsigned char bytes[MC_QF_TRAILER], uint64_t size,
    unsigned char ret_digest[MC_QF_DIGEST])
{
	if (get_u64(bytes) != size || memcmp(bytes + 8 + MC_QF_DIGEST,
	    end_mark, sizeof(end_mark)) != 0)
		return false;
	memcpy(ret_digest, bytes + 8, MC_QF_DIGEST);
	return true;
}

bool
mc_qf_is_cell(char c)
{
	return c == MC_CELL_PENDING || c == MC_CELL_UNSURE ||
	    c == MC_CELL_DELIVERED || c == MC_CELL_FAILED ||
	    c == MC_CELL_REPORTED;
}

/* against torn and stale bytes, not against an enemy */
static uint32_t
fnv1a(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

size_t
mc_qf_note_encode(const struct mc_qf_note *note,
    unsigned char ret_bytes[MC_QF_NOTE])
{
	char text[MC_QF_NOTE_TEXT + 1];
	size_t len = mc_str_printable(note->text, text, sizeof(text));

	put_u32(ret_bytes, NOTE_MARK);
	put_u32(ret_bytes + 4, note->i < NO_RCPT ? (uint32_t)note->i : NO_RCPT);
	put_u64(ret_bytes + 8, (uint64_t)note->when);
	put_u32(ret_bytes + 16, note->attempt);
	put_u32(ret_bytes + 20, (uint32_t)len);
	memcpy(ret_bytes + NOTE_HEAD, text, len);
	put_u32(ret_bytes + NOTE_HEAD + len, fnv1a(ret_bytes, NOTE_HEAD + len));
	return NOTE_HEAD + len + 4;
}

int
mc_qf_note_decode(struct mc_str in, size_t n, struct mc_qf_note *ret_note,
    size_t *ret_used)
{
	const unsigned char *p = (const unsigned char *)in.ptr;
	char text[MC_QF_NOTE_TEXT + 1];

	if (in.len < NOTE_HEAD)
		return 0;

	uint32_t i = get_u32(p + 4);
	uint32_t len = get_u32(p + 20);

	if (get_u32(p) != NOTE_MARK || len > MC_QF_NOTE_TEXT ||
	    (i != NO_RCPT && i >= n))
		return -1;
	if (in.len < NOTE_HEAD + len + 4)
		return 0;
	if (get_u32(p + NOTE_HEAD + len) != fnv1a(p, NOTE_HEAD + len))
		return -1;

	struct mc_str said = mc_str_sub(in, NOTE_HEAD, len);

	/* whoever shows it relies on that */
	if (mc_str_printable(said, text, sizeof(text)) != len ||
	    memcmp(text, said.ptr, len) != 0)
		return -1;
	ret_note->i = i == NO_RCPT ? SIZE_MAX : i;
	ret_note->when = (int64_t)get_u64(p + 8);
	ret_note->attempt = get_u32(p + 16);
	ret_note->text = said;
	*ret_used = NOTE_HEAD + len + 4;
	return 1;
}
