#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz.sh TARGET... - build each fuzz target with clang's libFuzzer and run it
#
# Environment: FUZZ_SECONDS (each target), top_srcdir, top_builddir.  What is
# found is written to $top_builddir/fuzz/TARGET; the corpus grows there too.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"

command -v clang >/dev/null 2>&1 || {
	echo "fuzz: clang is missing" >&2
	exit 77
}
out=$top_builddir/fuzz
mkdir -p "$out"
libs=$(pkg-config --libs openssl libgsasl libidn2)
# of what there are two of, the one of the ordinary library
sources=$(find "$top_srcdir/lib" -name '*.c' ! -name sasl_none.c \
    ! -name find_module.c)

echo "fuzz: building the library with ASan, UBSan and coverage"
compile() {
	clang -O1 -g -std=c17 -DHAVE_CONFIG_H '-DSYSCONFDIR="/etc"' \
	    '-DBINDIR="/usr/bin"' '-DLIBDIR="/usr/lib"' \
	    '-DPKGLIBDIR="/usr/lib"' '-DPKGLIBEXECDIR="/usr/libexec"' \
	    "-I$top_builddir" "-I$top_srcdir/lib" "-I$top_srcdir" \
	    -fsanitize=address,undefined -fno-sanitize-recover=all "$@"
}
mkdir -p "$out/obj"
n=0
for source in $sources; do
	n=$((n + 1))
	compile -fsanitize=fuzzer-no-link -c -o "$out/obj/$n.o" "$source"
done
# a target takes what it needs, and no transport
rm -f "$out/lib.a"
ar rcs "$out/lib.a" "$out"/obj/*.o

for target in "$@"; do
	mkdir -p "$out/$target"
	# those that are about the command and not the library
	more=
	case $target in
	options)
		more="$top_srcdir/cli/flags.c $top_srcdir/cli/options.c" ;;
	import)
		more=$top_srcdir/cli/text.c
		for source in "$top_srcdir"/cli/import*.c; do
			case $source in
			*_cmd.c | *_input.c) ;;
			*) more="$more $source" ;;
			esac
		done ;;
	esac
	# shellcheck disable=SC2086
	compile -fsanitize=fuzzer -o "$out/fuzz_$target" \
	    "$top_srcdir/tests/fuzz/fuzz_$target.c" $more "$out/lib.a" \
	    $libs -lpthread
	echo "fuzz: $target for ${FUZZ_SECONDS:-60} s"
	"$out/fuzz_$target" -max_total_time="${FUZZ_SECONDS:-60}" \
	    -artifact_prefix="$out/$target/" -print_final_stats=1 \
	    "$out/$target" "$top_srcdir/tests/data/corpus/$target" \
	    >"$out/$target.log" 2>&1 || {
		tail -n 40 "$out/$target.log"
		exit 1
	}
	grep stat::number_of_executed_units "$out/$target.log"
done
