#!/bin/sh
# SPDX-License-Identifier: MIT
# selftest.sh - each lint finds what it is there to find, and only that
#
# Makes small trees with one fault each and expects exactly the finding.
set -eu

top_srcdir=${top_srcdir:-.}
CC=${CC:-cc}
lint=$(cd "$top_srcdir/tests/lint" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 99' HUP INT TERM
bad=0
count=0

# expect STATUS TEXT COMMAND...: ends with STATUS and says TEXT
expect() {
	status=$1
	text=$2
	shift 2
	count=$((count + 1))
	got=0
	said=$(top_srcdir=$tree top_builddir=$tree "$@" 2>&1) || got=$?
	case $said in
	*"$text"*) test "$got" -eq "$status" && return 0 ;;
	esac
	echo "selftest.sh: ${1##*/} ended with $got instead of $status;" \
	    "wanted \"$text\", said: $said"
	bad=1
}

put() {
	path=$tree/$1
	shift
	mkdir -p "${path%/*}"
	printf '%s\n' "$@" >"$path"
}

fresh() {
	rm -rf "$tree"
	mkdir -p "$tree/lib" "$tree/cli" "$tree/helper" "$tree/tests"
}

licence='/* SPDX-License-Identifier: MIT */'

# ------------------------------------------------------------------ layers.sh
fresh
expect 99 'no source files' "$lint/layers.sh"
put lib/base/str.c '#include "base/base.h"' '#include <limits.h>'
put lib/submit.c '#include "transport/transport.h"' '#include "submit.h"'
put lib/smtp/reply.c '#include "mail/addr.h"' '#include "smtp/reply.h"'
put cli/main.c '#include "mailchute.h"' '#include "options.h"'
expect 0 '' "$lint/layers.sh"

# one INCLUDE FILE TEXT
one() {
	fresh
	put cli/main.c '#include "mailchute.h"'
	put "$2" "$licence" "$1"
	expect 1 "$2:2: $3" "$lint/layers.sh"
}
one '#include "mail/addr.h"' lib/base/str.c 'base may not include mail/addr.h'
one '#include "smtp/reply.h"' lib/mail/addr.c 'mail may not include smtp'
one '#include "net/stream.h"' lib/smtp/client.c 'smtp may not include net'
one '#include "mail/addr.h"' lib/net/tls.c 'net may not include mail'
one '#include "net/tls.h"' lib/config/keys.h 'config may not include net'
one '#include "queue/queue.h"' lib/transport/a.c 'transport may not include'
one '#include "serve/serve.h"' lib/queue/q.c 'queue may not include serve'
one '#include "net/stream.h"' lib/serve/s.c 'serve may not include net'
one '#	include  "base/buf.h"' cli/main.h 'cli may not include base/buf.h'
one '#include "../lib/base/buf.h"' cli/a.c 'relative path'
one '#include "buf.h"' lib/base/buf.c 'write the folder too'
one '#include HEADER' lib/base/buf.c 'not a plain #include'
one '#include <openssl/ssl.h>' lib/base/buf.c 'lib/base uses libc only'
one '#include <curl/curl.h>' lib/net/tls.c 'libcurl belongs'
one '#include <openssl/ssl.h>' cli/tls.c 'cli speaks'
one '#include <poll.h>' lib/smtp/client.c 'lib/smtp is without'
one '#include "base/clock.h"' lib/smtp/client.c 'lib/smtp is without'
put lib/newdir/x.c '#include "base/buf.h"'
expect 1 'newdir is in no layer' "$lint/layers.sh"

# ------------------------------------------------------------------- words.sh
fresh
expect 99 'no files' "$lint/words.sh"
put lib/a.c "$licence" '/* NEEDSWORK: more */ /* ~/work/smtp */'
put tests/data/x.c 'blank at the end '
expect 0 '' "$lint/words.sh"
put lib/b.c "$licence" 'int x; '
expect 1 'lib/b.c:2: trailing blank' "$lint/words.sh"
put lib/b.c 'int x;'
expect 1 'lib/b.c:1: no SPDX' "$lint/words.sh"
put lib/b.c "$licence" '/* see /wor''k/main/x */'
expect 1 'lib/b.c:2: path' "$lint/words.sh"
put lib/b.c "$licence" '/* see /tmp/de''v/x */'
expect 1 'lib/b.c:2: path' "$lint/words.sh"
put lib/b.c "$licence" '/* TO''DO: this */'
expect 1 'NEEDSWORK' "$lint/words.sh"
: >"$tree/lib/b.c"
expect 1 'empty file' "$lint/words.sh"

# ------------------------------------------------------------------ banned.sh
# object FILE LINE...
object() {
	file=$1
	shift
	put x.c "$@"
	mkdir -p "$tree/lib/${file%/*}"
	# shellcheck disable=SC2086 # CC may hold options
	$CC -w -c -o "$tree/lib/$file" "$tree/x.c"
}

if command -v "${NM:-nm}" >/dev/null && command -v "${OBJDUMP:-objdump}" \
    >/dev/null; then
	fresh
	expect 99 'no objects' "$lint/banned.sh"
	put lib/mail/b.o 'not an object'
	expect 1 'mail/b.o' "$lint/banned.sh"
	rm "$tree/lib/mail/b.o"
	object base/mem.o '#include <stdlib.h>' \
	    'void *f(void) { return malloc(3); }'
	object mail/.libs/libmailchute_la-a.o \
	    'int g(void); static const int x = 7;' \
	    'static const char *const names[] = { "a", "b" };' \
	    'const char *f(int i) { return g() == x ? 0 : names[i]; }'
	expect 0 '' "$lint/banned.sh"
	object base/.libs/libmailchute_la-mem.o '#include <stdlib.h>' \
	    'void *f(void) { return malloc(3); }'
	expect 0 '' "$lint/banned.sh" "$tree/lib"
	object mail/b.o '#include <stdlib.h>' \
	    'void *f(void) { return malloc(3); }'
	expect 1 'mail/b.o: calls malloc' "$lint/banned.sh"
	object mail/b.o 'int __printf_chk(int, const char *, ...);' \
	    'int f(void) { return __printf_chk(1, "%d", 3); }'
	expect 1 'calls __printf_chk' "$lint/banned.sh"
	object mail/b.o 'long __isoc23_strtol(const char *, char **, int);' \
	    'long f(void) { return __isoc23_strtol("1", 0, 9); }'
	expect 1 'calls __isoc23_strtol' "$lint/banned.sh"
	object mail/b.o '#include <unistd.h>' 'void f(void) { _exit(1); }'
	expect 1 'calls _exit' "$lint/banned.sh"
	object mail/b.o 'int read(); int f(void) { return read(); }'
	expect 0 '' "$lint/banned.sh"
	object smtp/b.o 'int read(); int f(void) { return read(); }'
	expect 1 'without I/O' "$lint/banned.sh"
	rm "$tree/lib/smtp/b.o"
	object mail/b.o 'static int n; int f(void) { return n++; }'
	expect 1 ' n is data that can change' "$lint/banned.sh"
	object mail/b.o 'int f(void) { static int n = 4; return n++; }'
	expect 1 'is data that can change' "$lint/banned.sh"
	object mail/b.o 'static const char *n[] = { "a" };' \
	    'const char **f(void) { return n; }'
	expect 1 ' n is data that can change' "$lint/banned.sh"
	object mail/b.o 'int f(void) { static _Thread_local int n;' \
	    'return n++; }'
	expect 1 'is data that can change' "$lint/banned.sh"
else
	echo "selftest.sh: no nm or objdump here, banned.sh was not tried"
fi

# ----------------------------------------------------------------- exports.sh
header() {
	put lib/mailchute.h '#ifndef H' '#define H' '#ifdef __cplusplus' \
	    'extern "C" {' '#endif' '#define MC_API' \
	    '/* MC_API int mc_gone(void); */' 'typedef int (*mc_fn)(void);' \
	    "$@" '#ifdef __cplusplus' '}' '#endif' '#endif'
}
map() {
	put lib/libmailchute.map 'MAILCHUTE_0 {' 'global:' "$@" 'local:' \
	    '	*;' '};'
}
# library FUNCTION...
library() {
	: >"$tree/x.c"
	for name in "$@"; do
		echo "int $name(void) { return 1; }" >>"$tree/x.c"
	done
	mkdir -p "$tree/lib/.libs"
	# shellcheck disable=SC2086 # CC may hold options
	$CC -w -shared -fPIC -o "$tree/lib/.libs/libmailchute.so" "$tree/x.c"
}

fresh
header 'MC_API int' 'mc_a(int x);' 'MC_API int mc_b(mc_fn f);'
map '	mc_a; # first' '	mc_b;'
expect 0 'no shared library here' "$lint/exports.sh"
if library mc_a mc_b 2>/dev/null; then
	expect 0 '' "$lint/exports.sh"
	library mc_a
	expect 1 'lacks: mc_b' "$lint/exports.sh"
	library mc_a mc_b helper
	expect 1 'exports what the header lacks: helper' "$lint/exports.sh"
	rm "$tree/lib/.libs/libmailchute.so"
fi
map '	mc_a;'
expect 1 'libmailchute.map: lacks: mc_b' "$lint/exports.sh"
map '	mc_a; mc_b; mc_c;'
expect 1 'exports what the header lacks: mc_c' "$lint/exports.sh"
header 'MC_API int mc_a(void);' 'int mc_b(void);'
map '	mc_a;'
expect 1 'prototype without MC_API: mc_b' "$lint/exports.sh"
header 'MC_API int mc_a(size_t n);'
expect 1 'does not compile alone as c11' "$lint/exports.sh"
if command -v "${CXX:-c++}" >/dev/null 2>&1; then
	header 'MC_API int mc_a(int class);'
	expect 1 'does not compile alone as c++11' "$lint/exports.sh"
fi

echo "selftest.sh: $count cases"
exit $bad
