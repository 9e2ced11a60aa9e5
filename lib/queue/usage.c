/* SPDX-License-Identifier: MIT */
/*
 * usage.c - how much of a spool is whose, and how much it can hold
 */
#include "base/base.h"

#include "queue/usage.h"

#include "base/err.h"
#include "base/file.h"
#include "queue/bytes.h"
#include "queue/store_internal.h"

#include <fcntl.h>
#include <poll.h>

/* uids: as many as there are messages, at worst */
#define MOST_USERS (16 * 1024 * 1024)
/* messages between two looks at cancel_fd */
#define LOOK 64
/* type, length and the uid in the first record of an envelope */
#define OWNER (5 + 8)

struct counting {
	struct mc_store *store;
	struct mc_usage usage;
	int cancel_fd;
	uint64_t seen;
	struct mc_err *err;
};

/* -------------------------------------------------------------------- users */

/* the first one that is not before uid */
static size_t
place_of(const struct mc_usage *usage, uint64_t uid)
{
	size_t low = 0, high = usage->users.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mc_usage_user *u = mc_vec_at(&usage->users,
		    middle);

		if (u->uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct mc_usage_user *
mc_usage_find(const struct mc_usage *usage, uint64_t uid)
{
	const struct mc_usage_user *u = mc_vec_at(&usage->users,
	    place_of(usage, uid));

	return u != NULL && u->uid == uid ? u : NULL;
}

/* NULL: out of memory */
static struct mc_usage_user *
get_user(struct mc_usage *usage, uint64_t uid)
{
	size_t place = place_of(usage, uid);
	struct mc_usage_user *u = mc_vec_at(&usage->users, place);

	if (u != NULL && u->uid == uid)
		return u;
	if (mc_vec_add(&usage->users) == NULL)
		return NULL;
	u = mc_vec_at(&usage->users, place);
	memmove(u + 1, u, (usage->users.n - 1 - place) * sizeof(*u));
	*u = (struct mc_usage_user){ .uid = uid };
	return u;
}

/* ----------------------------------------------------------------- messages */

static bool
is_cancelled(struct counting *c)
{
	struct pollfd p = { .fd = c->cancel_fd, .events = POLLIN };

	return c->seen++ % LOOK == 0 && p.fd >= 0 && poll(&p, 1, 0) > 0;
}

/* the head and the first record; false: damaged, or of a later release */
static bool
read_owner(int fd, uint64_t size, uint64_t *ret_uid)
{
	unsigned char bytes[MC_QF_HEAD];
	struct mc_qf_head head;

	if (mc_file_pread(fd, bytes, MC_QF_HEAD, 0, NULL) != 0 ||
	    mc_qf_head_decode(bytes, size, &head) != MC_QF_OK ||
	    head.envelope < OWNER ||
	    mc_file_pread(fd, bytes, OWNER, head.block, NULL) != 0 ||
	    bytes[0] != 'M')
		return false;
	*ret_uid = get_u64(bytes + 5);
	return true;
}

static int
count_file(struct counting *c, int fd, const struct stat *st)
{
	struct mc_usage_user *u;
	uint64_t uid;

	c->usage.messages++;
	c->usage.bytes += (uint64_t)st->st_size;
	if (!read_owner(fd, (uint64_t)st->st_size, &uid))
		return 0;
	u = get_user(&c->usage, uid);
	if (u == NULL)
		return mc_err_set(c->err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	u->messages++;
	u->bytes += (uint64_t)st->st_size;
	return 0;
}

static int
count_name(void *ctx, const char *name)
{
	struct counting *c = ctx;
	struct stat st;
	int fd, rc;

	if (is_cancelled(c))
		return mc_err_set(c->err, MC_E_CANCELLED, MC_STAGE_LOCAL,
		    "interrupted");
	if (mc_store_kind(name) != 'm')
		return 0;
	/* it may be gone by now */
	fd = mc_store_open_file(c->store, name, O_RDONLY, &st);
	if (fd < 0)
		return 0;
	rc = count_file(c, fd, &st);
	mc_file_close(&fd);
	return rc;
}

/* -------------------------------------------------------------------- whole */

static int
set_whole(struct counting *c)
{
	const struct mc_store_settings *set = &c->store->set;
	struct mc_usage *u = &c->usage;
	struct mc_store_space space;

	u->whole_messages = set->max_messages;
	u->whole_bytes = set->max_bytes;
	if (u->whole_messages != 0 && u->whole_bytes != 0)
		return 0;
	if (mc_store_space(c->store, &space, c->err) != 0)
		return -1;
	if (u->whole_bytes == 0)
		u->whole_bytes = u->bytes + (space.bytes > space.keep_bytes ?
		    space.bytes - space.keep_bytes : 0);
	/* nothing at all is less than one byte, and 0 stands for no limit */
	if (u->whole_bytes == 0)
		u->whole_bytes = 1;
	if (u->whole_messages == 0 && space.counts_files) {
		u->whole_messages = u->messages + (space.files >
		    space.keep_files ? space.files - space.keep_files : 0);
		if (u->whole_messages == 0)
			u->whole_messages = 1;
	}
	return 0;
}

int
mc_usage_count(struct mc_store *store, int cancel_fd,
    struct mc_usage *ret_usage, struct mc_err *err)
{
	struct counting c = { .store = store, .cancel_fd = cancel_fd,
	    .err = err };

	mc_vec_init(&c.usage.users, sizeof(struct mc_usage_user), MOST_USERS);
	if (mc_store_each(store, store->q, count_name, &c, err) != 0 ||
	    set_whole(&c) != 0) {
		mc_usage_clear(&c.usage);
		return -1;
	}
	*ret_usage = c.usage;
	return 0;
}

void
mc_usage_clear(struct mc_usage *usage)
{
	mc_vec_clear(&usage->users);
	usage->messages = usage->bytes = 0;
	usage->whole_messages = usage->whole_bytes = 0;
}
