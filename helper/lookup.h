/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - what the parts of mailchute-lookup share
 */
#ifndef MC_HELPER_LOOKUP_H
#define MC_HELPER_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOKUP_NAME_MAX 253
#define LOOKUP_RECORDS_MAX 100
#define LOOKUP_DOCUMENT_MAX 65536	/* decoded */

struct lookup {
	const char *server;	/* DNS server, ADDR:PORT; NULL: the system's */
	const char *ca_file;	/* NULL: the system's authorities */
	const char *connect;	/* HOST:PORT to connect to in place of others */
	int64_t deadline;	/* in ms of lookup_now */
};

/* what an address stands for, in the words of autoconfiguration */
struct lookup_address {
	const char *whole;
	char domain[LOOKUP_NAME_MAX + 1];	/* in A-labels */
	size_t local_len;
};

/* a document: bytes, and where they came from in the end */
struct lookup_page {
	char *data;
	size_t len;
	char url[2048];
};

/* ---------------------------------------------------------------- lookup.c */

/* a clock that nobody sets, in ms */
int64_t
lookup_now(void);

/* ms until the deadline, not below 0 */
int
lookup_left(const struct lookup *l);

/*
 * One record: words, the last one NULL.  What cannot be shown is replaced, so
 * that a field holds neither TAB nor line end.
 */
void
lookup_say(const char *first, ...) __attribute__((sentinel));

/* a reason, cut if it is too long */
void
lookup_why(char *ret, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* a record "error" */
void
lookup_error(const char *word, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* is it a name of DNS?  `service`: labels may hold "_" */
bool
lookup_is_name(const char *name, bool service);

/* valid UTF-8 without control characters or marks of direction, not empty */
bool
lookup_is_text(const char *text);

/* ------------------------------------------------------------ lookup_dns.c */

enum lookup_type {
	LOOKUP_SRV,
	LOOKUP_TXT,
	LOOKUP_MX,
	LOOKUP_ADDR
};

/* ask, and say what came; an exit status */
int
lookup_dns(const struct lookup *l, enum lookup_type type, const char *name);

/*
 * The addresses of a host, as words with commas between them.  1: there are
 * some; 0: there are none, or no server answered.
 */
int
lookup_host(const struct lookup *l, const char *host, char *ret, size_t size);

/* ----------------------------------------------------------- lookup_http.c */

enum lookup_got {
	LOOKUP_FOUND,
	LOOKUP_NONE,		/* no such page, or no such host */
	LOOKUP_TEMPORARY,
	LOOKUP_REFUSED,		/* it is not safe to read on */
	LOOKUP_BROKEN		/* no memory, or no libcurl */
};

/*
 * Fetch a document over HTTPS, in at most `ms`.  LOOKUP_FOUND: ret is filled, and
 * its data has to be freed; else `why` says what it was.
 */
enum lookup_got
lookup_fetch(const struct lookup *l, const char *url, int ms,
    struct lookup_page *ret, char *why, size_t size);

/* text as a word of a URL, to be freed by lookup_free; NULL: no memory */
char *
lookup_escape(const char *text);

void
lookup_free(char *text);

/* ------------------------------------------------------------ lookup_xml.c */

/*
 * Say each submission server that the document names, up to 16; their number,
 * or -1 with `why` if nothing may be taken from it.
 */
int
lookup_read(const struct lookup_page *page, const struct lookup_address *address,
    char *why, size_t size);

#endif
