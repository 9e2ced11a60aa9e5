/* SPDX-License-Identifier: MIT */
/*
 * find_linked.c - mc_transport_find() where the transport is linked in
 */
#include "base/base.h"
#include "transport/transport.h"

int
mc_transport_find(const struct mc_transport_ops **ret_ops, struct mc_err *err)
{
	(void)err;
	*ret_ops = &mc_transport_native;
	return 0;
}
