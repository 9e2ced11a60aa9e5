/* SPDX-License-Identifier: MIT */
/*
 * bad.c - damaged messages leave when a person says so, and never before
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/err.h"
#include "queue/store_internal.h"

#include <errno.h>

struct dropping {
	struct mc_store *store;
	const char *id;
	size_t n;
	struct mc_err *err;
};

/* m-ID and l-ID, and m-ID.2 and so on where there were several of one name */
static bool
is_of(const char *name, const char *id)
{
	size_t n = strlen(id);

	if ((name[0] != 'm' && name[0] != 'l') || name[1] != '-' ||
	    strncmp(name + 2, id, n) != 0)
		return false;
	return name[2 + n] == '\0' || name[2 + n] == '.';
}

static int
drop_name(void *ctx, const char *name)
{
	struct dropping *d = ctx;

	if (!is_of(name, d->id))
		return 0;
	if (unlinkat(d->store->bad, name, 0) == 0) {
		d->n++;
		return 0;
	}
	if (errno == ENOENT)
		return 0;
	return mc_store_fail(d->store, errno, d->err,
	    "cannot remove bad/%s", name);
}

int
mc_store_drop_bad(struct mc_store *store, const char *id, struct mc_err *err)
{
	struct dropping d = { .store = store, .id = id, .err = err };

	if (!mc_store_is_id(id))
		return 0;
	/* no fsync: one that comes back after a crash is still not sent */
	if (mc_store_each(store, store->bad, drop_name, &d, err) != 0)
		return -1;
	return d.n != 0;
}
