/* SPDX-License-Identifier: MIT */
/*
 * roles.h - what each process of the service keeps when it gives up the rest
 *
 *	listener	(and its sessions) reads the system's files, aliases and
 *			tokens; writes the spool; temporary files without a name;
 *			accepts; of sockets UNIX; forks; runs nothing
 *	runner		the same without aliases and tokens; accepts nothing
 *	terminator	what is open; no file, no socket, no process
 *
 * Aliases and what they include have to be in the system's directories or in
 * those of the files that `aliases` names.  A log file is written if it is there
 * at the start.  None of them sees the home directory, nor most of /run, where systemd puts
 * credentials.
 */
#ifndef MC_ROLES_H
#define MC_ROLES_H

#include "base/log.h"
#include "config/config.h"

enum mc_role { MC_ROLE_LISTENER, MC_ROLE_RUNNER, MC_ROLE_TERMINATOR };

struct mc_role_settings {
	const struct mc_config *config;
	const struct mc_caller *caller;
	const char *spool;	/* absolute; it has to be there */
	const char *tokens;	/* file of local tokens, or NULL */
	const struct mc_log *log;
	bool told;		/* what this system lacks was said before */
	unsigned without;	/* MC_CONFINE_...: not to be tried (tests) */
};

/* confine = no of the default account (without one: of the first) is for all of
 * the service */
bool
mc_role_confinable(const struct mc_config *config);

/*
 * mc_role_confine - confine this process and those that it forks, for good
 *
 * Does nothing where mc_role_confinable() says no.  Call it while there is one
 * thread, after the spool, the log and the channels were opened, and what names
 * users or hosts was asked once.  Returns what holds (MC_CONFINE_...); what the
 * kernel cannot do is logged (info) unless told is set.
 */
unsigned
mc_role_confine(enum mc_role role, const struct mc_role_settings *set);

#endif
