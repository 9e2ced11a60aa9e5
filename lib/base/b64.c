/* SPDX-License-Identifier: MIT */
/*
 * b64.c - base64 (RFC 4648 section 4), strict
 */
#include "base/base.h"
#include "base/b64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
mc_b64_encode(struct mc_str in, struct mc_buf *out)
{
	/* where the sum would overflow, so does every buffer's maximum */
	size_t len = in.len > SIZE_MAX / 2 ? SIZE_MAX : (in.len + 2) / 3 * 4;
	char *to = mc_buf_reserve(out, len);

	if (to == NULL)
		return;
	for (size_t i = 0; i < in.len; i += 3, to += 4) {
		size_t n = in.len - i < 3 ? in.len - i : 3;
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 |
			    (k < n ? (unsigned char)in.ptr[i + k] : 0);
		to[0] = alphabet[bits >> 18 & 63];
		to[1] = alphabet[bits >> 12 & 63];
		to[2] = n > 1 ? alphabet[bits >> 6 & 63] : '=';
		to[3] = n > 2 ? alphabet[bits & 63] : '=';
	}
	mc_buf_commit(out, len);
}

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* how many bytes come out; -1 if it is no base64 */
static int
check(struct mc_str in, size_t *ret_len)
{
	size_t n = in.len;

	if (n % 4 != 0)
		return -1;
	for (int pad = 0; pad < 2 && n != 0 && in.ptr[n - 1] == '='; pad++)
		n--;
	for (size_t i = 0; i < n; i++)
		if (value_of(in.ptr[i]) < 0)
			return -1;

	/* bits that carry nothing must be zero: one text for each value */
	if (in.len - n == 1 && (value_of(in.ptr[n - 1]) & 3) != 0)
		return -1;
	if (in.len - n == 2 && (value_of(in.ptr[n - 1]) & 15) != 0)
		return -1;
	*ret_len = in.len / 4 * 3 - (in.len - n);
	return 0;
}

int
mc_b64_decode(struct mc_str in, struct mc_buf *out)
{
	size_t len;

	if (check(in, &len) != 0)
		return -1;

	char *to = mc_buf_reserve(out, len);

	if (to == NULL)
		return 0;
	for (size_t i = 0, o = 0; i < in.len; i += 4) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++) {
			int v = value_of(in.ptr[i + k]);

			bits = bits << 6 | (uint32_t)(v < 0 ? 0 : v);
		}
		for (int shift = 16; shift >= 0 && o < len; shift -= 8)
			to[o++] = (char)(unsigned char)(bits >> shift & 255);
	}
	mc_buf_commit(out, len);
	return 0;
}
