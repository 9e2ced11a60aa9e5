/* SPDX-License-Identifier: MIT */
/*
 * proxy.h - the parts of the value of `proxy`
 */
#ifndef MC_PROXY_H
#define MC_PROXY_H

#include "base/buf.h"
#include "config/config.h"

struct mc_proxy {
	struct mc_str scheme;	/* socks5h, socks5, http or https */
	struct mc_str user;	/* percent-encoded, as is password */
	struct mc_str password;
	bool has_user;
	struct mc_str host;	/* an IPv6 address in brackets */
	struct mc_str port;	/* 1 to 65535 */
};

/*
 * mc_proxy_split - cut scheme://[user[:password]@]host:port
 *
 * 0 with slices of `in`; -1 if it is not of this form, holds blanks or control
 * bytes, or a % without two hex digits (%00 neither).
 */
MC_NODISCARD int
mc_proxy_split(struct mc_str in, struct mc_proxy *ret_proxy);

/*
 * mc_proxy_check - does proxy-password-command fit the account's proxy?
 *
 * That has to name a user, and no password; without a proxy the command is
 * never run.  MC_E_CONF_VALUE.
 */
MC_NODISCARD int
mc_proxy_check(const struct mc_account *account, struct mc_err *err);

/* append what the percent-encoding stands for; `in` as mc_proxy_split gave it */
void
mc_proxy_decode(struct mc_str in, struct mc_buf *out);

#endif
