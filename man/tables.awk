# SPDX-License-Identifier: MIT
# tables.awk - manual pages and completions from the tables in *.def
#
#	awk -v version=V -v sysconfdir=D -v runstatedir=D -v bindir=D \
#	    -v sbindir=D -f tables.awk TABLE... PROSE... TEMPLATE
#
# Tables end in .def, prose in .mdoc, an example in .c; the template is what
# ends in .in, and goes to standard output.  A line of the template that is
# nothing but @NAME@ is replaced by a list made here, @version@ and the
# directories anywhere.  Prose is a file of paragraphs, each behind a line
#	.\" KEY name, .\" FLAG letter, or .\" GROUP title (of the next key).
# With -v list=keys and the like and no template: bare lists for comparing.
# Runs on any awk of POSIX.

# ------------------------------------------------------------------- helpers

function fail(what) {
	print "tables.awk: " what | "cat 1>&2"
	failed = 1
	exit 1
}

# gsub treats backslashes differently from awk to awk; this has none of it
function swap(s, from, to,    out, at) {
	out = ""
	while ((at = index(s, from)) > 0) {
		out = out substr(s, 1, at - 1) to
		s = substr(s, at + length(from))
	}
	return out s
}

function base(path) {
	sub(/^.*\//, "", path)
	return path
}

# "a, "b, c", d)" into F[1..]: commas outside quotes separate
function split_row(s,    i, c, quoted, n, word) {
	n = 1
	word = ""
	quoted = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\"") {
			quoted = !quoted
			continue
		}
		if (!quoted && c == ")")
			break
		if (!quoted && c == ",") {
			F[n++] = word
			word = ""
			continue
		}
		if (!quoted && c == " " && word == "")
			continue
		word = word c
	}
	F[n] = word
	return n
}

# a row of PREFIX(...), into F; the number of fields must be `want`
function row(prefix, want,    s, n) {
	s = substr($0, length(prefix) + 2)
	n = split_row(s)
	if (n != want)
		fail(FILENAME ":" FNR ": " n " fields, not " want)
}

function has_flag(key, flag) {
	return index("|" key_flags[key] "|", "|" flag "|") > 0
}

function is_choice(key) {
	return key_type[key] == "ENUM" || key_type[key] == "BOOL"
}

# --------------------------------------------------------------------- roff

function roff(s) {
	s = swap(s, "\\", "\\e")
	if (s ~ /^[.\047]/)
		s = "\\&" s
	return s
}

function sentence(s) {
	s = roff(s)
	# "m send" is a mode, not the beginning of a sentence
	if (s !~ /^[A-Z]/ && s !~ /^[b-z] /)
		s = toupper(substr(s, 1, 1)) substr(s, 2)
	return s "."
}

function upper_name(key,    s) {
	s = toupper(key)
	gsub(/-/, "_", s)
	return "MAILCHUTE_" s
}

# macros for what stands behind a key: fixed words or a name for the value
function value_macros(key) {
	return (is_choice(key) ? "Cm " : "Ar ") swap(key_arg[key], "|", " | ")
}

function print_key(k) {
	print ".It Ic " k " No = " value_macros(k)
	print sentence(key_help[k])
	if (key_default[k] != "")
		print "The default is\n.Li " roff(key_default[k]) " ."
}

function print_keys(    i, k, open) {
	for (i = 1; i <= n_keys; i++) {
		k = keys[i]
		if (k in group) {
			if (open)
				print ".El"
			print ".Ss " group[k]
			open = 0
		}
		if (!open)
			print ".Bl -tag -width Ds"
		open = 1
		print_key(k)
		if (has_flag(k, "MC_KF_GLOBAL"))
			print "Only before the first section."
		if (k in prose)
			printf "%s", ".Pp\n" prose[k]
	}
	if (open)
		print ".El"
}

function print_cli_keys(    i, k) {
	print ".Bl -tag -width Ds -compact"
	for (i = 1; i <= n_keys; i++) {
		k = keys[i]
		if (has_flag(k, "MC_KF_NOCLI"))
			continue
		print ".It Fl Fl " k " Ns = Ns " value_macros(k)
		print sentence(key_help[k])
	}
	print ".El"
}

# the keys that only the service looks at
function is_of_service(k) {
	return k ~ /^(allow|limit|serve|socket)-/ || k == "socket" || \
	    k == "listen" || k == "trust-loopback"
}

function print_serve_keys(    i, k, open) {
	for (i = 1; i <= n_keys; i++) {
		k = keys[i]
		if (!is_of_service(k))
			continue
		if (!open)
			print ".Pp\n.Bl -tag -width Ds -compact"
		open = 1
		print_key(k)
	}
	if (open)
		print ".El"
}

function flag_macros(f,    arg) {
	arg = swap(flag_arg[f], "|", " | ")
	arg = (arg ~ /\|/ ? "Cm " : "Ar ") arg
	if (flag_value[f] == "NONE")
		return "Fl " f
	if (flag_arg[f] == "")
		return "Fl " f " Ns Oo Ar text Oc"
	if (flag_value[f] == "MAY")
		return "Fl " f " Ns Oo " arg " Oc"
	return "Fl " f " " arg
}

# what may stand behind a letter: what it looks like in front of its argument
function sub_prefix(g) {
	if (g == "d" || g == "e")
		return "o" g
	return g
}

function sub_argument(i,    arg) {
	arg = swap(sub_arg[i], "|", " | ")
	return (arg ~ /\|/ ? "Cm " : "Ar ") arg
}

function sub_macros(i,    name) {
	if (sub_group[i] == "O")
		return "Fl O Cm " sub_name[i] " Ns = Ns " sub_argument(i)
	name = sub_name[i] == "#" ? "" : sub_name[i]
	name = "Fl " sub_prefix(sub_group[i]) name
	return sub_arg[i] == "" ? name : name " Ns " sub_argument(i)
}

function print_subs(g,    i) {
	print ".Bl -tag -width Ds -compact"
	for (i = 1; i <= n_subs; i++) {
		if (sub_group[i] != g)
			continue
		print ".It " sub_macros(i)
		print ".Em " status_word[sub_status[i]] " :"
		print roff(sub_help[i]) "."
	}
	print ".El"
}

function init_words() {
	status_word["HONOURED"] = "works"
	status_word["IGNORED"] = "accepted, no effect"
	status_word["REFUSED"] = "refused, status 64"
}

function print_options(    i, f) {
	for (i = 1; i <= n_flags; i++) {
		f = flags[i]
		if (flag_status[f] != "HONOURED")
			continue
		print ".It " flag_macros(f)
		print sentence(flag_help[f])
		if (f in flag_prose)
			printf "%s", flag_prose[f]
	}
}

function print_flag_table(    i, f) {
	print ".Bl -tag -width Ds -compact"
	for (i = 1; i <= n_flags; i++) {
		f = flags[i]
		print ".It " flag_macros(f)
		print ".Em " status_word[flag_status[f]] " :"
		print roff(flag_help[f]) "."
	}
	print ".El"
}

function print_send_options(    i, s) {
	for (i = 1; i <= n_sends; i++) {
		s = ".It "
		if (send_letter[i] != "")
			s = s "Fl " send_letter[i] " , "
		s = s "Fl Fl " sends[i]
		if (send_value[i] == "NEED")
			s = s " Ar " send_arg[i]
		print s
		print sentence(send_help[i])
	}
}

# the numbers are those of <sysexits.h> everywhere; drift.sh compares
function init_exits(    i, n, w) {
	n = split("EX_USAGE EX_DATAERR EX_NOINPUT EX_NOUSER EX_NOHOST " \
	    "EX_UNAVAILABLE EX_SOFTWARE EX_OSERR EX_OSFILE EX_CANTCREAT " \
	    "EX_IOERR EX_TEMPFAIL EX_PROTOCOL EX_NOPERM EX_CONFIG", w, " ")
	for (i = 1; i <= n; i++)
		exit_number[w[i]] = 63 + i
}

function print_exits(    number, i, e, name, text) {
	for (number = 64; number <= 78; number++) {
		text = ""
		for (i = 1; i <= n_errors; i++) {
			e = errors[i]
			if (exit_number[error_exit[e]] != number)
				continue
			name = error_exit[e]
			text = text (text == "" ? "" : ";\n") roff(error_text[e])
		}
		if (text == "")
			continue
		print ".It " number " Pq Dv " name
		print toupper(substr(text, 1, 1)) substr(text, 2) "."
	}
}

function print_errors(    i, e, class) {
	class["USAGE"] = "usage"
	class["DATA"] = "message or address"
	class["CONFIG"] = "configuration"
	class["LOCAL"] = "this machine"
	class["TEMP"] = "temporary"
	class["ACCOUNT"] = "account"
	class["PROTO"] = "protocol"
	class["REPLY"] = "the server's reply decides"
	class["INTERNAL"] = "internal"
	print ".Bl -tag -width Ds -compact"
	for (i = 1; i <= n_errors; i++) {
		e = errors[i]
		if (!(error_class[e] in class))
			fail("no words for class " error_class[e])
		print ".It Dv MC_E_" e
		print sentence(error_text[e])
		print "Class: " class[error_class[e]] "; exit status " \
		    exit_number[error_exit[e]] "; " error_enh[e] "."
	}
	print ".El"
}

function print_mechs(    i, m) {
	print ".Bl -column -offset indent SCRAM-SHA-256-PLUS " \
	    "\"client certificate\" \"only when named\""
	print ".It Em mechanism Ta Em needs Ta Em with auto"
	for (i = 1; i <= n_mechs; i++) {
		m = mechs[i]
		print ".It Cm " m " Ta " mech_needs(m) " Ta " \
		    (index(mech_traits[m], "MC_MT_AUTO") ? "yes" : \
		    "only when named")
	}
	print ".El"
}

function mech_needs(m) {
	if (index(mech_need[m], "CERT"))
		return "client certificate"
	if (index(mech_need[m], "TOKEN"))
		return "user, token"
	if (index(mech_need[m], "PASSWORD"))
		return "user, password"
	return "ticket"
}

function print_timeouts(    i) {
	print ".Bl -column -offset indent " \
	    "\"waiting for the verdict on the message\" \"seconds\""
	for (i = 1; i <= n_states; i++)
		if (state_name[i] !~ /^(READY|QUIT|DEAD)$/)
			print ".It " state_words[i] " Ta " state_seconds[i]
	print ".El"
}

function print_commands(    i) {
	print ".Bl -tag -width Ds"
	for (i = 1; i <= n_commands; i++) {
		print ".It Nm mailchute Cm " commands[i]
		print sentence(command_help[i])
	}
	print ".El"
}

function print_example(    i) {
	print ".Bd -literal"
	for (i = 1; i <= n_example; i++)
		print roff(example[i])
	print ".Ed"
}

# -------------------------------------------------------------- completions

function print_fish_commands(    i) {
	for (i = 1; i <= n_commands; i++)
		print "complete -c mailchute -n __mailchute_is_first -a " \
		    commands[i] " -d " shell(command_help[i])
}

# the names of a group that work, with something in front
function sub_choices(g, front,    i, s) {
	s = ""
	for (i = 1; i <= n_subs; i++)
		if (sub_group[i] == g && sub_status[i] == "HONOURED")
			s = s (s == "" && front == "" ? "" : " ") front \
			    sub_name[i] (g == "O" ? "=" : "")
	return s
}

# values that can be listed; the table names the rest by a word
function flag_choices(f) {
	if (f == "B")
		return "8BITMIME 7BIT"
	if (f == "N")
		return "never success failure delay"
	if (f == "b" || f == "e")
		return sub_choices(f, "")
	if (f == "o")
		return "i v" sub_choices("d", "d") sub_choices("e", "e")
	if (f == "O")
		return sub_choices("O", "")
	if (index(flag_arg[f], "|"))
		return swap(flag_arg[f], "|", " ")
	return ""
}

function is_offered(f) {
	return flag_status[f] == "HONOURED"
}

function shell(s) {
	return "'" swap(s, "'", "'\\''") "'"
}

function zsh_text(s) {
	s = swap(s, "\\", "\\\\")
	s = swap(s, "[", "\\[")
	s = swap(s, "]", "\\]")
	return swap(s, ":", "\\:")
}

function zsh_action(f) {
	if (flag_arg[f] == "account")
		return "_mailchute_accounts"
	if (flag_arg[f] == "file")
		return "_files"
	if (flag_choices(f) != "")
		return "(" flag_choices(f) ")"
	return " "
}

function print_zsh(    i, f, k, spec) {
	for (i = 1; i <= n_flags; i++) {
		f = flags[i]
		if (!is_offered(f))
			continue
		spec = "*-" f
		if (flag_value[f] == "NEED")
			spec = spec "+"
		else if (flag_value[f] == "MAY")
			spec = spec "-"
		spec = spec "[" zsh_text(flag_help[f]) "]"
		if (flag_value[f] == "MAY")
			spec = spec "::" zsh_text(flag_arg[f]) ": "
		else if (flag_value[f] != "NONE")
			spec = spec ":" zsh_text(flag_arg[f]) ":" zsh_action(f)
		print "\t" shell(spec)
	}
	for (i = 1; i <= n_keys; i++) {
		k = keys[i]
		if (has_flag(k, "MC_KF_NOCLI"))
			continue
		print "\t" shell("*--" k "=[" zsh_text(key_help[k]) "]:" \
		    zsh_text(key_arg[k]) ":" (is_choice(k) ? \
		    "(" swap(key_arg[k], "|", " ") ")" : " "))
	}
}

function print_fish(    i, f, k, line) {
	for (i = 1; i <= n_flags; i++) {
		f = flags[i]
		if (!is_offered(f))
			continue
		line = "complete -c mailchute -s " f
		if (flag_arg[f] == "account")
			line = line " -x -a '(__mailchute_accounts)'"
		else if (flag_arg[f] == "file")
			line = line " -r -F"
		else if (flag_value[f] == "NEED" && flag_choices(f) != "")
			line = line " -x -a " shell(flag_choices(f))
		else if (flag_value[f] == "NEED")
			line = line " -x"
		print line " -d " shell(flag_help[f])
	}
	for (i = 1; i <= n_keys; i++) {
		k = keys[i]
		if (has_flag(k, "MC_KF_NOCLI"))
			continue
		line = "complete -c mailchute -l " k " -x"
		if (is_choice(k))
			line = line " -a " shell(swap(key_arg[k], "|", " "))
		print line " -d " shell(key_help[k])
	}
}

# the arms of a case over the word before
function print_bash_values(    i, f, k) {
	for (i = 1; i <= n_flags; i++) {
		f = flags[i]
		if (!is_offered(f) || flag_value[f] != "NEED")
			continue
		print "\t-" f ")"
		if (flag_arg[f] == "account")
			print "\t\t_mailchute_accounts \"$1\""
		else if (flag_arg[f] == "file")
			print "\t\t_mailchute_files"
		else if (flag_choices(f) != "")
			print "\t\t_mailchute_words " shell(flag_choices(f))
		print "\t\treturn 0 ;;"
	}
	for (i = 1; i <= n_keys; i++) {
		k = keys[i]
		if (has_flag(k, "MC_KF_NOCLI"))
			continue
		print "\t--" k ")"
		if (is_choice(k))
			print "\t\t_mailchute_words " \
			    shell(swap(key_arg[k], "|", " "))
		print "\t\treturn 0 ;;"
	}
}

function print_bash_options(    i) {
	for (i = 1; i <= n_flags; i++)
		if (is_offered(flags[i]))
			print "\t-" flags[i]
	for (i = 1; i <= n_keys; i++)
		if (!has_flag(keys[i], "MC_KF_NOCLI"))
			print "\t--" keys[i] "="
}

# ------------------------------------------------- completions of "send"

# what completes the value of an option of send
function send_action(i, account, file, none) {
	return send_arg[i] == "account" ? account : \
	    send_arg[i] == "file" ? file : none
}

function print_zsh_send(    i, spec) {
	for (i = 1; i <= n_sends; i++) {
		spec = "[" zsh_text(send_help[i]) "]"
		if (send_value[i] == "NEED")
			spec = spec ":" zsh_text(send_arg[i]) ":" \
			    send_action(i, "_mailchute_accounts", "_files", " ")
		if (send_letter[i] != "")
			print "\t    " shell("*-" send_letter[i] \
			    (send_value[i] == "NEED" ? "+" : "") spec)
		print "\t    " shell("*--" sends[i] \
		    (send_value[i] == "NEED" ? "=" : "") spec)
	}
}

function print_fish_send(    i, line) {
	for (i = 1; i <= n_sends; i++) {
		line = "complete -c mailchute -n __mailchute_is_send"
		if (send_letter[i] != "")
			line = line " -s " send_letter[i]
		line = line " -l " sends[i]
		if (send_value[i] == "NEED")
			line = line " " send_action(i, \
			    "-x -a '(__mailchute_accounts)'", "-r -F", "-x")
		print line " -d " shell(send_help[i])
	}
}

function print_bash_send_values(    i) {
	for (i = 1; i <= n_sends; i++) {
		if (send_value[i] != "NEED")
			continue
		print "\t" (send_letter[i] == "" ? "" : \
		    "-" send_letter[i] " | ") "--" sends[i] ")"
		if (send_action(i, "a", "f", "") != "")
			print "\t\t" send_action(i, \
			    "_mailchute_accounts \"$1\"", "_mailchute_files")
		print "\t\treturn 0 ;;"
	}
}

function print_bash_send_options(    i) {
	for (i = 1; i <= n_sends; i++) {
		if (send_letter[i] != "")
			print "\t    -" send_letter[i]
		print "\t    --" sends[i] (send_value[i] == "NEED" ? "=" : "")
	}
}

# -------------------------------------------------------------- bare lists

function print_list(what,    i, k) {
	if (what == "keys")
		for (i = 1; i <= n_keys; i++) {
			k = keys[i]
			print k "\t" key_type[k] "\t" key_default[k] "\t" \
			    key_arg[k] "\t" key_flags[k] "\t" key_help[k]
		}
	else if (what == "flags")
		for (i = 1; i <= n_flags; i++) {
			k = flags[i]
			print k "\t" flag_value[k] "\t" flag_status[k] "\t" \
			    flag_arg[k] "\t" flag_help[k]
		}
	else if (what == "subs")
		for (i = 1; i <= n_subs; i++)
			print sub_group[i] "\t" sub_name[i] "\t" \
			    sub_status[i] "\t" sub_arg[i] "\t" sub_help[i] \
			    "\t" sub_id[i]
	else if (what == "errors")
		for (i = 1; i <= n_errors; i++) {
			k = errors[i]
			print k "\t" error_class[k] "\t" error_exit[k] "\t" \
			    exit_number[error_exit[k]]
		}
	else if (what == "sends")
		for (i = 1; i <= n_sends; i++)
			print sends[i] "\t" send_letter[i] "\t" \
			    send_value[i] "\t" send_arg[i] "\t" send_help[i]
	else if (what == "prose")
		for (i = 1; i <= n_prose; i++)
			print prose_names[i]
	else
		fail("no such list: " what)
}

# -------------------------------------------------------------------- input

BEGIN {
	init_exits()
	init_words()
}

FNR == 1 {
	file = base(FILENAME)
	kind = file ~ /\.def$/ ? "def" : file ~ /\.mdoc$/ ? "mdoc" : \
	    file ~ /\.c$/ ? "c" : "in"
	name = ""
}

kind == "def" && /^MC_KEY\(/ {
	row("MC_KEY", 7)
	k = F[2]
	keys[++n_keys] = k
	key_type[k] = F[3]
	key_default[k] = F[4] == "NONE" ? "" : \
	    swap(F[4], "RUNSTATEDIR ", runstatedir)
	key_flags[k] = F[5]
	key_arg[k] = F[6]
	key_help[k] = F[7]
}

kind == "def" && /^MC_FLAG\(/ {
	row("MC_FLAG", 5)
	f = substr(F[1], 2, 1)
	flags[++n_flags] = f
	flag_value[f] = F[2]
	flag_status[f] = F[3]
	flag_arg[f] = F[4]
	flag_help[f] = F[5]
}

kind == "def" && /^MC_SUB\(/ {
	row("MC_SUB", 6)
	n_subs++
	sub_group[n_subs] = F[1]
	sub_name[n_subs] = F[2]
	sub_id[n_subs] = F[3]
	sub_status[n_subs] = F[4]
	sub_arg[n_subs] = F[5]
	sub_help[n_subs] = F[6]
	if (!(F[4] in status_word))
		fail(FILENAME ":" FNR ": no status " F[4])
}

kind == "def" && /^MC_COMMAND\(/ {
	row("MC_COMMAND", 2)
	commands[++n_commands] = F[1]
	command_help[n_commands] = F[2]
	command_words = command_words (n_commands == 1 ? "" : " ") F[1]
}

kind == "def" && /^MC_SEND\(/ {
	row("MC_SEND", 6)
	n_sends++
	send_letter[n_sends] = F[2] == "0" ? "" : substr(F[2], 2, 1)
	sends[n_sends] = F[3]
	send_value[n_sends] = F[4]
	send_arg[n_sends] = F[5]
	send_help[n_sends] = F[6]
}

kind == "def" && /^MC_ERR\(/ {
	row("MC_ERR", 7)
	errors[++n_errors] = F[1]
	error_class[F[1]] = F[2]
	error_exit[F[1]] = F[3]
	error_enh[F[1]] = F[4] "." F[5] "." F[6]
	error_text[F[1]] = F[7]
	if (!(F[3] in exit_number))
		fail(FILENAME ":" FNR ": no exit status " F[3])
}

kind == "def" && /^MC_MECH\(/ {
	row("MC_MECH", 5)
	mechs[++n_mechs] = F[2]
	mech_need[F[2]] = F[4]
	mech_traits[F[2]] = F[5]
}

kind == "def" && /^MC_STATE\(/ {
	row("MC_STATE", 4)
	n_states++
	state_name[n_states] = F[1]
	state_seconds[n_states] = F[3]
	state_words[n_states] = F[4]
}

kind == "mdoc" && /^\.\\" (KEY|FLAG|GROUP) / {
	section = $2
	name = substr($0, length($1 $2) + 3)
	if (section == "GROUP") {
		next_group = name
		name = ""
		next
	}
	prose_names[++n_prose] = section " " name
	if (section == "KEY" && next_group != "")
		group[name] = next_group
	next_group = ""
	next
}

kind == "mdoc" && name != "" && !/^\.\\"/ && NF > 0 {
	if ($0 == "@MECHS@" || $0 == "@TIMEOUTS@")
		fail("lists stand in templates only")
	if (section == "KEY")
		prose[name] = prose[name] $0 "\n"
	else
		flag_prose[name] = flag_prose[name] $0 "\n"
}

kind == "c" {
	example[++n_example] = $0
}

# ------------------------------------------------------------------- output

kind == "in" {
	if ($0 == "@KEYS@")
		print_keys()
	else if ($0 == "@SERVEKEYS@")
		print_serve_keys()
	else if ($0 == "@CLIKEYS@")
		print_cli_keys()
	else if ($0 == "@OPTIONS@")
		print_options()
	else if ($0 == "@FLAGS@")
		print_flag_table()
	else if ($0 == "@MODES@")
		print_subs("b")
	else if ($0 == "@RUNS@")
		print_subs("q")
	else if ($0 == "@SHORTS@")
		print_subs("o")
	else if ($0 == "@DELIVERIES@")
		print_subs("d")
	else if ($0 == "@ERRORMODES@")
		print_subs("e")
	else if ($0 == "@LONGS@")
		print_subs("O")
	else if ($0 == "@EXITS@")
		print_exits()
	else if ($0 == "@ERRORS@")
		print_errors()
	else if ($0 == "@MECHS@")
		print_mechs()
	else if ($0 == "@TIMEOUTS@")
		print_timeouts()
	else if ($0 == "@EXAMPLE@")
		print_example()
	else if ($0 == "@ZSH@")
		print_zsh()
	else if ($0 == "@FISH@")
		print_fish()
	else if ($0 == "@BASHVALUES@")
		print_bash_values()
	else if ($0 == "@BASHOPTIONS@")
		print_bash_options()
	else if ($0 == "@SENDOPTIONS@")
		print_send_options()
	else if ($0 == "@ZSHSEND@")
		print_zsh_send()
	else if ($0 == "@FISHSEND@")
		print_fish_send()
	else if ($0 == "@BASHSENDVALUES@")
		print_bash_send_values()
	else if ($0 == "@BASHSENDOPTIONS@")
		print_bash_send_options()
	else if ($0 == "@COMMANDS@")
		print_commands()
	else if ($0 == "@FISHCOMMANDS@")
		print_fish_commands()
	else if ($0 ~ /^@[A-Z]+@$/)
		fail(FILENAME ":" FNR ": no such list: " $0)
	else {
		line = swap($0, "@version@", version)
		line = swap(line, "@commands@", command_words)
		line = swap(line, "@sysconfdir@", sysconfdir)
		line = swap(line, "@runstatedir@", runstatedir)
		line = swap(line, "@bindir@", bindir)
		print swap(line, "@sbindir@", sbindir)
	}
}

END {
	if (!failed && list != "")
		print_list(list)
}
