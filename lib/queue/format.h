/* SPDX-License-Identifier: MIT */
/*
 * format.h - the bytes of a queued message and of its notes, as pure code
 *
 * An m-file, all integers little-endian:
 *
 *	0	"MCQUEUE\n"
 *	8	u32 version, then its complement: what is newer is known to be so
 *	16	u32 recipients, u32 length of block 0
 *	24	u32 length of the envelope, u32 length of the header
 *	32	u64 length of the body
 *	40	u64 length of the file, 16 zero bytes
 *	64	cells, one byte a recipient; zeros up to the end of block 0
 *		envelope, header, body
 *		trailer: u64 length of the file, SHA-256 over bytes 0 to 63 and
 *		everything between block 0 and trailer, "MCQEND\r\n"
 *
 * Version 2 is written only where there is something that version 1 has not.
 * The first 16 bytes are the same in every version.  The envelope is a row of
 * records, each a type byte, a u32 length and that many bytes, in this order:
 *
 *	M	u64 uid, i64 arrival, u32 flags, u32 RET
 *	A	account
 *	S	sender, may be empty
 *	V	ENVID, at most once
 *	X	what else was asked of the server, NAME or NAME=VALUE, each name
 *		at most once; only from version 2 on
 *	and for each recipient in the order of the cells
 *	R	u32 NOTIFY, u32 flags, address
 *	O	ORCPT, at most once
 *	W	why it is here: the first note, at most once
 *
 * Notes (an l-file) are a row of
 *
 *	u32 mark, u32 recipient or 2^32-1, i64 time, u32 attempt, u32 length,
 *	text, u32 FNV-1a of all that
 */
#ifndef MC_QUEUE_FORMAT_H
#define MC_QUEUE_FORMAT_H

#include "queue/store.h"

#define MC_QF_VERSION 2
#define MC_QF_HEAD 64
#define MC_QF_BLOCK 4096
#define MC_QF_TRAILER 48
#define MC_QF_DIGEST 32

/* largest: text in one record, header, what a record and a note may need */
#define MC_QF_TEXT 4096
#define MC_QF_HEADER (16 * 1024 * 1024)
#define MC_QF_RECORD (5 + 8 + MC_QF_TEXT)
#define MC_QF_NOTE_TEXT 512
#define MC_QF_NOTE (24 + MC_QF_NOTE_TEXT + 4)

/* lengths of the parts; where they begin follows from them */
struct mc_qf_head {
	uint32_t version;	/* 0 is 1 */
	uint32_t n;
	uint32_t block;
	uint32_t envelope;
	uint32_t header;
	uint64_t body;
};

enum mc_qf_result {
	MC_QF_OK,
	MC_QF_NEWER,		/* made by a later release: leave it alone */
	MC_QF_DAMAGED
};

/* fill in `block` for n recipients */
uint32_t
mc_qf_block(uint32_t n);

/* offsets; mc_qf_trailer + MC_QF_TRAILER is the length of the file */
uint64_t
mc_qf_header_at(const struct mc_qf_head *head);
uint64_t
mc_qf_body_at(const struct mc_qf_head *head);
uint64_t
mc_qf_trailer_at(const struct mc_qf_head *head);

void
mc_qf_head_encode(const struct mc_qf_head *head,
    unsigned char ret_bytes[MC_QF_HEAD]);

/* `size`: of the whole file, which all lengths have to fit exactly */
enum mc_qf_result
mc_qf_head_decode(const unsigned char bytes[MC_QF_HEAD], uint64_t size,
    struct mc_qf_head *ret_head);

void
mc_qf_trailer_encode(uint64_t size, const unsigned char digest[MC_QF_DIGEST],
    unsigned char ret_bytes[MC_QF_TRAILER]);

/* false: not the trailer of a file of this size */
bool
mc_qf_trailer_decode(const unsigned char bytes[MC_QF_TRAILER], uint64_t size,
    unsigned char ret_digest[MC_QF_DIGEST]);

/* one of enum mc_cell */
bool
mc_qf_is_cell(char c);

/* ---------------------------------------------------------------- envelope */

/* the oldest version that has what is in env */
uint32_t
mc_qf_version_for(const struct mc_envelope *env);

/* MC_E_USAGE, MC_E_TOO_LONG, MC_E_NOMEM, MC_E_NO_RCPT; cells: n of them */
MC_NODISCARD int
mc_qf_envelope_encode(const struct mc_store_item *item, struct mc_buf *out,
    char *ret_cells, struct mc_err *err);

/* X records: all that env has, each told to `add`; and one taken, false: unknown,
 * not well formed, or there already */
void
mc_qf_params_encode(const struct mc_envelope *env,
    void (*add)(struct mc_buf *out, struct mc_str text), struct mc_buf *out);
bool
mc_qf_params_take(struct mc_envelope *env, struct mc_str text);

/* what is not in struct mc_envelope */
struct mc_qf_info {
	char *account;		/* owned */
	unsigned long uid;
	int64_t arrival;
	bool needs_8bit;
	bool is_report;
	bool no_attempt;	/* first notes are of no attempt */
	bool has_first;		/* some recipient came with a note */
};

/*
 * struct mc_qf_reader - takes an envelope in pieces of any size
 *
 * Recipients are added to env; a first note becomes rcpt->text, and is told to
 * `first` if that is set.
 */
typedef int (*mc_qf_first_fn)(void *ctx, size_t i, struct mc_str text);

struct mc_qf_reader {
	struct mc_envelope *env;
	struct mc_qf_info *info;
	mc_qf_first_fn first;
	void *ctx;
	uint32_t n;		/* recipients there must be */
	char last;		/* type of the last record */
	struct mc_buf part;	/* of a record */
};

void
mc_qf_reader_init(struct mc_qf_reader *r, uint32_t n, struct mc_envelope *env,
    struct mc_qf_info *info);

void
mc_qf_reader_clear(struct mc_qf_reader *r);

/* 0; what `first` returned, if that was not 0; -1 with err:
 * MC_E_QUEUE_DAMAGED, MC_E_NOMEM, MC_E_INTERNAL */
MC_NODISCARD int
mc_qf_reader_feed(struct mc_qf_reader *r, const void *p, size_t n,
    struct mc_err *err);

/* the envelope ends here: is it whole?  MC_E_QUEUE_DAMAGED */
MC_NODISCARD int
mc_qf_reader_end(const struct mc_qf_reader *r, struct mc_err *err);

/* ------------------------------------------------------------------- notes */

struct mc_qf_note {
	size_t i;		/* recipient, SIZE_MAX: the message */
	int64_t when;
	uint32_t attempt;
	struct mc_str text;	/* slice of the input */
};

/* text is made printable and cut to MC_QF_NOTE_TEXT */
size_t
mc_qf_note_encode(const struct mc_qf_note *note,
    unsigned char ret_bytes[MC_QF_NOTE]);

/* 1 with *ret_note and *ret_used; 0 if there is not enough; -1 if it is none;
 * n: recipients there are */
MC_NODISCARD int
mc_qf_note_decode(struct mc_str in, size_t n, struct mc_qf_note *ret_note,
    size_t *ret_used);

#endif
