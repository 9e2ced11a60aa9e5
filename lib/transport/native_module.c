/* SPDX-License-Identifier: MIT */
/*
 * native_module.c - what the module of the native transport shows
 */
#include "base/base.h"
#include "transport/module.h"

extern MC_API const struct mc_transport_module MC_MODULE_SYMBOL;

const struct mc_transport_module MC_MODULE_SYMBOL = {
	.version = PACKAGE_VERSION,
	.layout = MC_MODULE_LAYOUT,
	.ops = &mc_transport_native,
	.tls_serve = &mc_tls_serve,
	.dkim = &mc_dkim_openssl,
};
