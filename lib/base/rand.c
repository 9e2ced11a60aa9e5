/* SPDX-License-Identifier: MIT */
/*
 * rand.c - random bytes and identifiers from the kernel
 */
#include "base/base.h"
#include "base/err.h"
#include "base/file.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#if defined(HAVE_GETRANDOM) || defined(HAVE_SYS_RANDOM_H)
#include <sys/random.h>
#endif

#define MOST 256

/* all n bytes, or -1 with errno */
static int
from_kernel(void *p, size_t n)
{
#if defined(HAVE_GETRANDOM)
	/* up to 256 bytes come whole, but a signal may come before them */
	ssize_t got;

	do
		got = getrandom(p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got >= 0 && (size_t)got != n)
		errno = EIO;
	return got >= 0 && (size_t)got == n ? 0 : -1;
#elif defined(HAVE_GETENTROPY)
	return getentropy(p, n);
#else
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;

	size_t have = 0;
	ssize_t got = 1;

	while (have < n && got > 0) {
		got = mc_file_read(fd, (char *)p + have, n - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (got == 0)
		errno = EIO;
	mc_file_close(&fd);
	return have == n ? 0 : -1;
#endif
}

int
mc_rand_bytes(void *p, size_t n, struct mc_err *err)
{
	if (n > MOST)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "more than %d random bytes wanted at once", MOST);
	if (n != 0 && from_kernel(p, n) != 0)
		return mc_err_sys(err, MC_E_INTERNAL, MC_STAGE_LOCAL, errno,
		    "no random bytes from the system");
	return 0;
}

void
mc_rand_id_of(const unsigned char bytes[MC_ID_BYTES],
    char ret_id[MC_ID_LEN + 1])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned bits = 0, have = 0;
	size_t used = 0;

	/* 128 bits are 25 digits and 3 bits; zeros fill up the last digit */
	for (size_t i = 0; i < MC_ID_LEN; i++) {
		if (have < 5) {
			bits = bits << 8;
			if (used < MC_ID_BYTES)
				bits |= bytes[used++];
			have += 8;
		}
		have -= 5;
		ret_id[i] = digits[bits >> have & 31];
		bits &= (1u << have) - 1;
	}
	ret_id[MC_ID_LEN] = '\0';
}

int
mc_rand_id(char ret_id[MC_ID_LEN + 1], struct mc_err *err)
{
	unsigned char bytes[MC_ID_BYTES];

	if (mc_rand_bytes(bytes, sizeof(bytes), err) != 0)
		return -1;
	mc_rand_id_of(bytes, ret_id);
	return 0;
}
