mailchute send: messages made of options, standard input and files.

== @send-base           a text for one recipient
-- run
mailchute send --to a@example.test
-- stdin
hello

== send-text            a text, and nothing else
-- use send-base
-- run
mailchute send --to a@example.test --subject hi
-- expect
exit: 0
connections: 1
size-exact: yes
-- txn
from: me@example.test
to: a@example.test
params:
header~ (?m)^From: (?:.* )?<?me@example\.test>?$
header~ (?m)^To: a@example\.test$
header~ (?m)^Subject: hi$
header~ (?m)^Date: \w\w\w, 
header~ (?m)^Message-ID: <.*@example\.test>$
header~ (?m)^MIME-Version: 1\.0$
header~ (?m)^Content-Type: text/plain; charset=UTF-8$
header~ (?m)^Content-Transfer-Encoding: 7bit$
header!~ (?mi)^(?:Cc|Bcc|Reply-To):
body:
hello

== send-forms           --name value and --name=value, and short forms
-- for WORDS in --to a@example.test --subject hi | --to=a@example.test --subject=hi | -s hi --to a@example.test | -s hi --to=a@example.test -C @DIR@/config -a t | --config=@DIR@/config --account=t --subject hi --to a@example.test -q
-- run
mailchute send @WORDS@
-- stdin
hello
-- txn
to: a@example.test
header~ (?m)^Subject: hi$
body:
hello

== send-dots            lines with a dot, and From
-- use send-base
-- stdin
From x
.
..
From y
-- txn
to: a@example.test
body:
From x
.
..
From y

== send-key             a key of the configuration
-- run
mailchute send --to a@example.test --fan-out=off --bcc b@example.test
-- stdin
hello
-- txn
to: a@example.test
to: b@example.test
data!~ \bb@example

== send-recipients      To, Cc and Bcc, each more than once; nobody is told of Bcc
-- run
mailchute send --to 'A <a@example.test>' --cc c@example.test --to 'b@example.test, d@example.test' --bcc e@example.test --bcc 'F <f@example.test>' --cc '' --bcc ''
-- stdin
hello
-- expect
connections: 1
-- txn
to: a@example.test
to: b@example.test
to: d@example.test
to: c@example.test
header~ (?m)^To: A <a@example\.test>, b@example\.test, d@example\.test$
header~ (?m)^Cc: c@example\.test$
data!~ (?im)\b[ef]@example|^bcc
-- txn
to: e@example.test
data!~ (?im)\b[ef]@example|^bcc
-- txn
to: f@example.test
data!~ (?im)\b[ef]@example|^bcc

== send-undisclosed     Bcc alone
-- run
mailchute send --to 'nobody:;' --bcc a@example.test
-- stdin
hello
-- txn
to: a@example.test
header~ (?m)^To: undisclosed-recipients:;$
data!~ \ba@example

== send-from            another sender, in envelope and header
-- run
mailchute send --to a@example.test --from 'Böb <bob@example.test>' --reply-to 'x@example.test, Ÿ <y@example.test>'
-- stdin
hello
-- txn
from: bob@example.test
to: a@example.test
header~ (?m)^From: =\?UTF-8\?B\?QsO2Yg==\?= <bob@example\.test>$
header~ (?m)^Reply-To: x@example\.test, =\?UTF-8\?B\?xbg=\?= <y@example\.test>$

== send-subject         a subject outside ASCII
-- for SUBJECT WORD
Grüße | =\?UTF-8\?B\?R3LDvMOfZQ==\?=
日本語 | =\?UTF-8\?B\?5pel5pys6Kqe\?=
a =?UTF-8?B?eA==?= | =\?UTF-8\?B\?YSA9P1VURi04P0I\/ZUE9PT89\?=
a  b | a  b
-- run
mailchute send --to a@example.test --subject '@SUBJECT@'
-- stdin
hello
-- txn
to: a@example.test
header~ (?m)^Subject: @WORD@$

== send-long-subject    long ones are folded
-- for SUBJECT in \*40{word } | \*60{€} | \*2000{x} | \*600{é x}
-- run
mailchute send --to a@example.test --subject '@SUBJECT@'
-- stdin
hello
-- txn
to: a@example.test
header!~ (?m)^.{79}
header!~ [^\x00-\x7f]

== send-header          further fields
-- run
mailchute send --to a@example.test --header 'X-Job: 7' --header 'X-Name: Böb' --header 'Message-ID: <x@example.test>' --header 'X-Empty:'
-- stdin
hello
-- txn
to: a@example.test
header~ (?m)^X-Job: 7$
header~ (?m)^X-Name: =\?UTF-8\?B\?QsO2Yg==\?=$
header~ (?m)^Message-ID: <x@example\.test>$
header~ (?m)^X-Empty:$

== send-injection       line ends in options make no fields
-- for OPTION in '--subject=x\nBcc: b@example.test' | '--subject=x\r\n\r\nbody' | '--subject=x\r' | '--subject=x\n' | '--header=X: y\nBcc: b@example.test' | '--header=X\nBcc: b@example.test' | '--to=a@example.test\nBcc: b@example.test' | '--cc=x@example.test\r\nX: y' | '--from=x@example.test\nX: y' | '--reply-to=x@example.test\nX: y' | '--cc="a\nb" <x@example.test>' | '--subject=\e[2J' | '--subject=\xff' | '--attach=x\ny' | '--charset=x\r\ny' | '--header=X: \x7f'
-- run
mailchute send --to a@example.test @OPTION@
-- stdin
hello
-- expect
exit: 65
stderr: line
connections: 0

== send-taken-fields    fields that are made otherwise
-- for NAME in From | To | Cc | bcc | Reply-To | Subject | Date | MIME-Version | Content-Type | content-disposition | Resent-To | Return-Path
-- run
mailchute send --to a@example.test --header '@NAME@: x@example.test'
-- stdin
hello
-- expect
exit: 64
stderr~ @NAME@
connections: 0

== send-usage           what is no command line
-- for WORDS in '' | --subject x | --cc a@example.test | a@example.test | --to | --to a@example.test b@example.test | --to a@example.test --nosuch | --to a@example.test --nosuch=x | --to a@example.test -t | --to a@example.test --type text/plain | --to a@example.test --dry-run=x | --to a@example.test -- | --to a@example.test - | --to a@example.test -vv | --to a@example.test --password=x | --to a@example.test --=x | --to ''
-- run
mailchute send @WORDS@
-- stdin
\*200000{x}
-- expect
exit: 64
stderr: line
connections: 0

== send-addresses       addresses that are none
-- for WORD in a@ | <a@example.test | a@b@c | <> | nodomain
-- run
mailchute send '--to=@WORD@'
-- stdin
hello
-- expect
exit: 65
connections: 0

== send-encoding        how the text goes
-- for TEXT CTE PARAMS
é | 8bit | BODY=8BITMIME
x | 7bit |
\*998{x} | 7bit |
\*998{x}é | quoted-printable |
\*999{x} | quoted-printable |
a\rb | quoted-printable |
-- use send-base
-- stdin
@TEXT@
-- txn
to: a@example.test
params: @PARAMS@
header~ (?m)^Content-Transfer-Encoding: @CTE@$
data!~ (?m)^.{1000}

== send-not-utf8        a text in another charset has to be named
-- use send-base
-- stdin
a\xff
-- expect
exit: 65
stderr~ --charset
connections: 0

== send-charset         and is sent as it is
-- run
mailchute send --to a@example.test --charset ISO-8859-1
-- stdin
a\xff
-- txn
to: a@example.test
header~ (?m)^Content-Type: text/plain; charset=ISO-8859-1$
body:
a\xff

== send-nul             NUL is no text
-- for OPTIONS in --verbose | --charset=UTF-16LE
-- run
mailchute send --to a@example.test @OPTIONS@
-- stdin
a\0b
-- expect
exit: 65
stderr~ NUL
connections: 0

== send-empty           no text at all
-- use send-base
-- stdin
-- txn
to: a@example.test
header~ (?m)^Content-Type: text/plain; charset=UTF-8$
body:

== send-html            text and HTML
-- file page.html
<p>é</p>
-- run
mailchute send --to a@example.test --html @DIR@/page.html
-- stdin
hello
-- txn
to: a@example.test
params: BODY=8BITMIME
header~ (?m)^Content-Type: multipart/alternative;\n boundary="=_a[a-z2-7]{26}"$
header~ (?m)^Content-Transfer-Encoding: 8bit$
body~ (?s)\A--(=_a\w+)\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 7bit\n\nhello\n\n--\1\nContent-Type: text/html; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n<p>é</p>\n\n--\1--\n\Z

== send-html-alone      HTML and an empty text
-- file page.html
<p>
-- run
mailchute send --to a@example.test --html @DIR@/page.html
-- stdin
-- txn
to: a@example.test
header~ (?m)^Content-Type: text/html; charset=UTF-8$
body~ \A<p>\n\Z

== send-attach          a file; only the last part of its name is seen
-- file dir/a.txt
hé
-- run
mailchute send --to a@example.test --attach @DIR@/dir/../dir/a.txt
-- stdin
hello
-- txn
to: a@example.test
params:
header~ (?m)^Content-Type: multipart/mixed;\n boundary="=_m[a-z2-7]{26}"$
body~ (?s)\A--(=_m\w+)\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 7bit\n\nhello\n\n--\1\nContent-Type: text/plain; charset=UTF-8;\n name="a\.txt"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment;\n filename="a\.txt"\n\naMOpCg==\n--\1--\n\Z
data!~ dir/

== send-attach-type     the type of a file, by name and as it is said
-- file a.PDF
x
-- file b
x
-- file c.txt
\xff
-- run
mailchute send --to a@example.test --attach @DIR@/a.PDF --attach @DIR@/b --attach @DIR@/b --type 'text/csv; charset=utf-8' --attach @DIR@/c.txt
-- stdin
-- txn
to: a@example.test
body~ (?s)\A--=_m\w+\nContent-Type: application/pdf;.*\nContent-Type: application/octet-stream;.*\nContent-Type: text/csv; charset=utf-8;.*\nContent-Type: text/plain;\n name="c\.txt"

== send-attach-name     names outside ASCII, and with quotes
-- for NAME FALLBACK ENCODED
ü.txt | _\.txt | filename\*=UTF-8''%C3%BC\.txt
a"b.txt | a_b\.txt | filename\*=UTF-8''a%22b\.txt
日本語日本語日本語.txt | _________\.txt | filename\*0\*=UTF-8''(?:%\w\w){18};\n filename\*1\*=(?:%\w\w){9}\.txt
-- file @NAME@
x
-- run
mailchute send --to a@example.test --attach '@DIR@/@NAME@'
-- stdin
hello
-- txn
to: a@example.test
body~ (?m)^ name="@FALLBACK@"$
body~ (?m)^ @ENCODED@$

== send-attach-bad      files that cannot be read
-- for FILE STATUS
@DIR@/none | 66
@DIR@ | 66
@DIR@/ | 65
/dev/zero | 66
"" | 65
-- run
mailchute send --to a@example.test --attach @FILE@
-- stdin
\*200000{x}
-- expect
exit: @STATUS@
stderr: line
connections: 0

== send-type-bad        types that a file cannot have
-- for TYPE in x | multipart/mixed | message/rfc822 | text/plain\r\nX: y | text/plain; name=x
-- file a
x
-- run
mailchute send --to a@example.test --attach @DIR@/a --type '@TYPE@'
-- stdin
hello
-- expect
exit: 65
stderr: line
connections: 0

== send-boundaries      a text that is full of delimiters
-- file a
x
-- run
mailchute send --to a@example.test --attach @DIR@/a
-- stdin
--=_m
--=_maaaaaaaaaaaaaaaaaaaaaaaaaa
--=_maaaaaaaaaaaaaaaaaaaaaaaaaa--
--
-- txn
to: a@example.test
body~ (?s)\A(--=_m\w+)\n.*\n\n--=_m\n--=_ma+\n--=_ma+--\n--\n\n\1\n.*\n\1--\n\Z

== send-memory          memory does not grow with files or text
-- wrap
head -c 100000000 /dev/zero >@DIR@/big.bin
trap 'rm -f "@DIR@/big.bin"' EXIT
head -c 20000000 /dev/zero | tr '\0' x | "$@"
exit $?
-- run
mailchute send --to a@example.test --attach @DIR@/big.bin --dry-run
-- stdin
-- expect
exit: 0
stdout: any
stdout~ message: +1[56]\d{7} bytes
connections: 0
time: 10

== send-dry-run         nothing is sent
-- run
mailchute send --to a@example.test --bcc b@example.test --dry-run
-- stdin
hello
-- expect
exit: 0
stdout: any
stdout~ transaction 2: b@example\.test \(blind\)
connections: 0

== send-queue-only      into the queue
-- config+
queue = on
-- run
mailchute send --to a@example.test --bcc b@example.test --subject x --queue-only
-- stdin
hello
-- expect
exit: 0
connections: 0
-- entry
from: me@example.test
to: a@example.test
to: b@example.test blind bcc
header~ (?m)^Subject: x$
header!~ \bb@example
body:
hello

== send-queued          what cannot be sent now waits
-- config+
queue = on
-- server
at MAIL reply 451 4.3.0 later
-- run
mailchute send --to a@example.test
-- stdin
hello
-- expect
exit: 0
-- entry
to: a@example.test

== send-no-queue        or does not
-- config+
queue = on
-- server
at MAIL reply 451 4.3.0 later
-- run
mailchute send --to a@example.test --no-queue
-- stdin
hello
-- expect
exit: 75

== send-refused         the server refuses one
-- server
at RCPT:b@* reply 550 5.1.1 no such user
-- run
mailchute send --to a@example.test --cc b@example.test
-- stdin
hello
-- expect
exit: 67
stderr~ b@example\.test: .*no such user
-- txn
to: a@example.test

== send-verbose         the dialogue
-- run
mailchute send -v --to a@example.test
-- stdin
hello
-- expect
exit: 0
stderr~ (?m)MAIL FROM:<me@example\.test>
-- txn
to: a@example.test

== send-interrupted     while the text is awaited
-- use send-base
-- stdin hold
hello
-- signal TERM 0.5
-- expect
exit: 75
connections: 0
time: 3

== send-help            what options there are
-- run
mailchute send --help
-- stdin
-- expect
exit: 0
stdout: any
stdout~ --attach
connections: 0

== send-small-tty       a small message shows no progress
-- use send-base
-- tty
-- txn
to: a@example.test
body:
hello

