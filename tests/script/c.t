Rows C of the hostile-input table: arguments, headers and text that lie.  C15
is about the library and has its test there.

== @refuse         nothing is taken and nobody is asked
-- expect
exit: 65
connections: 0

== @table          the message comes with -t
-- run
sendmail -oi -f me@example.test -t

== c1 recipients that are more than one
-- use refuse
-- for RCPT
a@b.test\r\nRCPT TO:<x@y.test>
a@b.test\nRCPT TO:<x@y.test>
a@b.test>\r\nDATA\r\n
a@b.test\rx
a@b@c.test
a@b.test\x01
a@b.test\x7f
a\x80@b.test
a\xff@b.test
a@b\xff.test
<a@b.test
a@b.test>
"a@b.test
(a@b.test
a@
@b.test
a@b..test
a@.b.test
a@-b.test
a@b-.test
a@b_c!.test
.a@b.test
a..b@b.test
a.@b.test
a@[1.2.3
a@[1.2.3.4.5]
a@[evil]
a@[IPv6:zz]
-- run
sendmail -oi -f me@example.test '@RCPT@'

== c1-params parameters behind an address do not become parameters
-- run
sendmail -oi -f me@example.test '<a@b.test> SIZE=1'
-- expect
exit: 0|65
stderr: any
transactions: any

== c1-sender senders that are more than one
-- for FROM
me@b.test\r\nRCPT TO:<x@y.test>
me@b.test> SIZE=1\r\n
me@b@c.test
me@b.test\x01
a@b.test, c@d.test
"a@b.test
-- run
sendmail -oi -f '@FROM@' a@example.test
-- expect
exit: 64|65
connections: 0

== c1-name display names that are more than that
-- run
sendmail -oi -F 'Joe\r\nBcc: x@y.test\r\n\r\nbody\n' -f me@example.test a@example.test
-- stdin
To: a@example.test
Subject: x

text
-- expect
exit: 0
-- txn
to: a@example.test
header!~ ^Bcc
body:
text

== c1-good the usual forms arrive as they should
-- for RCPT BECOMES
<a@b.test> | a@b.test
Joe Doe <a@b.test> | a@b.test
"Doe, Joe" <a@b.test> | a@b.test
a@b.test (Joe (the) Doe) | a@b.test
a@B.Test | a@B.Test
a@b.test. | a@b.test
"ab"@b.test | ab@b.test
"a b"@b.test | "a b"@b.test
a@[IPv6:2001:db8::1] | a@[IPv6:2001:db8::1]
a@[192.0.2.1] | a@[192.0.2.1]
<@relay.test:a@b.test> | a@b.test
a+b=c@b.test | a+b=c@b.test
joe | joe@example.test
-- run
sendmail -oi -f me@example.test -- '@RCPT@'
-- config+
domain = example.test
-- txn
to: @BECOMES@

== c1-two two recipients in one word
-- for WORD in a@b.test, c@d.test | a@b.test c@d.test | a@b.test,,c@d.test, | G: a@b.test, c@d.test;
-- run
sendmail -oi -f me@example.test '@WORD@'
-- txn
to: a@b.test
-- txn
to: c@d.test

== c2 recipients that look like options
-- for ARGS
 -- -oQ/tmp
 -- -X@DIR@/tmp/made
 -- -C@DIR@/tmp/made
a@example.test -X@DIR@/tmp/made
a@example.test -oQ@DIR@/tmp/made
-- run
sendmail -oi -f me@example.test @ARGS@
-- expect
exit: 64|65
connections: 0
file!: @DIR@/tmp/made

== c2-t options in a header are no options
-- use table
-- stdin
From: me@example.test
To: -oQ@DIR@/tmp/made, -X@DIR@/tmp/made

x
-- expect
exit: 64|65
connections: 0
file!: @DIR@/tmp/made

== c2-sender a sender that looks like an option
-- run
sendmail -oi -f -X@DIR@/tmp/made a@example.test
-- expect
exit: 0|64|65
stderr: any
transactions: any
file!: @DIR@/tmp/made

== c3 options that callers give and that do nothing
-- use taken
-- for ARGS
-oem
-odi
-odb
-oee
-oep
-or0s
-oA/etc/aliases
-Ac
-Am
-B8BITMIME
-B 7BIT
-N never
-R hdrs
-V id1
-h 5
-m
-n
-p ESMTP:host
-G
-U
-x
-L tag
-O DeliveryMode=b
-OErrorMode=m
-ODontBlameSendmail=all
-FCronDaemon
-F 'Cron Daemon'
-i -oem -odi
-X @DIR@/tmp/made
-X@DIR@/tmp/made
-oQ@DIR@/tmp/made
-oX@DIR@/tmp/made
-bm
-- run
sendmail -i @ARGS@ -f me@example.test a@example.test
-- expect
file!: @DIR@/tmp/made
stderr: any

== c3-no options that are refused
-- for ARGS
-bd
-bD
-bt
-be
-bS
-D@DIR@/tmp/made
-Mx
-Q
-Z
--no-such-option
-- run
sendmail @ARGS@ -f me@example.test a@example.test
-- expect
exit: 64
stderr: lines
connections: 0
file!: @DIR@/tmp/made

== c3-value options without their value
-- for ARG in -f | -F | -r | -C | -a | -N | -R | -V | -B
-- run
sendmail -oi @ARG@
-- expect
exit: 64
connections: 0

== c3-config another configuration file
-- use taken
-- run
sendmail -C @DIR@/config -oi -f me@example.test a@example.test
-- env
MAILCHUTE_CONFIG=/nonexistent

== c3-config-no a configuration file that is not there
-- for FILE in /nonexistent/config | @DIR@ | @DIR@/none
-- run
sendmail -C @FILE@ -oi -f me@example.test a@example.test
-- expect
exit: 78
connections: 0

== c4 addresses that are too long
-- use refuse
-- for RCPT
\*65{a}@b.test
a@\*64{a}.test
a@\*64{abc.}test
a@\*100{abc.}test
\*64{a}@\*48{abc.}test
\*100000{a}@b.test
-- run
sendmail -oi -f me@example.test '@RCPT@'

== c4-most addresses that are just not too long
-- for RCPT
\*64{a}@b.test
a@\*63{a}.test
\*60{a}@\*47{abc.}test
-- run
sendmail -oi -f me@example.test '@RCPT@'
-- txn
to: @RCPT@

== c4-dup duplicates are kept once
-- use table
-- stdin
From: me@example.test
To: a@example.test, A <a@EXAMPLE.test>, <a@example.test>
Cc: a@example.test
Bcc: a@example.test

x
-- txn
to: a@example.test

== c4-many many recipients, as the server takes them
-- use table
-- server
rcpt-limit = 100
-- stdin
From: me@example.test
To: \*50{a@b.test, }
 x@y.test
Cc: \*1{c@d.test}

x
-- txn
to: a@b.test
to: x@y.test
to: c@d.test

== c4-too-many more than a hundred thousand
-- use refuse
-- wrap
{ printf 'From: me@example.test\nTo: z@example.test'
  awk 'BEGIN { for (i = 0; i < 100100; i++) printf ",\n a%d@b.test", i }'
  printf '\n\nx\n'; } >@DIR@/in
exec 0<@DIR@/in
rm -f @DIR@/in
-- run
sendmail -oi -f me@example.test -t
-- expect
time: 6

== c4-thousands three thousand, with a limit of the server
-- wrap
{ printf 'From: me@example.test\nTo: z@example.test'
  awk 'BEGIN { for (i = 1; i < 3000; i++) printf ",\n a%d@b.test", i }'
  printf '\n\nx\n'; } >@DIR@/in
exec 0<@DIR@/in
rm -f @DIR@/in
-- server
rcpt-limit = 1000
-- run
sendmail -oi -f me@example.test -t
-- expect
transactions: 3
connections: 1
time: 30

== c5 Bcc in all its forms
-- use table
-- for BCC
Bcc: b@hidden.test
BCC: b@hidden.test
bCc : b@hidden.test
bcc:b@hidden.test
Bcc:\n b@hidden.test
Bcc: Joe\n\tDoe\n <b@hidden.test>
Bcc:\nBcc: b@hidden.test
Bcc: b@hidden.test\nBcc: B <b@hidden.test>
Bcc: G: b@hidden.test;
Bcc: b@hidden.test (b@hidden.test)
Bcc: ,, b@hidden.test,\n ,
Bcc\t: b@hidden.test
-- stdin
From: me@example.test
@BCC@
To: a@example.test
Subject: x

Bcc: in the body stays
-- expect
connections: 1
-- txn
to: a@example.test
data!~ hidden
header!~ (?i)^bcc
body: same
-- txn
to: b@hidden.test
data!~ hidden
header!~ (?i)^bcc
header~ ^To: a@example\.test$
body: same

== c5-empty an empty Bcc
-- use table
-- for BCC in Bcc: | Bcc: G:; | Bcc: () | Resent-Bcc:\nResent-To: a@example.test | Bcc: ,
-- stdin
From: me@example.test
To: a@example.test
@BCC@

x
-- txn
to: a@example.test
header!~ (?i)bcc

== c5-last Bcc as the last field
-- use table
-- stdin
From: me@example.test
To: a@example.test
Bcc: b@hidden.test,
 c@hidden.test

x
-- txn
to: a@example.test
data!~ hidden
-- txn
to: b@hidden.test
data!~ hidden
-- txn
to: c@hidden.test
data!~ hidden

== c5-not-t Bcc goes without -t too
-- for BCC in Bcc | Resent-Bcc | bcc | RESENT-BCC
-- stdin
From: me@example.test
@BCC@: b@hidden.test
To: a@example.test

x
-- txn
to: a@example.test
data!~ hidden

== c5-resent Resent-Bcc
-- use table
-- stdin
Resent-From: me@example.test
Resent-To: a@example.test
Resent-Bcc: b@hidden.test
From: x@elsewhere.test
To: old@elsewhere.test
Bcc: old-b@hidden.test

x
-- txn
to: a@example.test
data!~ hidden
-- txn
to: b@hidden.test
data!~ hidden

== c5-attached a Bcc inside an attached message is text
-- use table
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: message/rfc822

From: x@elsewhere.test
Bcc: inner@elsewhere.test

x
-- txn
to: a@example.test
body: same

== c6 blind recipients stay blind
-- use table
-- for OPT in -oi | -v
-- stdin
From: me@example.test
To: a@example.test
Bcc: b@hidden.test, c@concealed.test

x
-- expect
connections: 1
-- txn
to: a@example.test
data!~ hidden|concealed|\bfor\b
-- txn
to: b@hidden.test
data!~ hidden|concealed|\bfor\b
-- txn
to: c@concealed.test
data!~ hidden|concealed|\bfor\b

== c6-refused one blind recipient refused: the others have theirs
-- use table
-- server
at RCPT:b@* reply 550 5.1.1 no such user
-- stdin
From: me@example.test
To: a@example.test
Bcc: b@hidden.test, c@concealed.test

x
-- expect
exit: 67
stderr~ b@hidden\.test
-- txn
to: a@example.test
data!~ hidden|concealed
-- txn
to: c@concealed.test
data!~ hidden|concealed

== c6-dsn nothing about a blind recipient in parameters of others
-- run
sendmail -oi -f me@example.test -N failure -R hdrs -V id1 -t
-- stdin
From: me@example.test
To: a@example.test
Bcc: b@hidden.test

x
-- txn
to: a@example.test
data!~ hidden
-- txn
to: b@hidden.test
data!~ hidden
-- expect
commands~ ^RCPT TO:<a@example\.test>.*$
commands!~ ^(MAIL|RCPT TO:<a@).*hidden

== c7 -t without anybody
-- use table refuse
-- for HEADER EXIT
Subject: x | 64
To: | 64
To: undisclosed-recipients:; | 64
To: "unclosed <a@b.test> | 65
To: <a@b.test | 65
To: (a@b.test | 65
To: G: H: a@b.test;; | 65
To: \*100000{a:} | 65
To: \*100000{(} | 65
To: \*100000{"} | 64|65
To: \*100000{<} | 65
To: \*100000{"a" } | 65
Resent-From: a@b.test\nTo: a@b.test | 64
-- stdin
From: me@example.test
@HEADER@

x
-- wrap
ulimit -s 256
-- expect
exit: @EXIT@
time: 3

== c7-commas a million commas and one address
-- use table
-- stdin
From: me@example.test
To: \*1000000{,}a@example.test

x
-- expect
exit: 0|65
transactions: any
stderr: any
time: 3

== c7-bcc only blind recipients
-- use table
-- stdin
From: me@example.test
Bcc: b@hidden.test

x
-- txn
to: b@hidden.test
data!~ hidden

== c8 dots and line ends
-- stdin nonl
From: me@example.test
To: a@example.test

.
..
...
.x
..x
x.

\r
.\r
a\rb
\r\r
last\r
.
-- expect
exit: 0
-- txn
to: a@example.test
body:
.
..
...
.x
..x
x.


.
a
b

last
.

== c8-eof no line end at the end
-- use taken
-- for BODY in x | . | .. | x\n. | x\n\n. | x\n.\n. | \n | \n\n | .\n.\n.\n
-- stdin nonl
From: me@example.test
To: a@example.test

@BODY@

== c8-crlf CRLF throughout
-- use taken
-- stdin crlf
From: me@example.test
To: a@example.test

.
a
..

b

== c8-php header with CRLF, text with LF, and the other way round
-- for STDIN in From: me@example.test\r\nTo: a@example.test\r\n\r\na\n.\nb | From: me@example.test\nTo: a@example.test\n\na\r\n.\r\nb\r\n | From: me@example.test\r\nTo: a@example.test\n\r\na\n.\r\nb\n
-- stdin nonl
@STDIN@
-- txn
to: a@example.test
header~ \AFrom: me@example\.test$|^From: me@example\.test$
body:
a
.
b

== c8-smuggle ends of data that are none
-- for END in \n.\n | \n.\r\n | \r\n.\n | \r.\r | \r\n.\r | \r.\r\n | \n\n.\r\r\n | \r\r\n.\r\n
-- stdin
From: me@example.test
To: a@example.test

one@END@MAIL FROM:<evil@example.test>\r\nRCPT TO:<x@example.test>\r\nDATA\r\ntwo
-- expect
mails: 1
-- txn
from: me@example.test
to: a@example.test
body~ ^two$

== c8-dots a sea of dots, across every buffer's edge
-- use taken
-- for DOTS in \*70001{.\n} | \*40000{..\n} | x\*70000{\n.} | \*35000{.\r\n}\n.
-- stdin nonl
From: me@example.test
To: a@example.test

@DOTS@

== c8-i without -i a dot alone ends the message
-- for ARGS BODY
-f me@example.test | one
-i -f me@example.test | one\r\n.\r\ntwo
-oi -f me@example.test | one\r\n.\r\ntwo
-oitrue -f me@example.test | one\r\n.\r\ntwo
-- run
sendmail @ARGS@ a@example.test
-- stdin
From: me@example.test
To: a@example.test

one
.
two
-- txn
to: a@example.test
body:
@BODY@

== c9 headers that are refused
-- use refuse
-- for HEADER
Subject: a\rb
Subject: a\0b
X-\0: a
Subject: a\r\rb
-- stdin
From: me@example.test
@HEADER@
To: a@example.test

x

== c9-large headers that are too large
-- use refuse
-- for HEADER
\*2000{X-Field: some text\n}
X-Long: \*3000{some text that goes on and on and on\n }x
\*900{X-Field: some text that goes on and on and on, and some more of the same, and then again some more of it, until it is enough\n}
-- stdin
From: me@example.test
@HEADER@
To: a@example.test

x

== c9-line a header line longer than 998
-- for HEADER
Subject: \*999{a}
Subject: \*500{a b }
X-Spam: \*5000{a}
References: \*200{<abcdefgh@ijkl.test> }
To: \*100{a@example.test, }a@example.test
-- stdin
From: me@example.test
@HEADER@
To: a@example.test

x
-- expect
exit: 0|65
stderr: any
transactions: any

== c9-8bit 8-bit header text passes
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße \xff

x
-- txn
to: a@example.test
data~ Subject: Grüße 

== c9-mbox the line "From " of a mailbox goes
-- for FROM in From me Mon Nov 23 12:00:00 2026 | >From me Mon Nov 23 12:00:00 2026 | From a x\nFrom b y
-- stdin
@FROM@
From: me@example.test
To: a@example.test

From the body it stays
-- txn
to: a@example.test
header!~ ^>?From [^:]*$
body: same

== c9-nocolon a line that is no field begins the text
-- stdin
From: me@example.test
To: a@example.test
this is no field
X: y

more
-- txn
to: a@example.test
header!~ ^X:
body:
this is no field
X: y

more

== c9-blank a message without header
-- for TEXT in \nhello | hello
-- stdin
@TEXT@
-- txn
to: a@example.test
header~ ^From: .*me@example\.test
header~ ^Date: 
header~ ^Message-ID: <[^<>@ ]+@[^<>@ ]+>$
body:
hello

== c9-lead text that begins with a blank
-- stdin
 hello
there
-- txn
to: a@example.test
body:
 hello
there

== c10 lines that are too long, and NUL
-- for BODY
\*999{x}
\*2000000{x}
ok\n\*999{x}\nok
a\0b
\*999{\xe4}
-- stdin
From: me@example.test
To: a@example.test

@BODY@
-- expect
time: 4
-- txn
to: a@example.test
decodes: same

== c10-most a line of 998
-- use taken
-- for BODY in \*998{x} | .\*997{x} | \*998{.}
-- stdin
From: me@example.test
To: a@example.test

@BODY@

== c11 nothing on standard input
-- stdin
-- txn
to: a@example.test
header~ ^From: 
header~ ^Date: 
header~ ^Message-ID: 
body:

== c11-error standard input cannot be read
-- wrap
exec 0<.
-- expect
exit: 74|75
connections: 0

== c11-term told to end while reading
-- for SIGNAL in TERM | INT | HUP
-- signal @SIGNAL@ 0.3
-- stdin hold
From: me@example.test
To: a@example.test

half a mess
-- expect
exit: 75
connections: 0
time: 3

== c11-term-send told to end while sending
-- use keep
-- for SIGNAL in TERM | INT | HUP
-- for EVENT in GREETING | AUTH | MAIL | DATA
-- server
at @EVENT@ signal @SIGNAL@
at @EVENT@ delay 1
-- expect
time: 2
data: none

== c11-term-end told to end while waiting for the verdict
-- server
at END signal TERM
at END delay 0.5
-- expect
exit: 0|75
delivered-to: a@example.test
transactions: any
time: 2

== c11-pipe SIGPIPE is of no matter
-- use keep
-- wrap
trap '' PIPE
-- server
at DATA reset

== c12 closed descriptors
-- for CLOSE in exec 1>&- | exec 2>&- | exec 1>&- 2>&- | exec 1</dev/null | exec 2</dev/null
-- wrap
@CLOSE@
-- use taken

== c12-stdin no standard input
-- for CLOSE in exec 0<&- | exec 0<&- 1>&- 2>&- | exec 0>/dev/null
-- wrap
@CLOSE@
-- expect
exit: 0|74|75
stderr: any
transactions: any

== c12-silent a failure with nowhere to say it
-- wrap
exec 1>&- 2>&-
-- server
at MAIL reply 550 5.7.1 no
-- expect
exit: 77
stderr: empty

== c13 hostile surroundings
-- use taken
-- for WRAP
umask 0777
unset HOME
TZ=:/etc/passwd; export TZ
TZ=../../etc/passwd; export TZ
TZ=$(printf '%03000d' 7); export TZ
LC_ALL=xx_XX.nonsense; export LC_ALL
PATH=; export PATH
HOME=/nonexistent; export HOME
TMPDIR=/nonexistent; export TMPDIR
USER=root LOGNAME='x\ny' EMAIL=evil@example.test NAME='a"b'; export USER LOGNAME EMAIL NAME
mkdir @DIR@/gone; cd @DIR@/gone; rmdir @DIR@/gone
ulimit -c 0; ulimit -n 16
trap '' HUP INT TERM PIPE CHLD
i=0; while [ $i -lt 300 ]; do eval "export VAR$i=\$(printf %0400d $i)"; i=$((i + 1)); done
cd /
-- wrap
@WRAP@

== c13-files too few descriptors
-- for N in 4 | 5
-- wrap
ulimit -n @N@
## the leak check of a sanitized build needs descriptors of its own
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS
-- config+
log = off
-- expect
exit: 0|71|73|74|75|78
stderr: any
transactions: any
delivered-to: a@example.test

== c13-fsize no file may grow
-- use big
-- wrap
ulimit -f 0
-- config+
log = off
-- expect
exit: 73|74|75
connections: 0

== c13-tmp nowhere to put a large message
-- use big
-- env
TMPDIR=/nonexistent/dir
-- expect
exit: 0|73|74|75
stderr: any
transactions: any
delivered-to: a@example.test

== c14 what is missing is added once
-- stdin
To: a@example.test
Subject: x

x
-- txn
to: a@example.test
header~ \A(?=(?:.*\n)*Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20\d\d \d\d:\d\d:\d\d [+-]\d{4}\n)(?!(?:.*\n)*Date:(?:.*\n)*Date:)
header~ (?i)\A(?=(?:.*\n)*Message-ID: <[^<>@ ]+@example\.test>\n)(?!(?:.*\n)*Message-ID:(?:.*\n)*Message-ID:)
header~ ^From: .*me@example\.test>?$
header!~ (?i)^(Received|Bcc|Return-Path):

== c14-empty what is empty is replaced
-- stdin
From:
To: a@example.test
Date:
Message-ID:

x
-- txn
to: a@example.test
header~ ^Date: \S
header~ (?i)^Message-ID: <\S+>$
header~ ^From: .*me@example\.test

== c14-there what is there stays as it is
-- stdin
From: "Q: \"x\"" <me@example.test>
To: a@example.test
date:  1 Jan 2020 00:00:00 -0000
MESSAGE-Id:<keep@me>
X-Folded: a
	b
  c

x
-- txn
to: a@example.test
header~ ^date:  1 Jan 2020 00:00:00 -0000$
header~ ^MESSAGE-Id:<keep@me>$
header~ ^X-Folded: a\n\tb\n  c$
header!~ ^(Date|Message-ID): 

== c14-path Return-Path and the like go
-- stdin
Return-Path: <x@elsewhere.test>
Content-Length: 12
From: me@example.test
To: a@example.test

x
-- txn
to: a@example.test
header!~ (?i)^(Return-Path|Content-Length)

== c16 an identifier for delivery reports
-- for ID BECOMES
abc | abc
a+b=c | a+2Bb+3Dc
a b | a+20b
+00 | +2B00
-- run
sendmail -oi -f me@example.test -V '@ID@' a@example.test
-- txn
from: me@example.test
params: ENVID=@BECOMES@
to: a@example.test

== c16-bad identifiers that are none
-- for ID in a\r\nb | a\nRCPT TO:<x@y.test> | \*101{x} | \*500{x} | \x01 | \xc3\xa4 | a\tb
-- run
sendmail -oi -f me@example.test -V '@ID@' a@example.test
-- expect
exit: 64|65
connections: 0
