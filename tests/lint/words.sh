#!/bin/sh
# SPDX-License-Identifier: MIT
# words.sh - no paths of one machine, no trailing blanks, a licence everywhere
set -eu

top_srcdir=${top_srcdir:-.}
cd "$top_srcdir"

# texts by their names: a build in the source tree leaves other files there;
# tests/data and tests/script hold bytes that are as they are on purpose
list=$(find . \( -name .git -o -name .libs -o -name .deps -o -name build \
    -o -name autom4te.cache -o -name build-aux -o -name m4 \
    -o -path ./tests/data -o -path ./tests/script \) -prune -o -type f \( \
    -name '*.[ch]' -o -name '*.def' -o -name '*.sh' -o -name '*.awk' \
    -o -name '*.ac' -o -name '*.am' -o -name '*.md' -o -name '*.map' \
    -o -name '*.pc.in' -o -name '*.conf' -o -name '*.mdoc' \
    -o -name '*.[1-8]' -o -name '*.py' -o -name '*.bash' -o -name '*.zsh' \
    -o -name '*.fish' -o -name '*.service' -o -name '*.socket' \
    -o -name '*.timer' -o -path ./.ci/run -o -path ./bootstrap \
    -o -path ./README -o -path ./NEWS -o -path ./HACKING \
    -o -path ./PROTOCOL \) -print | sed 's|^\./||' | grep -v '^config\.h$' |
    sort)
if test -z "$list"; then
	echo "words.sh: no files under $top_srcdir"
	exit 99
fi

bad=0
# shellcheck disable=SC2086 # one word a file
awk '
function complain(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}

# a file that ended before its third line without a licence
function finish() {
	if (wants && !licensed) {
		printf "%s:1: no SPDX-License-Identifier: MIT\n", last
		bad = 1
	}
}

FNR == 1 {
	finish()
	last = FILENAME
	licensed = 0
	wants = FILENAME ~ /^(lib|cli|tests)\/.*\.([ch]|def|sh|awk)$/
}

FNR <= 3 && /SPDX-License-Identifier: MIT/ { licensed = 1 }

# written so that these lines are no finding themselves
/(^|[^A-Za-z0-9_.~-])\/wor[k]\/|\/tmp\/de[v]([^A-Za-z]|$)/ {
	complain("path of one machine")
}
/[ \t]$/ { complain("trailing blank") }
/(^|[^A-Za-z])(TOD[O]|FIXM[E])([^A-Za-z]|$)/ {
	complain("the mark for work to do is NEEDSWORK")
}

END {
	finish()
	exit bad
}
' $list || bad=1

# awk never sees a file without lines
for file in $list; do
	if ! test -s "$file"; then
		echo "$file:1: empty file"
		bad=1
	fi
done
exit $bad
