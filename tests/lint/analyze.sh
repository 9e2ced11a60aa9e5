#!/bin/sh
# SPDX-License-Identifier: MIT
# analyze.sh - cppcheck, clang-tidy and gcc -fanalyzer over every source file
#
#	analyze.sh [file.c...]
#
# Without arguments: all of lib, cli and tests.  $top_srcdir holds the
# sources, $top_builddir config.h.  Prints findings; 1 if there is any, 77
# without the tools.  What is left out, and why, stands in .clang-tidy,
# tests/lint/cppcheck.supp and at the place itself.  Takes minutes, so it is
# `make analyze` and no part of `make check`.
set -eu

top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-.}
CLANG_TIDY=${CLANG_TIDY:-clang-tidy}
CPPCHECK=${CPPCHECK:-cppcheck}
CC=${CC:-gcc}
PKG_CONFIG=${PKG_CONFIG:-pkg-config}
JOBS=${JOBS:-2}

for tool in "$CLANG_TIDY" "$CPPCHECK"; do
	if ! command -v "$tool" >/dev/null 2>&1; then
		echo "analyze.sh: no $tool here, skipped"
		exit 77
	fi
done
top_builddir=$(cd "$top_builddir" && pwd)
if ! test -f "$top_builddir/config.h"; then
	echo "analyze.sh: no config.h in $top_builddir: run configure first"
	exit 99
fi
cd "$top_srcdir"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

if test $# -eq 0; then
	find lib cli helper tests/unit tests/fuzz -name '*.c' | sort >"$work/files"
else
	printf '%s\n' "$@" >"$work/files"
fi
if ! test -s "$work/files"; then
	echo "analyze.sh: no source files under $top_srcdir"
	exit 99
fi

# one flag a line, as no path may be cut at a blank
{
	printf '%s\n' -Ilib -I. "-I$top_builddir" -Itests/unit -DHAVE_CONFIG_H \
	    '-DSYSCONFDIR="/etc"' '-DRUNSTATEDIR="/run"' '-DLIBDIR="/usr/lib"' \
    '-DBINDIR="/usr/bin"' \
	    '-DPKGLIBDIR="/usr/lib/mailchute"' \
	    '-DPKGLIBEXECDIR="/usr/libexec/mailchute"'
	$PKG_CONFIG --cflags openssl libgsasl libidn2 cmocka 2>/dev/null |
	    tr ' ' '\n' | grep . || :
} >"$work/flags"
set --
while read -r flag; do
	set -- "$@" "$flag"
done <"$work/flags"

# a line of findings begins with a file; all else is talk
bad=0
report() {
	if test -s "$2"; then
		echo "analyze.sh: findings of $1:"
		cat "$2"
		bad=1
	fi
}

"$CPPCHECK" --quiet --std=c11 --inconclusive -j "$JOBS" \
    --enable=warning,style,performance,portability \
    --suppressions-list=tests/lint/cppcheck.supp --inline-suppr \
    --template='{file}:{line}: {severity}: {message} [{id}]' \
    -D__GNUC__=12 -D__linux__=1 "$@" --file-list="$work/files" \
    >"$work/cppcheck" 2>&1 || bad=1
report cppcheck "$work/cppcheck"

# one process a file, its findings in one piece; a file that does not compile
# shows as an error among them
# shellcheck disable=SC2016 # the inner shell expands it
xargs -P "$JOBS" -n 1 sh -c '
	tidy=$1 flags=$2 file=$3
	set --
	while read -r flag; do
		set -- "$@" "$flag"
	done <"$flags"
	found=$("$tidy" --quiet "$file" -- -std=c17 "$@" 2>&1) ||
		echo "$file: error: clang-tidy failed"
	printf "%s\n" "$found"
    ' sh "$CLANG_TIDY" "$work/flags" <"$work/files" >"$work/tidy.all" || bad=1
grep . "$work/tidy.all" |
    grep -v -e '^[0-9]* warnings* generated\.$' -e '^Suppressed [0-9]* warn' \
    -e '^Use -header-filter=' >"$work/tidy" || :
report clang-tidy "$work/tidy"

# only gcc has it; tests are left to the other two, for it takes the jump out
# of a failed assertion for a way that goes on
echo 'int x;' >"$work/x.c"
# shellcheck disable=SC2086 # a compiler may have a word in front
if $CC -fanalyzer -c -o "$work/x.o" "$work/x.c" 2>/dev/null; then
	grep -v '^tests/' "$work/files" | while read -r file; do
		off=$(sed -n "s|^\(-Wno-analyzer-[a-z-]*\) $file\$|\1|p" \
		    tests/lint/gcc.supp)
		# shellcheck disable=SC2086
		$CC -std=c17 -O1 -fanalyzer -fdiagnostics-plain-output \
		    $off "$@" -c -o "$work/x.o" "$file" || echo "$file: failed"
	done >"$work/gcc" 2>&1
	report "$CC -fanalyzer" "$work/gcc"
fi

test "$bad" -eq 0 && echo "analyze.sh: nothing found"
exit "$bad"
