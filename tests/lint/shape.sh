#!/bin/sh
# SPDX-License-Identifier: MIT
# shape.sh - how long functions and files are; orientation, never a failure
set -eu

top_srcdir=${top_srcdir:-.}
cd "$top_srcdir"

for folder in lib cli helper; do
	list=$(find "$folder" -name '*.c' | sort)
	test -n "$list" || continue
	# a function: its name at the margin, then { and } alone at the margin
	# shellcheck disable=SC2086 # one word a file
	awk '
	FNR == 1 { open = 0 }
	/^[A-Za-z_][A-Za-z0-9_]*\(/ && !open {
		name = $0
		sub(/\(.*/, "", name)
		begin = FNR
	}
	/^\{$/ && !open { open = 1 }
	/^\}$/ && open {
		print FNR - begin + 1, FILENAME ":" begin, name
		open = 0
	}
	' $list | sort -n | awk -v folder="$folder" '
	{
		length_of[NR] = $1
		line[NR] = sprintf("  %4d lines  %s  %s", $1, $2, $3)
	}
	END {
		if (NR == 0)
			exit
		printf "%s: %d functions, median %d, p90 %d, longest %d\n", folder,
		    NR, length_of[int((NR + 1) / 2)],
		    length_of[int((NR * 9 + 9) / 10)], length_of[NR]
		for (i = 1; i <= NR; i++)
			if (length_of[i] > 80)
				print line[i]
	}
	'
done

find lib cli helper tests -name '*.[ch]' | sort | while read -r file; do
	lines=$(wc -l <"$file")
	if test "$lines" -gt 600; then
		echo "file of $((lines)) lines: $file"
	fi
done
exit 0
