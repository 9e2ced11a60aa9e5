#!/bin/sh
# SPDX-License-Identifier: MIT
# drift.sh - tables, program, manual, samples and completions say the same
#
# Every check compares two lists with diff: "<" is what should be there, ">"
# what is there.  The program is asked if it is built.
# shellcheck disable=SC2016,SC2030,SC2031 # programs for awk; AWK in ( )
set -eu

. "${top_srcdir:-.}/tests/lint/common.sh"

bad=0

# same TITLE: the lists wanted and got, whatever their order
same() {
	sort "$work/wanted" >"$work/wanted.s"
	sort "$work/got" >"$work/got.s"
	ordered "$1" s
}

# ordered TITLE: the same, the order counts
ordered() {
	diff "$work/wanted${2:+.$2}" "$work/got${2:+.$2}" >"$work/diff" &&
	    return 0
	echo "drift.sh: $1"
	cat "$work/diff"
	bad=1
}

# within TITLE: each line of got is in wanted
within() {
	sort -u "$work/wanted" >"$work/wanted.s"
	sort -u "$work/got" >"$work/got.s"
	comm -13 "$work/wanted.s" "$work/got.s" >"$work/diff"
	test -s "$work/diff" || return 0
	echo "drift.sh: $1"
	sed 's/^/> /' "$work/diff"
	bad=1
}

list keys >"$work/keys"
list flags >"$work/flags"
list subs >"$work/subs"
list errors >"$work/errors"
list prose >"$work/prose"
for part in keys flags subs errors prose; do
	test -s "$work/$part" || { echo "drift.sh: no $part"; exit 99; }
done
for template in $templates; do
	page=${template##*/}
	generate "$template" >"$work/${page%.in}"
done

# ------------------------------------------------------------------- the awks
# every awk that is here makes the same of the same files

everything() (
	AWK=$1
	for template in $templates; do
		generate "$template"
	done
)
everything "$AWK" >"$work/wanted"
for awk in mawk gawk 'gawk --posix' original-awk nawk 'busybox awk'; do
	$awk 'BEGIN { exit 0 }' </dev/null >/dev/null 2>&1 || continue
	everything "$awk" >"$work/got"
	ordered "$awk makes something else of the tables than $AWK"
done

# ------------------------------------------------------- tables and the manual

cut -f 1 "$work/keys" >"$work/wanted"
sed -n 's/^KEY //p' "$work/prose" >"$work/got"
same "keys.def and the paragraphs of man/keys.mdoc"

cut -f 1 "$work/flags" >"$work/wanted"
sed -n 's/^FLAG //p' "$work/prose" >"$work/got"
within "man/flags.mdoc has a paragraph for what is no option"
sort "$work/got" | uniq -d >"$work/twice"
mv "$work/twice" "$work/got"
: >"$work/wanted"
same "man/flags.mdoc has an option twice"

cut -f 1 "$work/keys" >"$work/wanted"
sed -n 's/^\.It Ic \([^ ]*\) No = .*/\1/p' "$work/mailchute.conf.5" \
    >"$work/got"
ordered "keys in mailchute.conf(5)"

# what is between two lines of a page
between() {
	sed -n "/$1/,/$2/p" "$3"
}

cut -f 1 "$work/flags" >"$work/wanted"
between 'All letters are' '^\.El' "$work/mailchute-sendmail.8" |
    sed -n 's/^\.It Fl \(.\).*/\1/p' >"$work/got"
ordered "options in mailchute-sendmail(8)"

# what may stand behind a letter: a list for each group of the table
while read -r group prefix title; do
	$AWK -F '\t' -v group="$group" -v prefix="$prefix" '$1 == group {
		print prefix ($2 == "#" ? "" : $2) }' "$work/subs" \
	    >"$work/wanted"
	test -s "$work/wanted" || { echo "drift.sh: no group $group"; bad=1; }
	between "^\.Ss $title\$" '^\.El' "$work/mailchute-sendmail.8" |
	    sed -n 's/^\.It Fl O Cm /.It Fl O/; s/^\.It Fl \([^ ]*\).*/\1/p' \
	    >"$work/got"
	ordered "$title in mailchute-sendmail(8)"
done <<END
b b Modes
q q Runs of the queue
o o Short options
d od Delivery modes
e oe Error modes
O O Long options
END
cut -f 1 "$work/subs" | sort -u >"$work/got"
printf '%s\n' b q o d e O >"$work/wanted"
same "groups of flags.def that have a list in mailchute-sendmail(8)"

$AWK -F '\t' '$3 == "HONOURED" { print $1 }' "$work/flags" >"$work/wanted"
between '^The options:' '^\.El' "$work/mailchute.1" |
    sed -n 's/^\.It Fl \(.\)\( .*\)\{0,1\}$/\1/p' >"$work/got"
ordered "options in mailchute(1)"

# long options are words in cli/options.c
sed -n 's/.*word, "\([a-z-]*\)".*/\1/p' "$top_srcdir/cli/options.c" \
    >"$work/long"
test -s "$work/long" || { echo "drift.sh: no long options"; exit 99; }
cp "$work/long" "$work/wanted"
between '^The options:' '^\.El' "$work/mailchute.1" |
    sed -n 's/^\.It Fl Fl \([a-z-]*\).*/\1/p' >"$work/got"
same "long options in mailchute(1)"

$AWK -F '\t' '$5 !~ /NOCLI/ { print $1 }' "$work/keys" >"$work/cli-keys"
cp "$work/cli-keys" "$work/wanted"
between '^These keys of' '^\.Ss' "$work/mailchute.1" |
    sed -n 's/^\.It Fl Fl \([a-z-]*\).*/\1/p' >"$work/got"
ordered "keys on the command line in mailchute(1)"

cat "$work/long" "$work/cli-keys" >"$work/wanted"
sed -n "s/^	'\**--\([a-z-]*\).*/\1/p" "$work/mailchute.zsh" >"$work/got"
same "long options in the completion for zsh"
sed -n 's/^complete -c mailchute -l \([a-z-]*\).*/\1/p' \
    "$work/mailchute.fish" >"$work/got"
same "long options in the completion for fish"
sed -n "s/^	--\([a-z-]*\)='\{0,1\}$/\1/p; s/^	--\([a-z-]*\)'\{0,1\}$/\1/p" \
    "$work/mailchute.bash" >"$work/got"
same "long options in the completion for bash"

# words and options of "mailchute queue"
sed -n 's/^	{ \.name = "\([a-z]*\)",.*/\1/p' "$top_srcdir/cli/queue_cmd.c" \
    >"$work/verbs"
test -s "$work/verbs" || { echo "drift.sh: no words of queue"; exit 99; }
sed -n 's/.*argv\[i\], "\(--[a-z]*\)".*/\1/p' "$top_srcdir/cli/queue_cmd.c" \
    >"$work/queue-options"
cp "$work/verbs" "$work/wanted"
sed -n 's/^\.It Nm Cm queue \([a-z]*\).*/\1/p' "$work/mailchute.1" \
    >"$work/got"
same "words of queue in mailchute(1)"
for shell in bash zsh fish; do
	sed -n 's/.*\(list show [a-z ]*\).*/\1/p' "$work/mailchute.$shell" |
	    head -n 1 | tr ' ' '\n' >"$work/got"
	same "words of queue in the completion for $shell"
done

# options of "mailchute config import", and of what programs it is
sed -n 's/.*argv\[i\], "\(--[a-z-]*\)".*/\1/p; s/.*&i, "\(--[a-z]*\)".*/\1/p' \
    "$top_srcdir/cli/import_cmd.c" | grep -v '^--$' >"$work/import-options"
test -s "$work/import-options" ||
    { echo "drift.sh: no options of import"; exit 99; }
cp "$work/import-options" "$work/wanted"
{
	echo --help
	between '^\.Ss Coming from' '^Whatever' "$work/mailchute.1" |
	    sed -n 's/^\.It .*Fl Fl \([a-z-]*\).*/--\1/p'
} >"$work/got"
same "options of import in mailchute(1)"
for shell in bash zsh fish; do
	for program in $(sed -n 's/^	.name = "\([a-z]*\)",$/\1/p' \
	    "$top_srcdir"/cli/import_*.c); do
		grep -q "msmtp.*$program\|$program ssmtp" \
		    "$work/mailchute.$shell" ||
		    echo "$program"
	done
done >"$work/got"
: >"$work/wanted"
same "programs of import that a completion lacks"

# options of "mailchute send"
list sends >"$work/sends"
test -s "$work/sends" || { echo "drift.sh: no options of send"; exit 99; }
cut -f 1 "$work/sends" >"$work/send-options"
cp "$work/send-options" "$work/wanted"
between '^The options:' '^\.El' "$work/mailchute-send.1" |
    sed -n 's/^\.It .*Fl Fl \([a-z-]*\).*/\1/p' >"$work/got"
ordered "options in mailchute-send(1)"
sed -n "s/^	    '\*--\([a-z-]*\).*/\1/p" "$work/mailchute.zsh" >"$work/got"
ordered "options of send in the completion for zsh"
sed -n 's/^complete .*__mailchute_is_send .*-l \([a-z-]*\).*/\1/p' \
    "$work/mailchute.fish" >"$work/got"
ordered "options of send in the completion for fish"
sed -n "s/^	    --\([a-z-]*\)[='].*/\1/p; s/^	    --\([a-z-]*\)$/\1/p" \
    "$work/mailchute.bash" >"$work/got"
ordered "options of send in the completion for bash"

# the numbers of sysexits.h
if printf '#include <sysexits.h>\n' | ${CC:-cc} -E - >/dev/null 2>&1; then
	cut -f 3,4 "$work/errors" | sort -u >"$work/wanted"
	{
		echo '#include <sysexits.h>'
		cut -f 1 "$work/wanted" | sed 's/.*/row "&" &/'
	} | ${CC:-cc} -E -P - | sed -n 's/^row "\(.*\)" /\1	/p' |
	    sort -u >"$work/got"
	ordered "numbers of exit statuses"
fi

# ------------------------------------------------------------------ the library

# comments and preprocessor away, one declaration a line
declarations() {
	$AWK '
	{
		line = $0
		out = ""
		while (line != "") {
			at = index(line, inside ? "*/" : "/*")
			if (!inside)
				out = out (at ? substr(line, 1, at - 1) : line)
			line = at ? substr(line, at + 2) : ""
			if (at)
				inside = !inside
		}
		if (out ~ /^[ \t]*#/)
			next
		all = all " " out
	}
	END {
		gsub(/[ \t]+/, " ", all)
		gsub(/\* /, "*", all)
		n = split(all, part, ";")
		for (i = 1; i <= n; i++)
			print part[i]
	}' "$1"
}

sed -n 's/^	\(mc_[a-z0-9_]*\);$/\1/p' "$top_srcdir/lib/libmailchute.map" \
    >"$work/wanted"
test -s "$work/wanted" || { echo "drift.sh: nothing exported"; exit 99; }
$AWK '/^\.It Ft .* Fn / { sub(/.* Fn /, ""); print $1 }' \
    "$work/libmailchute.3" >"$work/got"
same "exported functions and libmailchute(3)"

declarations "$top_srcdir/lib/mailchute.h" |
    sed -n 's/.*MC_API \(MC_CHECK \)\{0,1\}//p' >"$work/wanted"
$AWK '
{
	while (/\\$/) {
		sub(/\\$/, "")
		held = $0
		getline
		$0 = held $0
	}
}
/^\.It Ft .* Fn / {
	sub(/^\.It Ft /, "")
	type = $0
	sub(/ Fn .*/, "", type)
	sub(/ Ns$/, "", type)
	sub(/.* Fn /, "")
	name = $1
	sub(/^[^ ]* /, "")
	gsub(/" *"/, ", ")
	gsub(/"/, "")
	print type (type ~ /\*$/ ? "" : " ") name "(" $0 ")"
}' "$work/libmailchute.3" >"$work/got"
same "prototypes in lib/mailchute.h and libmailchute(3)"

# structs as far as the manual shows them
structs() {
	declarations "$1" | $AWK '
	/struct mc_[a-z]* \{/ {
		match($0, /struct mc_[a-z]* \{/)
		name = substr($0, RSTART, RLENGTH - 2)
		$0 = substr($0, RSTART + RLENGTH)
		open = 1
	}
	/\}/ { open = 0 }
	open { sub(/^ /, ""); print name ": " $0 }'
}
sed -n '/^struct mc_.*{$/,/^};$/p' "$work/libmailchute.3" >"$work/page.h"
structs "$work/page.h" >"$work/got"
test -s "$work/got" || { echo "drift.sh: no struct in the manual"; bad=1; }
sed 's/:.*//' "$work/got" | sort -u >"$work/names"
structs "$top_srcdir/lib/mailchute.h" |
    $AWK -F : 'NR == FNR { shown[$1] = 1; next } $1 in shown' \
    "$work/names" - >"$work/wanted"
same "structs in lib/mailchute.h and libmailchute(3)"

$AWK '
/^\.It Ft .* Fn / { if (name != "") print name; sub(/.* Fn /, ""); name = $1 }
/^Since: [0-9]/ { name = "" }
END { if (name != "") print name }' "$work/libmailchute.3" >"$work/got"
: >"$work/wanted"
same "functions in libmailchute(3) without Since"

# the example
if ${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -c \
    -I"$top_srcdir/lib" -o "$work/example.o" "$top_srcdir/man/example.c" \
    2>"$work/cc"; then
	so=$top_builddir/lib/.libs/libmailchute.so
	if test -f "$so" && ${CC:-cc} -o "$work/example" "$work/example.o" \
	    "$so" 2>/dev/null; then
		echo "example: 78" >"$work/wanted"
		run_bare MAILCHUTE_CONFIG=/dev/null \
		    LD_LIBRARY_PATH="${so%/*}" "$work/example" \
		    a@example.com </dev/null >"$work/out" 2>&1 &&
		    status=0 || status=$?
		echo "example: $status" >"$work/got"
		ordered "exit status of man/example.c without configuration"
	fi
else
	echo "drift.sh: man/example.c does not compile"
	cat "$work/cc"
	bad=1
fi

# -------------------------------------------------------------------- samples
# from the README and the manual: configurations, variables, options

$AWK -F '\t' '{ gsub(/-/, "_", $1); print "MAILCHUTE_" toupper($1) }' \
    "$work/keys" >"$work/variables"
{
	cat "$work/variables"
	sed 's/$/_FILE/' "$work/variables"
	printf 'MAILCHUTE_%s\n' CONFIG ACCOUNT URL
} >"$work/wanted"
cat "$top_srcdir/README.md" "$top_srcdir/etc/mailchute.conf.sample" \
    "$work"/mailchute*.[158] |
    tr -c 'A-Z_0-9' '\n' | grep '^MAILCHUTE_[A-Z]' >"$work/got" || true
within "README, samples and manual: unknown variables"

# configurations: a file for each
mkdir "$work/samples"
$AWK -v out="$work/samples/readme" '
/^ *```ini$/ { n++; indent = index($0, "`") - 1; open = 1; next }
/^ *```$/ { open = 0 }
open { print substr($0, indent + 1) > (out n ".conf") }
' "$top_srcdir/README.md"
$AWK -v out="$work/samples/page" '
/^\.Bd -literal/ { text = ""; open = 1; next }
/^\.Ed/ {
	if (text ~ /(^|\n)\[account /) {
		n++
		printf "%s", text > (out n ".conf")
	}
	open = 0
}
open { text = text $0 "\n" }
' "$work/mailchute.conf.5"
cp "$top_srcdir/etc/mailchute.conf.sample" "$work/samples/sample.conf"
# the settings that are off, too
sed -n 's/^#\([a-z-]* = .*\)/\1/p; s/^\(\[.*\)/\1/p; s/^#\(\[.*\)/\1/p' \
    "$work/samples/sample.conf" >"$work/samples/sample-off"
ls "$work"/samples/readme1.conf "$work"/samples/page1.conf >/dev/null ||
    { echo "drift.sh: no configuration in README or manual"; bad=1; }

cut -f 1 "$work/keys" >"$work/wanted"
cat "$work"/samples/* | sed -n 's/^\([^][#= ]*\) *=.*/\1/p' >"$work/got"
within "README, samples and manual: unknown keys"

# options of "mailchute doctor"
{
	tr '{' '\n' <"$top_srcdir/cli/doctor.c" |
	    sed -n 's/^ "\(--[a-z-]*\)", &d->.*/\1/p'
	echo --help
} >"$work/doctor-options"
cp "$work/doctor-options" "$work/wanted"
sed -n 's/^\.It Fl Fl \([a-z-]*\).*/--\1/p' "$work/mailchute-doctor.1" \
    >"$work/got"
same "options in mailchute-doctor(1)"
sed -n 's/^"  \(--[a-z-]*\) .*/\1/p' "$top_srcdir/cli/doctor.c" >"$work/got"
same "options in the help of doctor"

# options behind mailchute and sendmail; whole words in code only
{
	cut -f 1 "$work/flags" | sed 's/^/-/'
	sed 's/^/--/' "$work/long" "$work/cli-keys"
	cat "$work/queue-options" "$work/import-options" \
	    "$work/doctor-options"
	sed 's/^/--/' "$work/send-options"
	sed -n 's/^[ 	]*ROW("\(--[a-z-]*\)".*/\1/p' \
	    "$top_srcdir/cli/setup_args.c"
	echo --
} >"$work/wanted"
{
	tr '`' '\n' <"$top_srcdir/README.md"
	for page in "$work"/mailchute*.[158]; do
		sed -n '/^\.Bd -lit/,/^\.Ed/p; s/^\.D1 //p; s/^\.Dl //p;
		    s/^\.Ql //p' "$page"
	done
} | $AWK '
{
	command = 0
	gsub(/["'\''|<>]/, " ")
	for (i = 1; i <= NF; i++) {
		if ($i ~ /(^|\/)(mailchute|sendmail)$/)
			command = 1
		else if (command && $i ~ /^--/) {
			sub(/[=.,;:)].*/, "", $i)
			print $i
		} else if (command && $i ~ /^-/)
			print substr($i, 1, 2)
	}
}' >"$work/got"
test -s "$work/got" || { echo "drift.sh: no options in README"; bad=1; }
within "README and manual: unknown options"

# ---------------------------------------------------------------- the program

if ! test -x "$MAILCHUTE_BIN"; then
	echo "drift.sh: no program $MAILCHUTE_BIN, it was not asked"
	exit $((bad != 0 ? 1 : 77))
fi

for sample in "$work"/samples/*.conf; do
	chmod 600 "$sample"
	if ! run_bare "$MAILCHUTE_BIN" config check -C "$sample" \
	    >"$work/out" 2>&1; then
		echo "drift.sh: the program does not like a sample:"
		cat "$sample" "$work/out"
		bad=1
	fi
done

# a configuration that sets every key, by its type
$AWK -F '\t' '
BEGIN {
	value["TEXT"] = "x"
	value["HOST"] = "x.example"
	value["PATH"] = "/nonexistent"
	value["CMD"] = value["SECRET"] = "x"
	value["UINT"] = value["BYTES"] = "4096"
	value["SECS"] = "90"
	value["BOOL"] = "yes"
	own["auth"] = "PLAIN"
	own["source-address"] = "192.0.2.1"
	own["from"] = "me@x.example"
	own["envelope-from"] = "%U@%D"
	own["tls-pin"] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	own["log"] = "stderr"
	own["unsure-retries"] = own["connections"] = "2"
	own["pipeline-depth"] = "2"
	own["strip-headers"] = "Received User-Agent"
	own["rate"] = own["limit-messages"] = own["limit-recipients"] = "20/min"
	own["listen"] = "127.0.0.1:2525 [::1]:2525"
	own["allow-users"] = "alice 1000 @staff"
	own["allow-sender"] = "alice: %U@x.example <>; *: *@y.example"
	own["limit-errors"] = own["limit-fields"] = "100"
	own["limit-received"] = own["limit-queue-share"] = "100"
	own["dkim-selector"] = "s2026"
	own["dkim-key"] = "/etc/mailchute/dkim.pem"
	own["proxy"] = "socks5h://u@x.example:1080"
	own["oauth-device-url"] = own["oauth-auth-url"] = "https://x.example/a"
	own["oauth-token-url"] = own["oauth-revoke-url"] = "https://x.example/b"
}
{
	v = $2 == "ENUM" ? substr($4, 1, index($4, "|") - 1) : value[$2]
	if ($1 in own)
		v = own[$1]
	print $1 " = " v
}' "$work/keys" >"$work/all.conf"
chmod 600 "$work/all.conf"
cut -f 1 "$work/keys" >"$work/wanted"
run_bare "$MAILCHUTE_BIN" config show -C "$work/all.conf" 2>&1 |
    sed '/^#/d; /^\[/d; s/ = .*//' >"$work/got" || true
ordered "keys.def and mailchute config show"

# the port shown is the one that is used
$AWK -F '\t' '$3 != "" && $1 != "port" { print $1 " = " $3 }' "$work/keys" \
    >"$work/wanted"
run_bare "$MAILCHUTE_BIN" config show -C /dev/null 2>&1 |
    sed -n '/^# from: default$/{n;/^port = /!p;}' >"$work/got" || true
ordered "defaults in keys.def and in the program"

run_bare "$MAILCHUTE_BIN" --help=all >"$work/help" 2>&1 ||
    { echo "drift.sh: --help=all failed"; bad=1; }
# columns are wider where a name is: blanks do not count
squeeze() {
	sed 's/  */ /g; s/^ //; s/ $//'
}
# the rows of a group stand below its letter
$AWK -F '\t' '
function show(g, front,    i) {
	for (i = 1; i <= n; i++)
		if (group[i] == g)
			print front text[i]
}
NR == FNR {
	if ($3 != "HONOURED")
		next
	group[++n] = $1
	text[n] = $2 ($1 == "O" ? "=" : "") $4 " " $5
	next
}
$3 == "HONOURED" {
	print "-" $1 ($2 == "MAY" ? "[" $4 "]" : " " $4) " " $5
	if ($1 == "b" || $1 == "q")
		show($1, "-" $1)
	else if ($1 == "O")
		show("O", "-O ")
	else if ($1 == "o") {
		show("o", "-o")
		show("d", "-od")
		show("e", "-oe")
	}
}' "$work/subs" "$work/flags" | squeeze >"$work/wanted"
grep '^ *-[A-Za-z]' "$work/help" | squeeze >"$work/got" || true
ordered "options in flags.def and in --help"
$AWK -F '\t' '$5 !~ /NOCLI/ { print "--" $1 "=" $4 " " $6 }' "$work/keys" |
    squeeze >"$work/wanted"
grep '^ *--[a-z-]*=' "$work/help" | grep -v -e --help=all |
    squeeze >"$work/got" || true
ordered "keys in keys.def and in --help"
for status in IGNORED REFUSED; do
	{
		$AWK -F '\t' -v s=$status '$3 == s { print "-" $1 }' \
		    "$work/flags"
		$AWK -F '\t' -v s=$status '$3 == s && $1 != "O" {
			print "-" ($1 ~ /[de]/ ? "o" : "") $1 \
			    ($2 == "#" ? $4 : $2) }' "$work/subs"
	} >"$work/wanted"
	case $status in
	IGNORED) title='Accepted and ignored' words='ignored options' ;;
	*) title='Refused with status 64' words='refused options' ;;
	esac
	sed -n "s/^$title: //p" "$work/help" | tr ' ' '\n' |
	    grep . >"$work/got" || true
	ordered "$words in flags.def and in --help"
done

run_bare "$MAILCHUTE_BIN" send --help >"$work/help" 2>&1 ||
    { echo "drift.sh: send --help failed"; bad=1; }
# what stands behind a semicolon is for the manual
$AWK -F '\t' '{ sub(/;.*/, "", $5)
    print ($2 == "" ? "" : "-" $2 ", ") "--" $1 " " $4 " " $5 }' \
    "$work/sends" | squeeze >"$work/wanted"
grep '^ .*--' "$work/help" | squeeze >"$work/got" || true
ordered "options in send.def and in send --help"

# letters: what is not in the table, or refused there, is refused
for letter in a b c d e f g h i j k l m n o p q r s t u v w x y z \
    A B C D E F G H I J K L M N O P Q R S T U V W X Y Z 0 1 2 3 4 5 6 7 8 9
do
	run_bare "$MAILCHUTE_BIN" -C /dev/null "-$letter" </dev/null \
	    >"$work/out" 2>&1 || true
	if grep -q 'unknown option' "$work/out"; then
		echo "$letter unknown"
	elif run_bare "$MAILCHUTE_BIN" -C /dev/null "-$letter" x \
	    </dev/null 2>&1 | grep -q 'is refused'; then
		echo "$letter refused"
	fi
done >"$work/got"
$AWK -F '\t' '
{ status[$1] = $3 }
END {
	n = split("a b c d e f g h i j k l m n o p q r s t u v w x y z " \
	    "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z " \
	    "0 1 2 3 4 5 6 7 8 9", letter, " ")
	for (i = 1; i <= n; i++)
		if (!(letter[i] in status))
			print letter[i] " unknown"
		else if (status[letter[i]] == "REFUSED")
			print letter[i] " refused"
}' "$work/flags" >"$work/wanted"
ordered "letters that the program does not take"

# the same for modes: asked with an option behind them that ends it all
for letter in a b c d e f g h i j k l m n o p q r s t u v w x y z \
    A B C D E F G H I J K L M N O P Q R S T U V W X Y Z 0 1 2 3 4 5 6 7 8 9
do
	run_bare "$MAILCHUTE_BIN" -C /dev/null "-b$letter" --version \
	    </dev/null >"$work/out" 2>&1 || true
	if grep -q 'no such mode' "$work/out"; then
		continue
	elif grep -q 'is refused' "$work/out"; then
		echo "$letter refused"
	else
		echo "$letter taken"
	fi
done | sort >"$work/got"
$AWK -F '\t' '$1 == "b" {
	print $2, ($3 == "REFUSED" ? "refused" : "taken") }' "$work/subs" |
    sort >"$work/wanted"
ordered "modes that the program takes"

exit $bad
