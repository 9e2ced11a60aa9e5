#!/bin/sh
# SPDX-License-Identifier: MIT
# completions.sh - the completions load in their shells and complete
#
# Asks each shell the same questions.  A shell that is not here is skipped;
# SHELLS names fewer than bash, zsh and fish.
# shellcheck disable=SC2016 # programs for awk and zsh
set -eu

. "${top_srcdir:-.}/tests/lint/common.sh"

bad=0
skipped=
asked=0

if ! test -x "$MAILCHUTE_BIN"; then
	echo "completions.sh: no program $MAILCHUTE_BIN"
	exit 99
fi
# found by its name, as on a terminal
mkdir "$work/bin"
ln -s "$(cd "${MAILCHUTE_BIN%/*}" && pwd)/${MAILCHUTE_BIN##*/}" \
    "$work/bin/mailchute"
PATH=$work/bin:$PATH
cat >"$work/accounts.conf" <<END
[account work]
host = smtp.work.example
[account home]
host = smtp.home.example
END
# a queue with two messages, if what makes it is here
make=$top_builddir/tests/integration/queue_make
ids='aaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbb'
echo "queue-dir = $work/spool" >"$work/queue.conf"
if test -x "$make"; then
	for id in $ids; do
		echo "put id=$id rcpt=a@example.com"
	done | "$make" "$work/spool" >/dev/null
fi
for shell in bash zsh fish; do
	generate "completions/mailchute.$shell.in" >"$work/mailchute.$shell"
done
mkdir "$work/zsh"
cp "$work/mailchute.zsh" "$work/zsh/_mailchute"
: >"$work/file-a"
: >"$work/file-b"
cd "$work"

# ---------------------------------------------------- one question, a shell
# each prints the completions of the line in $1, one a line

ask_bash() {
	cat >"$work/ask.bash" <<'END'
# the words as readline makes them: = is a word of its own
compopt() { :; }
source "$1"
complete -p mailchute >/dev/null || exit 1
line=${2//=/ = }
read -ra COMP_WORDS <<<"$line"
[[ $line == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_mailchute mailchute "${COMP_WORDS[COMP_CWORD]}" \
    "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
END
	run_bare bash --norc "$work/ask.bash" "$work/mailchute.bash" "$1"
}

ask_fish() {
	run_bare fish --no-config -c \
	    "source $work/mailchute.fish; complete -C '$1'" |
	    sed 's/	.*//'
}

# a terminal of its own, since zsh completes nowhere else: Tab lists
# everything, between two marks
ask_zsh() {
	cat >"$work/ask.zsh" <<'END'
zmodload zsh/zpty zsh/zselect || exit 99
zpty z zsh -f -i
zpty -w z "PS1= PROMPT_EOL_MARK=; unsetopt zle_bracketed_paste
fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -d $1/dump
zstyle ':completion:*' list-colors ''
zstyle ':completion:*' verbose no
zstyle ':completion:*' format ''
LISTMAX=10000; setopt no_list_beep no_always_last_prompt
tell() { compadd() {
	local -a shown; builtin compadd -O shown \"\$@\"
	print -lr -- \$shown >>$2; builtin compadd \"\$@\" }
	zle list-choices; unfunction compadd; print done >>$2 }
zle -N tell; bindkey '^I' tell; stty -echo"
zpty -w z "print ready >>$2"
integer i
for ((i = 0; i < 100; i++)); do
	zpty -r -t z line 2>/dev/null
	[[ -s $2 ]] && break
	zselect -t 2
done
: >$2
zpty -n -w z "$3"$'\t'
for ((i = 0; i < 100; i++)); do
	zpty -r -t z line 2>/dev/null
	grep -q '^done$' $2 && break
	zselect -t 2
done
zpty -d z
grep -v '^done$' $2
END
	rm -f "$work/zsh.out"
	run_bare TERM=dumb COLUMNS=500 LINES=100 zsh -f "$work/ask.zsh" \
	    "$work/zsh" "$work/zsh.out" "$1"
}

# expect SHELL LINE WORD...: exactly these words, the order does not count;
# "has" before the words: these and others
expect() {
	shell=$1
	line=$2
	shift 2
	asked=$((asked + 1))
	"ask_$shell" "$line" 2>"$work/stderr" | sed 's/=$//' | grep . |
	    sort -u >"$work/got" || true
	if test "$1" = has; then
		shift
		printf '%s\n' "$@" | sort >"$work/wanted"
		comm -23 "$work/wanted" "$work/got" >"$work/missing"
		test -s "$work/missing" || return 0
	else
		printf '%s\n' "$@" | sort >"$work/wanted"
		cmp -s "$work/wanted" "$work/got" && return 0
	fi
	echo "completions.sh: $shell, for \"$line\":"
	diff "$work/wanted" "$work/got" || true
	cat "$work/stderr"
	bad=1
}

long=$(list keys | $AWK -F '\t' '$5 !~ /NOCLI/ { print "--" $1 }')
choices=$(list keys | $AWK -F '\t' '$1 == "fan-out" { gsub(/\|/, " ", $4)
    print $4 }')

for shell in ${SHELLS:-bash zsh fish}; do
	if ! command -v "$shell" >/dev/null 2>&1; then
		skipped="$skipped $shell"
		continue
	fi
	if ! $shell -n "$work/mailchute.$shell"; then
		echo "completions.sh: $shell cannot read its completions"
		bad=1
		continue
	fi
	# shellcheck disable=SC2086 # lists of words
	expect "$shell" 'mailchute --' has $long --account --config --dry-run \
	    --help --verbose --version
	expect "$shell" 'mailchute --dry' --dry-run
	expect "$shell" 'mailchute -C accounts.conf -a ' home work
	expect "$shell" 'mailchute -t -C accounts.conf -a w' work
	expect "$shell" 'mailchute config ' has check show import
	expect "$shell" 'mailchute config import --fo' --force
	expect "$shell" 'mailchute config import --from msm' msmtp
	expect "$shell" 'mailchute config import --from msmtp file-' file-a file-b
	expect "$shell" 'mailchute config import --output file-' file-a file-b
	expect "$shell" 'mailchute config s' show
	expect "$shell" 'mailchute -R ' full hdrs
	expect "$shell" 'mailchute -C file-' file-a file-b
	expect "$shell" 'mailchute co' config
	expect "$shell" 'mailchute q' queue
	expect "$shell" 'mailchute queue ' has list show hold release retry \
	    remove run check stats
	expect "$shell" 'mailchute queue r' release retry remove run
	expect "$shell" 'mailchute queue list -C accounts.conf -a w' work
	expect "$shell" 'mailchute queue stats --prom' --prometheus
	expect "$shell" 'mailchute queue show -C file-' file-a file-b
	expect "$shell" 'mailchute dk' dkim
	expect "$shell" 'mailchute dkim ' has keygen record
	expect "$shell" 'mailchute dkim keygen --ed' --ed25519
	expect "$shell" 'mailchute dkim keygen --out file-' file-a file-b
	expect "$shell" 'mailchute dkim record -C accounts.conf w' work
	expect "$shell" 'mailchute lo' login logout
	expect "$shell" 'mailchute login -C accounts.conf w' work
	expect "$shell" 'mailchute login --flow d' device
	expect "$shell" 'mailchute logout --lo' --local
	expect "$shell" 'mailchute se' send serve setup
	expect "$shell" 'mailchute sen' send
	expect "$shell" 'mailchute setup --store p' has pass
	expect "$shell" 'mailchute setup --accept' --accept-unverified
	expect "$shell" 'mailchute serve to' token
	expect "$shell" 'mailchute serve token ' has add remove
	expect "$shell" 'mailchute serve token add roo' has root
	expect "$shell" 'mailchute serve --no-t' --no-tcp
	expect "$shell" 'mailchute serve -C file-' file-a file-b
	expect "$shell" 'mailchute serve -C file-a token remove roo' has root
	expect "$shell" 'mailchute send --' has --to --cc --bcc --subject \
	    --attach --html --dry-run
	expect "$shell" 'mailchute send --sub' --subject
	expect "$shell" 'mailchute send --to a@example.com --attach file-' \
	    file-a file-b
	expect "$shell" 'mailchute send -C accounts.conf -a w' work
	if test -x "$make"; then
		# shellcheck disable=SC2086 # a list of words
		expect "$shell" 'mailchute queue show -C queue.conf ' has $ids
		expect "$shell" 'mailchute queue hold -C queue.conf b' "${ids#* }"
		expect "$shell" 'mailchute queue remove -C queue.conf al' all
	fi
	case $shell in
	fish)
		# fish shows the whole word
		# shellcheck disable=SC2046
		expect "$shell" 'mailchute --fan-out=' \
		    $(for c in $choices; do echo "--fan-out=$c"; done)
		;;
	*)
		# shellcheck disable=SC2086
		expect "$shell" 'mailchute --fan-out=' $choices
		;;
	esac
done

test $bad = 0 || exit 1
echo "completions.sh: $asked questions answered"
if test -n "$skipped"; then
	echo "completions.sh: skipped for want of:$skipped"
	exit 77
fi
