#!/bin/sh
# SPDX-License-Identifier: MIT
# man.sh - mandoc and groff have nothing to say about the manual pages
set -eu

. "${top_srcdir:-.}/tests/lint/common.sh"

bad=0
seen=0
cd "$work"
for template in $templates; do
	page=${template##*/}
	page=${page%.in}
	case $page in
	*.[1-9]) generate "$template" >"$page" ;;
	*) continue ;;
	esac
	test -s "$page" || { echo "man.sh: $page is empty"; bad=1; }
	if grep -n '[ 	]$' "$page"; then
		echo "man.sh: $page: trailing blanks"
		bad=1
	fi
	if command -v mandoc >/dev/null 2>&1; then
		seen=1
		# without the database of the system's pages
		mandoc -T lint -W warning "$page" >"$page.lint" || true
		diff /dev/null "$page.lint" || bad=1
	fi
	if command -v groff >/dev/null 2>&1; then
		seen=1
		groff -mdoc -T ascii -ww -z "$page" 2>"$page.groff" || true
		diff /dev/null "$page.groff" || bad=1
	fi
done
test $bad = 0 || exit 1
if test $seen = 0; then
	echo "man.sh: neither mandoc nor groff here, skipped"
	exit 77
fi
