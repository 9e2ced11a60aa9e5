/* SPDX-License-Identifier: MIT */
/*
 * journal.h - lines of the log for the journal of systemd, with fields
 */
#ifndef MC_CLI_JOURNAL_H
#define MC_CLI_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

/* the name has capital letters, digits and '_'; NULL for a value: left out */
struct cli_field {
	const char *name;
	const char *value;
};

/* where the journal takes lines; tests name another place */
extern const char *cli_journal_path;

/*
 * cli_journal - write one line there, by its own protocol
 *
 * `level` is one of syslog(3), `ident` the program's name in the log.  False:
 * there is no journal, and the line has to go somewhere else.  Never waits: a
 * line that the journal has no room for is dropped, as is one that is too long
 * (64 KiB).
 */
bool
cli_journal(int level, const char *ident, const char *message,
    const struct cli_field *fields, size_t n);

/*
 * cli_journal_refusal - the fields of a line of the service, "refused
 * source=unix uid=..."
 *
 * `text` is a copy that is cut up, and the fields point into it.  Returns how
 * many there are, 0 for another line.
 */
size_t
cli_journal_refusal(char *text, struct cli_field *ret_fields, size_t most);

#endif
