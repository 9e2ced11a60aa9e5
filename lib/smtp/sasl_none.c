/* SPDX-License-Identifier: MIT */
/*
 * sasl_none.c - sasl.h in a build without OpenSSL or libgsasl
 *
 * There the transport logs in by itself, and nobody gives the client engine a
 * log-in to carry out.
 */
#include "base/base.h"
#include "smtp/sasl.h"

#include "base/err.h"

static int
none(struct mc_err *err)
{
	return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_AUTH,
	    "this mailchute was built without log-in mechanisms of its own");
}

int
mc_sasl_new(const struct mc_sasl_settings *settings, struct mc_sasl **ret_sasl,
    struct mc_err *err)
{
	(void)settings;
	(void)ret_sasl;
	return none(err);
}

void
mc_sasl_free(struct mc_sasl *sasl)
{
	(void)sasl;
}

int
mc_sasl_start(struct mc_sasl *sasl, struct mc_str offered,
    const struct mc_sasl_channel *channel, struct mc_str *ret_mech,
    bool *ret_has_ir, struct mc_buf *ir, struct mc_err *err)
{
	(void)sasl;
	(void)offered;
	(void)channel;
	(void)ret_mech;
	(void)ret_has_ir;
	(void)ir;
	return none(err);
}

int
mc_sasl_step(struct mc_sasl *sasl, struct mc_str challenge,
    struct mc_buf *response, struct mc_err *err)
{
	(void)sasl;
	(void)challenge;
	(void)response;
	return none(err);
}

int
mc_sasl_accept(struct mc_sasl *sasl, struct mc_err *err)
{
	(void)sasl;
	return none(err);
}

struct mc_str
mc_sasl_detail(const struct mc_sasl *sasl)
{
	(void)sasl;
	return MC_STR_NONE;
}

bool
mc_sasl_one_step(const struct mc_sasl *sasl)
{
	(void)sasl;
	return false;
}
