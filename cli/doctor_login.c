/* SPDX-License-Identifier: MIT */
/*
 * doctor_login.c - mechanisms, the log-in, and what the server will not take
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>

/* attachments are larger */
#define SMALL (1 << 20)

static const char login[] = "log-in";

static const char *
mechanisms(const struct doctor *d)
{
	const char *text = doctor_last(d, MC_STAGE_EHLO, "tls", "mechanisms",
	    0);

	return text == NULL ? "" : text;
}

/* nothing but SCRAM is offered */
static bool
is_scram_only(const char *list)
{
	size_t n = 0;

	while (*list != '\0') {
		size_t len = strcspn(list, " ");

		if (len < 5 || strncmp(list, "SCRAM", 5) != 0)
			return false;
		n++;
		list += len + strspn(list + len, " ");
	}
	return n != 0;
}

/* what providers mean by their refusal */
static const char *
remedy_for_refusal(const struct doctor *d, const char *text)
{
	if (doctor_has(text, "basic authentication is disabled") ||
	    strstr(text, "5.7.139") != NULL)
		return "the provider takes no passwords any more: OAuth 2.0 "
		    "is needed (mailchute login, token-command)";
	if (doctor_has(text, "application-specific") ||
	    doctor_has(text, "app password") || strstr(text, "5.7.9 ") != NULL)
		return "make an app password at the provider, and use that "
		    "instead of the usual one";
	if (doctor_has(doctor_key(d, "host"), "gmail.com") ||
	    doctor_has(doctor_key(d, "host"), "yahoo.") ||
	    doctor_has(doctor_key(d, "host"), "mail.me.com"))
		return "this provider wants an app password, not the one of "
		    "the web page";
	return "correct `user` (often the whole address) or the password; "
	    "some providers want an app password, or that SMTP is "
	    "switched on first";
}

static void
say_refused(struct doctor *d)
{
	const char *mech = doctor_fact(d, MC_STAGE_AUTH, "mechanism", 0);
	const char *reply = doctor_fact(d, MC_STAGE_AUTH, "reply", 0);
	bool scram = is_scram_only(mechanisms(d));

	if (reply == NULL)
		reply = d->err.text;
	doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), login, scram ?
	    "the password has to be the one that the server made its SCRAM "
	    "keys of; an old password, an app password of elsewhere or a "
	    "token will not do" : remedy_for_refusal(d, reply),
	    "wrong user or password: the server refused %s by %s%s: %s",
	    doctor_key(d, "user"), mech != NULL ? mech : "?", scram ?
	    ", and it offers SCRAM only" : "", reply);
}

static void
say_not_offered(struct doctor *d)
{
	const char *list = mechanisms(d);
	char ports[512] = "", remedy[DOCTOR_TEXT];

	if (list[0] == '\0') {
		(void)doctor_ports(d, ports, sizeof(ports));
		snprintf(remedy, sizeof(remedy), "use the provider's port for "
		    "submission (465 or 587)%s%s; if the server needs no "
		    "log-in, remove `user` or set auth = off",
		    ports[0] != '\0' ? ": " : "", ports);
		doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), login,
		    remedy, "the server offers no log-in at port %s (no AUTH "
		    "in its answer to EHLO)", d->port);
		return;
	}
	doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), login,
	    doctor_has(list, "OAUTH") ? "the provider wants OAuth 2.0: "
	    "mailchute login, or token-command" : "see the keys auth, "
	    "password... and token... of the account",
	    "the server offers %s, and nothing of that fits what this account "
	    "has and allows (auth = %s): %s", list, doctor_key(d, "auth"),
	    d->err.text);
}

/* a SCRAM server says so within the dialogue */
static bool
is_wrong_password(const struct doctor *d)
{
	return d->err.code == MC_E_AUTH_REFUSED ||
	    strstr(d->err.text, "invalid-proof") != NULL ||
	    strstr(d->err.text, "unknown-user") != NULL;
}

static void
say_failed(struct doctor *d)
{
	if (d->err.code == MC_E_AUTH_NOT_OFFERED)
		say_not_offered(d);
	else if (is_wrong_password(d))
		say_refused(d);
	else if (d->err.code == MC_E_AUTH_SERVER)
		doctor_fail(d, &d->err, login, "wrong password, or not the "
		    "server: it does not know the password that it should");
	else
		doctor_fail(d, &d->err, login, "try again later; if that "
		    "lasts, name another mechanism with auth");
}

static void
say_login(struct doctor *d)
{
	const char *mech = doctor_fact(d, MC_STAGE_AUTH, "mechanism", 0);
	const char *list = mechanisms(d);

	if (d->err.code != MC_OK && d->err.stage == MC_STAGE_AUTH)
		say_failed(d);
	else if (mech != NULL)
		doctor_ok(d, login, "as %s by %s (offered: %s)",
		    doctor_key(d, "user"), mech, list);
	else if (d->no_auth || d->no_secret)
		doctor_ok(d, login, "not tried; the server offers %s",
		    list[0] != '\0' ? list : "none");
	else
		doctor_ok(d, login, "none: the account has no user");
}

static void
say_limits(struct doctor *d)
{
	const char *size = doctor_last(d, MC_STAGE_EHLO, "tls", "size", 0);
	long long bytes = size == NULL ? 0 : strtoll(size, NULL, 10);
	const char *line = NULL;

	for (size_t i = 0; (line = doctor_last(d, MC_STAGE_EHLO, "tls", "line",
	    i)) != NULL && strncmp(line, "LIMITS ", 7) != 0; i++)
		;
	if (bytes != 0 && bytes < SMALL)
		doctor_say(d, DOCTOR_WARNING, 0, "size", "ask whoever runs the "
		    "server for more, or send links instead of files",
		    "the server takes no message larger than %lld bytes",
		    bytes);
	else if (bytes != 0)
		doctor_ok(d, "size", "messages up to %lld MB%s%s",
		    bytes / 1000000, line != NULL ? "; " : "",
		    line != NULL ? line : "");
	else
		doctor_ok(d, "size", "the server names no limit");
}

/* --------------------------------------------------- what servers refuse for */

static const struct {
	const char *words[6];	/* one of them */
	const char *cause;
	const char *remedy;
} refusals[] = {
	{ { "greylist", "graylist", "grey list", "greylisting", NULL },
	    "greylisting: the server wants a sender whom it does not know to "
	    "come again in a few minutes",
	    "nothing to mend: the queue does that; see that something runs "
	    "it (the line about timers)" },
	{ { "5.3.4", "too large", "too big", "size limit", "exceeds", NULL },
	    "size: the message is larger than the server takes",
	    "make it smaller, or send links instead of files" },
	{ { "5.4.5", "4.7.28", "quota", "rate limit", "too many", NULL },
	    "a limit of the provider is used up",
	    "set `rate` below it; what waits goes later" },
	{ { "sender", "not owned", "SendAs", "send as", "from address",
	    NULL },
	    "the sender (From) is refused: the account may not send as that "
	    "address",
	    "set `from` to an address of the account, and from-policy = "
	    "address to have it in every message, or have the provider allow "
	    "the other one" },
	{ { "relay", NULL },
	    "the server does not relay for this account",
	    "set user and password, and use the provider's port for "
	    "submission" },
	{ { "5.7.26", "5.7.25", "SPF", "DKIM", "DMARC", NULL },
	    "the message failed the checks of who may send for the domain",
	    "see the lines about SPF, DKIM and DMARC" },
	{ { "5.1.1", "unknown user", "no such user", NULL },
	    "the recipient does not exist", "correct the address" },
};

const char *
doctor_refusal(const char *text, const char **ret_remedy)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		for (size_t k = 0; refusals[i].words[k] != NULL; k++)
			if (doctor_has(text, refusals[i].words[k])) {
				*ret_remedy = refusals[i].remedy;
				return refusals[i].cause;
			}
	*ret_remedy = "the server's words say more";
	return "refused by the server";
}

static void
say_sender(struct doctor *d)
{
	const char *remedy, *cause;

	if (d->err.code == MC_OK) {
		doctor_ok(d, "sender", "the server takes mail from this "
		    "account to %s", d->rcpt);
		return;
	}
	cause = doctor_refusal(d->err.text, &remedy);
	doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), "sender", remedy,
	    "%s: %s", cause, d->err.text);
}

void
doctor_login(struct doctor *d)
{
	bool in = d->err.code == MC_OK || d->err.stage > MC_STAGE_AUTH;

	if (!in && d->err.stage != MC_STAGE_AUTH)
		return;
	say_login(d);
	if (!in)
		return;
	say_limits(d);
	if (d->rcpt != NULL && !d->no_secret)
		say_sender(d);
}
