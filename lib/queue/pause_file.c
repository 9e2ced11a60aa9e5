/* SPDX-License-Identifier: MIT */
/*
 * pause_file.c - the file of an account behind pause.h
 */
#include "base/base.h"

#include "queue/pause_file.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "queue/bytes.h"
#include "queue/sha256.h"
#include "queue/store_internal.h"

#define MAGIC "MCPAUSE\n"
#define RECORD_VERSION 1
#define AT_TEXT 56
#define AT_GROUPS (AT_TEXT + MC_ERR_TEXT)
#define GROUP 12
#define AT_SUM (MC_PAUSE_BYTES - 4)

_Static_assert(AT_GROUPS + GROUP * MC_PAUSE_GROUPS == AT_SUM,
    "the table in pause_file.h");

/* milliseconds for everything that others may keep us from */
#define PATIENCE 1000

/* ------------------------------------------------------------------- record */

void
mc_pause_encode(const struct mc_pause_record *record,
    unsigned char ret_bytes[MC_PAUSE_BYTES])
{
	const struct mc_pause *p = &record->pause;
	unsigned char *b = ret_bytes;

	memset(b, 0, MC_PAUSE_BYTES);
	memcpy(b, MAGIC, strlen(MAGIC));
	put_u32(b + 8, RECORD_VERSION);
	put_u32(b + 12, record->groups);
	put_u64(b + 16, (uint64_t)p->until);
	put_u64(b + 24, (uint64_t)p->since);
	put_u64(b + 32, (uint64_t)record->counted);
	put_u32(b + 40, p->failures);
	put_u32(b + 44, (uint32_t)p->fault);
	put_u32(b + 48, (uint32_t)p->code);
	memcpy(b + AT_TEXT, p->text, strnlen(p->text, MC_ERR_TEXT - 1));
	for (size_t i = 0; i < record->groups; i++) {
		unsigned char *g = b + AT_GROUPS + i * GROUP;

		put_u64(g, (uint64_t)record->group[i].last);
		put_u32(g + 8, record->group[i].n);
	}
	put_u32(b + AT_SUM, mc_side_sum(b, AT_SUM));
}

static bool
decode_groups(const unsigned char *b, struct mc_pause_record *r)
{
	if (r->groups > MC_PAUSE_GROUPS)
		return false;
	for (size_t i = 0; i < r->groups; i++) {
		const unsigned char *g = b + AT_GROUPS + i * GROUP;

		r->group[i].last = (int64_t)get_u64(g);
		r->group[i].n = get_u32(g + 8);
		if (i != 0 && r->group[i].last < r->group[i - 1].last)
			return false;
	}
	return true;
}

static bool
is_code(uint32_t n)
{
	return n == MC_OK || (n <= INT_MAX &&
	    strcmp(mc_code_name((enum mc_code)n), "MC_E_?") != 0);
}

bool
mc_pause_decode(const unsigned char bytes[MC_PAUSE_BYTES],
    struct mc_pause_record *ret_record)
{
	const unsigned char *b = bytes;
	const char *text = (const char *)b + AT_TEXT;
	uint32_t fault = get_u32(b + 44);
	uint32_t code = get_u32(b + 48);

	if (memcmp(b, MAGIC, strlen(MAGIC)) != 0 ||
	    get_u32(b + 8) != RECORD_VERSION ||
	    get_u32(b + AT_SUM) != mc_side_sum(b, AT_SUM) ||
	    fault > MC_FAULT_BUSY || !is_code(code))
		return false;

	struct mc_pause_record r = {
		.pause = {
			.until = (int64_t)get_u64(b + 16),
			.since = (int64_t)get_u64(b + 24),
			.failures = get_u32(b + 40),
			.fault = (enum mc_fault)fault,
			.code = (enum mc_code)code,
		},
		.counted = (int64_t)get_u64(b + 32),
		.groups = get_u32(b + 12),
	};

	if (!decode_groups(b, &r))
		return false;
	(void)mc_str_printable(mc_str_make(text, strnlen(text, MC_ERR_TEXT)),
	    r.pause.text, sizeof(r.pause.text));
	*ret_record = r;
	return true;
}

/* --------------------------------------------------------------------- file */

/* 26 digits of 5 bits each, as identifiers have them */
void
mc_pause_name(const char *account, char ret_name[MC_PAUSE_NAME])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char sum[MC_SHA256_LEN];
	struct mc_sha256 sha;

	mc_sha256_init(&sha);
	mc_sha256_add(&sha, account, strlen(account));
	mc_sha256_end(&sha, sum);
	memcpy(ret_name, "a-", 2);
	for (size_t i = 0; i < MC_ID_LEN; i++) {
		const unsigned char *p = sum + i * 5 / 8;
		unsigned two = (unsigned)p[0] << 8 | p[1];

		ret_name[2 + i] = digits[two >> (11 - i * 5 % 8) & 31];
	}
	ret_name[2 + MC_ID_LEN] = '\0';
}

/* whether there was a whole one */
static bool
read_record(int fd, int64_t size, struct mc_pause_record *ret_record)
{
	unsigned char bytes[MC_PAUSE_BYTES];

	return size == MC_PAUSE_BYTES &&
	    mc_file_pread(fd, bytes, sizeof(bytes), 0, NULL) == 0 &&
	    mc_pause_decode(bytes, ret_record);
}

int
mc_pause_open(const struct mc_store *store, const char *account, bool make,
    struct mc_pause_file *ret_file, struct mc_err *err)
{
	struct mc_pause_file file = { .side = { .store = store, .fd = -1 } };
	const struct mc_side_file *side = &file.side;

	mc_pause_name(account, file.side.name);

	int rc = mc_side_open(&file.side, make, PATIENCE, err);

	if (rc != 1)
		return rc;
	if (!read_record(side->fd, side->size, &file.record)) {
		file.record = (struct mc_pause_record){ .groups = 0 };
		if (side->size != 0)
			mc_log_line(store->set.log, MC_LOG_WARN,
			    MC_STAGE_LOCAL, "queue %s: %s is damaged and made"
			    " anew", store->dir, side->name);
	}
	*ret_file = file;
	return 1;
}

int
mc_pause_save(struct mc_pause_file *file, struct mc_err *err)
{
	unsigned char bytes[MC_PAUSE_BYTES];

	mc_pause_encode(&file->record, bytes);
	return mc_side_write(&file->side, bytes, sizeof(bytes), 0,
	    MC_PAUSE_BYTES, err);
}

void
mc_pause_close(struct mc_pause_file *file)
{
	mc_side_close(&file->side);
}

/*
 * No lock: whoever stops in the middle of something must not stop those who
 * only look.  A record that is half written has a wrong sum.
 */
void
mc_pause_peek(const struct mc_store *store, const char *account,
    struct mc_pause_record *ret_record)
{
	struct mc_side_file side = { .store = store, .fd = -1 };
	struct mc_pause_record record = { .groups = 0 };

	*ret_record = record;
	mc_pause_name(account, side.name);
	mc_side_peek(&side);

	int64_t deadline = mc_clock_after(MC_SIDE_LOOKING);
	long us = 0;

	while (side.fd >= 0 && side.size == MC_PAUSE_BYTES) {
		if (read_record(side.fd, side.size, &record)) {
			*ret_record = record;
			break;
		}
		if (!mc_side_nap(deadline, &us))
			break;
	}
	mc_side_close(&side);
}
