/* SPDX-License-Identifier: MIT */
/*
 * setup_ask.h - the answers of mailchute setup, from options or a person
 *
 * Each function is a step: 0, or an exit status that was explained.
 */
#ifndef MC_CLI_SETUP_ASK_H
#define MC_CLI_SETUP_ASK_H

#include "setup.h"

/* says that nothing was changed; an exit status */
int
setup_stopped(void);

/* a value of a key: no line end, nothing that a terminal would obey, no blank
 * at either end, and not empty */
bool
setup_is_value(const char *text);

int
setup_ask_address(struct setup *s);

int
setup_ask_account(struct setup *s);

int
setup_ask_server(struct setup *s);

int
setup_ask_user(struct setup *s);

int
setup_ask_secret(struct setup *s);

#endif
