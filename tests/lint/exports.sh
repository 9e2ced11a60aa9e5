#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh - header, version script and library name the same functions
#
#	exports.sh [libmailchute.so]
#
# Without an argument the library is looked for where libtool puts it; if
# there is none (built static), header and version script are still compared.
# Then the header is compiled alone, as C11 and as C++.
set -eu

top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-.}
NM=${NM:-nm}
header=$top_srcdir/lib/mailchute.h
map=$top_srcdir/lib/libmailchute.map

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
bad=0

# the header without comments and preprocessor lines
awk '
{
	line = $0
	out = ""
	while (line != "") {
		if (inside) {
			at = index(line, "*/")
			line = at ? substr(line, at + 2) : ""
			inside = !at
		} else {
			at = index(line, "/*")
			out = out (at ? substr(line, 1, at - 1) : line)
			line = at ? substr(line, at + 2) : ""
			inside = at > 0
		}
	}
	if (continued || out ~ /^[ \t]*#/) {
		continued = out ~ /\\$/
		next
	}
	print out
}
' "$header" >"$work/plain"

# the name is what stands before the first parenthesis after MC_API
awk '
{ text = text " " $0 }
END {
	while ((at = index(text, "MC_API")) > 0) {
		text = substr(text, at + 6)
		name = substr(text, 1, index(text, "(") - 1)
		sub(/[ \t]+$/, "", name)
		sub(/.*[^A-Za-z0-9_]/, "", name)
		print name
	}
}
' "$work/plain" >"$work/header"

# every prototype, exported or not
awk '
{
	while (match($0, /mc_[a-z0-9_]+\(/)) {
		print substr($0, RSTART, RLENGTH - 1)
		$0 = substr($0, RSTART + RLENGTH)
	}
}
' "$work/plain" >"$work/prototypes"

awk '
{ sub(/#.*/, "") }
/local[ \t]*:/ { global = 0 }
global {
	gsub(/[ \t]/, "")
	n = split($0, names, ";")
	for (i = 1; i < n; i++)
		print names[i]
}
/global[ \t]*:/ { global = 1 }
/}/ { global = 0 }
' "$map" >"$work/map"

if ! test -s "$work/header" || ! test -s "$work/map"; then
	echo "exports.sh: no names in $header or $map"
	exit 99
fi

# same LEFT RIGHT WORDS WORDS: complain about names that only one side has
same() {
	awk -v left="$work/$1" -v only_left="$3" -v only_right="$4" '
	FILENAME == left { in_left[$1] = 1; next }
	{ in_right[$1] = 1 }
	END {
		for (name in in_left)
			if (!(name in in_right)) {
				print only_left ": " name
				bad = 1
			}
		for (name in in_right)
			if (!(name in in_left)) {
				print only_right ": " name
				bad = 1
			}
		exit bad
	}
	' "$work/$1" "$work/$2" || bad=1
}

same header prototypes "$header: found by MC_API alone" \
    "$header: prototype without MC_API"
same header map "$map: lacks" "$map: exports what the header lacks"

library=${1:-}
for place in "$top_builddir/lib/.libs" "$top_builddir/.libs"; do
	if test -z "$library" && test -f "$place/libmailchute.so"; then
		library=$place/libmailchute.so
	fi
done
if test -z "$library"; then
	echo "exports.sh: no shared library here, its symbols were not compared"
else
	# type A is the name of a version node, not a function
	$NM -D "$library" >"$work/symbols"
	awk '
	NF == 3 && $2 != "A" && $2 != "U" && $2 != "w" {
		sub(/@.*/, "", $3)
		if ($3 !~ /^(_init|_fini|_edata|_end|__bss_start)$/)
			print $3
	}
	' "$work/symbols" >"$work/library"
	same header library "$library: lacks" \
	    "$library: exports what the header lacks"
fi

# compile LANGUAGE STANDARD COMPILER...
compile() {
	language=$1
	standard=$2
	shift 2
	printf '#include "mailchute.h"\nint used;\n' >"$work/alone.$language"
	if ! "$@" "-std=$standard" -Wall -Wextra -pedantic -Werror \
	    -I"$top_srcdir/lib" -c -o "$work/alone.o" "$work/alone.$language"
	then
		echo "$header: does not compile alone as $standard"
		bad=1
	fi
}

# CC and CXX may hold options
# shellcheck disable=SC2086
compile c c11 ${CC:-cc}
CXX=${CXX:-c++}
if command -v "${CXX%% *}" >/dev/null 2>&1; then
	# shellcheck disable=SC2086
	compile cc c++11 $CXX
else
	echo "exports.sh: no C++ compiler here, that part was skipped"
fi
exit $bad
