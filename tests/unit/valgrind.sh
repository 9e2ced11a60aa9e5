#!/bin/sh
# SPDX-License-Identifier: MIT
# valgrind.sh - every unit test and every corpus file under valgrind
#
#	valgrind.sh [program...]
#
# Without arguments: all that were built below $top_builddir/tests.  Memory
# that is lost or not initialised, and any access out of bounds, is a failure;
# 77 without valgrind.  $JOBS run side by side (2).  It takes some 25 minutes,
# most of it in the tests that walk all inputs up to a length, so it is `make
# valgrind` and no part of `make check`.  Only test_confine and test_roles are
# left out: valgrind (3.19) knows no Landlock, and a filter of system calls
# refuses what it needs for itself.
#
# Memory still reachable at the end is not looked at: libraries keep such on
# purpose, and so does a child between fork and execve.
set -eu

top_srcdir=$(cd "${top_srcdir:-.}" && pwd)
top_builddir=$(cd "${top_builddir:-.}" && pwd)
VALGRIND=${VALGRIND:-valgrind}
JOBS=${JOBS:-2}
if ! command -v "$VALGRIND" >/dev/null 2>&1; then
	echo "valgrind.sh: no $VALGRIND here, skipped"
	exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

if test $# -eq 0; then
	for program in "$top_builddir"/tests/unit/test_* \
	    "$top_builddir"/tests/fuzz/replay_*; do
		case ${program##*/} in
		*.*|*-*|test_confine|test_roles) continue ;;
		esac
		test -x "$program" && printf '%s\n' "$program"
	done >"$work/list"
else
	printf '%s\n' "$@" >"$work/list"
fi
if ! test -s "$work/list"; then
	echo "valgrind.sh: no programs: run make check first"
	exit 99
fi
if nm "$(head -n 1 "$work/list")" 2>/dev/null | grep -q __asan_init; then
	echo "valgrind.sh: built with AddressSanitizer, which does not mix"
	exit 77
fi

CMOCKA_MESSAGE_OUTPUT=TAP
export top_srcdir top_builddir CMOCKA_MESSAGE_OUTPUT
# shellcheck disable=SC2016 # the inner shell expands it
xargs -P "$JOBS" -n 1 sh -c '
	valgrind=$1 work=$2 program=$3
	name=${program##*/}
	set --
	case $name in
	replay_*) set -- "$top_srcdir/tests/data/corpus/${name#replay_}"/* ;;
	esac
	if "$valgrind" -q --leak-check=full --error-exitcode=99 \
	    --show-leak-kinds=definite,possible \
	    --errors-for-leak-kinds=definite,possible \
	    --suppressions="$top_srcdir/tests/unit/valgrind.supp" \
	    --log-file="$work/$name.%p.log" "$program" "$@" \
	    >"$work/$name.out" 2>&1; then
		status=ok
	else
		status="FAILED ($?)"
	fi
	# a child that ended with findings counts too; that valgrind gives up a
	# child whose execve fails, which is tested on purpose, does not
	find "$work" -name "$name.*.log" -exec cat {} + |
		grep -v -e "execve(.*) failed, errno" -e "EXEC FAILED: " \
		    -e "Add more stringent tests in PRE(sys_execve)" \
		    >"$work/$name.found" && status=FAILED
	echo "valgrind: $name: $status"
	test "$status" = ok && exit 0
	grep "^not ok" "$work/$name.out"
	cat "$work/$name.found"
	exit 1
    ' sh "$VALGRIND" "$work" <"$work/list" || exit 1
echo "valgrind.sh: nothing found"
