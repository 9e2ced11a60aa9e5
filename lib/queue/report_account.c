/* SPDX-License-Identifier: MIT */
/*
 * report_account.c - what an account says about its delivery reports
 */
#include "base/base.h"

#include "queue/report.h"

static struct mc_str
domain_of(struct mc_str addr)
{
	for (size_t i = addr.len; i > 0; i--)
		if (addr.ptr[i - 1] == '@')
			return mc_str_sub(addr, i, addr.len);
	return MC_STR_NONE;
}

void
mc_report_of_account(const struct mc_account *a,
    struct mc_report_settings *settings)
{
	if (a != NULL)
		settings->from = mc_account_from(a);
	settings->reporter = domain_of(settings->from.len != 0 ?
	    settings->from : mc_str_from(settings->env->sender));
	if (a != NULL && a->domain != NULL)
		settings->reporter = mc_str_from(a->domain);
	if (settings->reporter.len == 0)
		settings->reporter = MC_STR("localhost");
	if (a != NULL && a->host != NULL && !a->is_socket)
		settings->host = mc_str_from(a->host);
}
