/* SPDX-License-Identifier: MIT */
/*
 * limits.h - every upper bound of the library, in one place
 *
 * Bytes unless the name says otherwise.
 */
#ifndef MC_LIMITS_H
#define MC_LIMITS_H

/* server to us */
#define MC_MAX_REPLY_LINE 2048		/* RFC 5321 4.5.3.1.5 asks for 512 */
#define MC_MAX_REPLY_LINE_AUTH 12288	/* RFC 4954 4: a 334 challenge */
#define MC_MAX_REPLY_LINES 128
#define MC_MAX_REPLY 65536
#define MC_MAX_REPLY_TEXT 512		/* kept of a reply, printable */
#define MC_MAX_AUTH_ROUNDS 8

/* us to server */
#define MC_MAX_COMMAND 16384
#define MC_MAX_COMMAND_IR 512		/* AUTH with initial response */
#define MC_MAX_FLIGHT (1024 * 1024)	/* engine's output buffer */

/* clients to us, RFC 5321 4.5.3.1 */
#define MC_MAX_SERVER_LINE 2048		/* command and its line end */
#define MC_MAX_SERVER_AUTH_LINE 12288	/* RFC 4954 4: without line end */
#define MC_MAX_SERVER_LINE_HARD 16384	/* the session ends */
#define MC_MAX_SERVER_FEED 65536	/* bytes fed in one go */
#define MC_MAX_SERVER_OUTPUT 8192	/* waits to be written */
#define MC_MAX_SERVER_REPLY_LINE 512
#define MC_MAX_SERVER_TEXT_LINE 1000
#define MC_MAX_SERVER_ERRORS 20		/* slow from half of it on */
#define MC_MAX_SERVER_JUNK 100		/* the same */
#define MC_MAX_SERVER_SLOW 10		/* times the shortest delay */
#define MC_MAX_SERVER_USER 255		/* a name to log in with */
#define MC_MAX_SERVER_RCPTS 1000	/* RFC 5321 4.5.3.1.8 asks for 100 */
#define MC_MAX_SERVER_MESSAGES 100	/* in one session */
#define MC_MAX_RECEIVED 50		/* RFC 5321 6.3 */
#define MC_MIN_SERVER_DROP (1024 * 1024)	/* of what is too big */

/* addresses, RFC 5321 4.5.3.1 */
#define MC_MAX_LOCAL 64
#define MC_MAX_DOMAIN 255
#define MC_MAX_PATH 254			/* 256 less the angle brackets */
#define MC_MAX_RCPTS 100000
#define MC_MAX_ADDR_TEXT (16 * 1024 * 1024)

/* messages */
#define MC_MAX_HEADER (100 * 1024)	/* without the recipient fields */
#define MC_MAX_HEADER_RCPT (8 * 1024 * 1024)	/* To, Cc, Bcc, Resent- */
#define MC_MAX_FIELDS 1000
#define MC_MAX_RECEIVED 50		/* RFC 5321 6.3 */
#define MC_MAX_LINE 998			/* RFC 5322 2.1.1, without CRLF */
#define MC_SPOOL_MEMORY (256 * 1024)
#define MC_MAX_EARLY (64 * 1024)	/* message text beside its commands */
#define MC_BODY_CHUNK (32 * 1024)
#define MC_MAX_MIME_DEPTH 64		/* multiparts and messages in each other */
#define MC_MAX_MIME_PARTS 10000
#define MC_MAX_ATTACHMENTS 500		/* all of them open at once */

/* local files and helpers */
#define MC_MAX_CONFIG (1024 * 1024)
#define MC_MAX_CONFIG_LINE 65536
#define MC_MAX_SECRET 65536
#define MC_MAX_ACCOUNT_NAME 64
#define MC_MAX_ALIASES (4 * 1024 * 1024)
#define MC_MAX_ALIAS_DEPTH 16

/* network */
#define MC_MAX_ADDRESSES 16

#endif
