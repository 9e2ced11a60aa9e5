/* SPDX-License-Identifier: MIT */
/*
 * term.h - a person at a terminal: questions, answers, colour
 *
 * Questions go to the terminal that controls the process, not to standard
 * output, so that this can be piped; without such a terminal nothing is asked.
 */
#ifndef MC_CLI_TERM_H
#define MC_CLI_TERM_H

#include "cli.h"

enum cli_colour {
	CLI_PLAIN,
	CLI_GOOD,
	CLI_WARNING,
	CLI_BAD,
	CLI_STRONG
};

/*
 * The sequence that begins a colour on `out`, or the empty string: only on a
 * terminal that is not dumb, and never with NO_COLOR in the environment (not
 * empty, https://no-color.org).  CLI_PLAIN ends a colour.
 */
const char *
cli_colour(FILE *out, enum cli_colour colour);

/* somebody can be asked */
bool
cli_can_ask(void);

/*
 * Ask one line.  An empty answer is `usual`, if that is not NULL; it is shown
 * in brackets.  0 with the answer in `ret`; -1 where nobody can be asked, at the
 * end of the input, when the process was told to end (then cli_cancelled), or
 * if it is too long for `size`, which was said.
 */
int
cli_ask(const char *question, const char *usual, char *ret, size_t size);

/* the same, and what is typed is not shown; the caller wipes it */
int
cli_ask_secret(const char *question, char *ret, size_t size);

/* 1 yes, 0 no, -1 as above; asked until it is one of the two */
int
cli_ask_yes(const char *question, bool usual);

/* one of n texts, which are listed with numbers: its number from 0, or -1 */
int
cli_ask_which(const char *question, const char *const *texts, size_t n,
    size_t usual);

#endif
