What callers of sendmail rely on, and what else a sendmail may be asked.  The
user is alice, her domain is d.test; nobody says who she is but the user
database.

== @alice
-- passwd
root:x:4242:4242:root:/root:/bin/sh
alice:x:@UID@:4242:Alice Q. Tester,Room 1,,:@DIR@/home:/bin/sh
-- config+
!from
domain = d.test
-- stdin
From: alice@d.test
To: bob@x.test
Subject: s
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <m@x.test>

b

== @refused        nothing is sent
-- expect
connections: 0

== S1 one recipient and a message
-- use alice
-- run
sendmail bob@x.test
-- expect
connections: 1
-- txn
from: alice@d.test
to: bob@x.test
header~ \AFrom: alice@d\.test\nTo: bob@x\.test\nSubject: s\nDate: Mon, 23 Nov 2026 12:00:00 \+0000\nMessage-ID: <m@x\.test>\n\Z
body:
b

== S2 recipients from the header
-- use alice
-- run
sendmail -t -i
-- txn
from: alice@d.test
to: bob@x.test
body: same

== S3 without -t the header does not count
-- use alice
-- run
sendmail -i z@x.test
-- txn
to: z@x.test
header~ ^To: bob@x\.test$
data!~ z@x
body: same

== S4 To, Cc and Bcc
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: a@x.test, b@x.test
Cc: c@x.test
Bcc: d@x.test

b
-- txn
to: a@x.test
to: b@x.test
to: c@x.test
header~ ^To: a@x\.test, b@x\.test$
header~ ^Cc: c@x\.test$
data!~ (?i)bcc|d@x
-- txn
to: d@x.test
header~ ^To: a@x\.test, b@x\.test$
data!~ (?i)bcc|d@x

== S5 Bcc does not leak without -t
-- use alice
-- run
sendmail -i bob@x.test
-- stdin
From: alice@d.test
To: bob@x.test
Bcc: s@x.test

b
-- txn
to: bob@x.test
data!~ (?i)bcc|s@x

== S6 nor in any other writing, however often
-- use alice
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test
BCC: b@x.test
To: a@x.test
bcc: c@x.test,
 d@x.test
Subject: s

b
-- txn
to: a@x.test
header~ ^Subject: s$
data!~ (?i)bcc|[bcd]@x

== S7 a folded Bcc: each gets it, and sees none
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: a@x.test
Bcc: b@x.test,
\tc@x.test,
 d@x.test
Subject: s

b
-- txn
to: a@x.test
header~ ^Subject: s$
data!~ (?i)bcc|[bcd]@x
-- txn
to: b@x.test
data!~ (?i)bcc|[bcd]@x
-- txn
to: c@x.test
data!~ (?i)bcc|[bcd]@x
-- txn
to: d@x.test
data!~ (?i)bcc|[bcd]@x

== S8 -t and an operand
-- use alice
-- run
sendmail -t -i extra@x.test
-- txn
to: bob@x.test
data!~ extra
-- txn
to: extra@x.test
data!~ extra

== S9 -t and an operand that the header has too
-- use alice
-- run
sendmail -t -i a@x.test
-- stdin
From: alice@d.test
To: a@x.test, b@x.test

b
-- txn
to: a@x.test
to: b@x.test

== S10 fields more than once
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: a@x.test
Bcc: c@x.test
To: b@x.test
Bcc: d@x.test

b
-- txn
to: a@x.test
to: b@x.test
-- txn
to: c@x.test
-- txn
to: d@x.test

== S11 a message sent on
-- use alice
-- run
sendmail -t -i
-- stdin
Resent-From: alice@d.test
Resent-To: r1@x.test
Resent-Bcc: r2@x.test
From: o@y.test
To: o@x.test
Bcc: ob@x.test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <m@x.test>

b
-- txn
from: alice@d.test
to: r1@x.test
header~ ^To: o@x\.test$
header~ ^Resent-To: r1@x\.test$
header~ ^Resent-Date: .+$
header~ ^Resent-Message-ID: <\S+>$
header~ ^Message-ID: <m@x\.test>$
data!~ (?i)bcc|r2@x|ob@x
-- txn
to: r2@x.test
header~ ^Resent-To: r1@x\.test$
data!~ (?i)bcc|r2@x|ob@x

== S12 a message sent on twice
-- use alice
-- run
sendmail -t -i
-- stdin
Resent-From: alice@d.test
Resent-To: second@x.test
Resent-Date: Mon, 23 Nov 2026 13:00:00 +0000
Resent-Message-ID: <r2@x.test>
Received: from a by b; Mon, 23 Nov 2026 12:30:00 +0000
Resent-From: carol@y.test
Resent-To: first@x.test
Resent-Date: Mon, 23 Nov 2026 12:10:00 +0000
Resent-Message-ID: <r1@x.test>
From: o@y.test
To: o@x.test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <m@x.test>

b
-- txn
to: second@x.test
header~ \AResent-From: alice@d\.test\nResent-To: second@x\.test\n
header~ ^Received: from a by b; .*\nResent-From: carol@y\.test\n
-- txn
to: first@x.test

== S13 Resent fields that name nobody
-- use alice refused
-- run
sendmail -t -i
-- stdin
Resent-From: alice@d.test
From: o@y.test
To: o@x.test

b
-- expect
exit: 64

== S14 Resent-Bcc does not leak without -t
-- use alice
-- run
sendmail -i arg@x.test
-- stdin
Resent-From: alice@d.test
Resent-To: r@x.test
Resent-Bcc: s@x.test
From: alice@d.test
To: bob@x.test
Bcc: t@x.test

b
-- txn
to: arg@x.test
header~ ^Resent-To: r@x\.test$
data!~ (?i)bcc|[st]@x

== S15 a group
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: F: a@x.test, Bob <b@x.test>;, c@x.test

b
-- txn
to: a@x.test
to: b@x.test
to: c@x.test
header~ ^To: F: a@x\.test, Bob <b@x\.test>;, c@x\.test$

== S16 an empty group
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: undisclosed-recipients:;
Bcc: d@x.test

b
-- txn
to: d@x.test
header~ ^To: undisclosed-recipients:;$
data!~ d@x

== S17 comments and quoted commas
-- use alice
-- run
sendmail -t -i
-- stdin text
From: alice@d.test
To: a@x.test (Al \) (n, c)), "Doe, John" <b@x.test>, (c) c@x.test

b
-- txn
to: a@x.test
to: b@x.test
to: c@x.test
header~ ^To: a@x\.test \(Al \\\) \(n, c\)\), "Doe, John" <b@x\.test>, \(c\) c@x\.test$

== S18 quoted local parts
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: "a b"@x.test, "x,y"@x.test

b
-- expect
commands~ ^RCPT TO:<"a b"@x\.test>
commands~ ^RCPT TO:<"x,y"@x\.test>
-- txn
to: "a b"@x.test
to: "x,y"@x.test

== S19 a folded To
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: a@x.test,
 b@x.test,
\tc@x.test

b
-- txn
to: a@x.test
to: b@x.test
to: c@x.test

== S20 an empty Bcc
-- use alice
-- for BCC in Bcc: | bcc: \x20 | Bcc:\n \t
-- run
sendmail -t -i
-- stdin
From: alice@d.test
@BCC@
To: a@x.test

b
-- txn
to: a@x.test
header~ ^To: a@x\.test$
header!~ (?i)bcc

== S21 nothing but Bcc
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
Bcc: a@x.test
Subject: s

b
-- txn
to: a@x.test
header~ ^Subject: s$
data!~ a@x

== S22 -t without recipients
-- use alice refused
-- for TO in X: y | To: | To:\nCc: | Bcc: undisclosed:; | To: (nobody)
-- run
sendmail -t -i
-- stdin
From: alice@d.test
@TO@

b
-- expect
exit: 64
stderr~ recipients

== S23 no recipients
-- use alice refused
-- for ARGS in -oi | -oi -- | -oem
-- run
sendmail @ARGS@
-- expect
exit: 64
stderr~ recipients

== S24 an operand twice
-- use alice
-- for ARGS in a@x.test a@x.test | a@x.test a@X.TEST | 'a@x.test, A <a@x.test>'
-- run
sendmail -i @ARGS@
-- expect
commands!~ (?s)RCPT TO.*RCPT TO
-- txn
to: a@x.test

== S25 a list in one operand
-- use alice
-- run
sendmail -i 'a@x.test, b@x.test'
-- txn
to: a@x.test
-- txn
to: b@x.test

== S26 a name before the address
-- use alice
-- for WORD in 'Bob Smith <b@x.test>' | '<b@x.test>' | 'b@x.test (Bob)' | ' b@x.test '
-- run
sendmail -i @WORD@
-- txn
to: b@x.test

== S27 a bare name
-- use alice
-- run
sendmail -i bob
-- txn
from: alice@d.test
to: bob@d.test

== S28 an empty operand
-- use alice refused
-- for WORD in '' | ' ' | , | '' ''
-- run
sendmail -i @WORD@
-- expect
exit: 64

== S29 an empty operand beside another
-- use alice
-- run
sendmail -i '' a@x.test ''
-- txn
to: a@x.test

== S30 line ends in an operand are no commands
-- use alice refused
-- for WORD in 'a@x.test\nRCPT TO:<e@x.test>' | 'a@x.test>\r\nRCPT TO:<e@x.test' | '<a@x.test>\nDATA' | 'a@x.test\r\n.\r\n'
-- run
sendmail -i @WORD@
-- expect
exit: 65

== S31 an address that begins like an option
-- use alice
-- run
sendmail -i -- -w@x.test
-- txn
to: -w@x.test

== S32 options behind a recipient
-- use alice refused
-- for ARGS in a@x.test -i -f o@y.test | a@x.test -f o@y.test | a@x.test -i
-- run
sendmail @ARGS@
-- stdin
From: alice@d.test

p
.
q
-- expect
exit: 64
stderr~ before the first recipient

== S33 a text without header
-- use alice
-- run
sendmail -i a@x.test
-- stdin
hello
second
-- txn
to: a@x.test
header~ ^From: "Alice Q\. Tester" <alice@d\.test>$
header~ ^Date: [A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$
header~ ^Message-ID: <[^<>@\s]+@[^<>@\s]+>$
header!~ (?s)hello|second|^From:.*^From:
body:
hello
second

== S34 the header ends at a line that is none
-- use alice
-- run
sendmail -i a@x.test
-- stdin
Subject: hi
not a header

rest
-- txn
to: a@x.test
header~ ^Subject: hi$
header!~ not a
body:
not a header

rest

== S35 a first line that begins with a blank
-- use alice
-- run
sendmail -i a@x.test
-- stdin
 lead
Subject: x

b
-- txn
to: a@x.test
header~ ^From: .*alice@d\.test
header!~ Subject
body:
 lead
Subject: x

b

== S36 nothing at all
-- use alice
-- run
sendmail -i a@x.test
-- stdin
-- txn
to: a@x.test
header~ ^From: .*<alice@d\.test>$
header~ ^Date: .+
header~ ^Message-ID: <\S+>$
body:

== S37 a header that just ends
-- use alice
-- run
sendmail -i a@x.test
-- stdin nonl
Subject: hi
-- txn
to: a@x.test
header~ ^Subject: hi$
body:

== S38 the line From of a mailbox
-- use alice
-- run
sendmail -i a@x.test
-- stdin
From carol Mon Nov 23 12:00:00 2026
From: alice@d.test
Subject: s

b
-- txn
from: alice@d.test
to: a@x.test
header~ ^From: alice@d\.test$
header~ ^Subject: s$
data!~ carol
body: same

== S39 the same, escaped
-- use alice
-- run
sendmail -i a@x.test
-- stdin
>From carol Mon Nov 23 12:00:00 2026
From: alice@d.test
Subject: s

b
-- txn
to: a@x.test
header~ ^From: alice@d\.test$
header~ ^Subject: s$
data!~ carol
body: same

== S40 From at the beginning of a line of text
-- use alice
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test

From me
>From q

From you
-- txn
to: a@x.test
body: same

== S41 without -i a dot ends the message
-- use alice
-- run
sendmail a@x.test
-- stdin
From: alice@d.test

l1
.
l2
-- txn
to: a@x.test
body:
l1

== S42 with -i it does not
-- use alice
-- for OPT in -i | -oi | -oitrue | -ti | -o i | -it | -OIgnoreDots=true
-- run
sendmail @OPT@ bob@x.test
-- stdin
From: alice@d.test
To: bob@x.test

l1
.
l2
-- txn
to: bob@x.test
body: same

== S43 other lines with dots
-- use alice
-- for OPT in -i | -oem
-- run
sendmail @OPT@ a@x.test
-- stdin
From: alice@d.test

..two
.one
..
...
.\x20
-- txn
to: a@x.test
body: same

== S44 a dot among CRLF ends the message
-- use alice
-- run
sendmail a@x.test
-- stdin crlf
From: alice@d.test

l1
.
l2
-- txn
to: a@x.test
body:
l1

== S45 CRLF throughout
-- use alice
-- run
sendmail -i -t
-- stdin crlf
From: alice@d.test
To: bob@x.test
Subject: s
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <m@x.test>

b
-- txn
to: bob@x.test
header~ \AFrom: alice@d\.test\nTo: bob@x\.test\nSubject: s\nDate: Mon, 23 Nov 2026 12:00:00 \+0000\nMessage-ID: <m@x\.test>\n\Z
body:
b

== S46 CRLF and LF in one message, as PHP makes it
-- use alice
-- run
sendmail -t -i
-- stdin
To: bob@x.test\r
Subject: s\r
From: alice@d.test\r
X-Mixed: lf
Date: Mon, 23 Nov 2026 12:00:00 +0000\r
Message-ID: <m@x.test>\r
\r
l1
l2\r
-- txn
to: bob@x.test
header~ \ATo: bob@x\.test\nSubject: s\nFrom: alice@d\.test\nX-Mixed: lf\nDate: .*\nMessage-ID: <m@x\.test>\n\Z
body:
l1
l2

== S47 a bare CR
-- use alice
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test

a\rb
\rc\r\r
d
-- txn
to: a@x.test
decoded~ \Aa\s+b\s+c\s+d\s*\Z

== S48 a last line without end
-- use alice
-- run
sendmail -i a@x.test
-- stdin nonl
From: alice@d.test

l1
l2
-- txn
to: a@x.test
body:
l1
l2

== S49a a NUL in the text
-- use alice
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test

a\0b
c
-- txn
to: a@x.test
decoded~ \Aa\0?b\nc\n\Z

== S49b a NUL in the header
-- use alice refused
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test
X: a\0b
Subject: s

c
-- expect
exit: 65
stderr~ NUL

== S50 eight bits
-- use alice
-- for CAPS PARAMS
PIPELINING; 8BITMIME | BODY=8BITMIME
PIPELINING; 8BITMIME; SMTPUTF8 | BODY=8BITMIME SMTPUTF8
-- server
caps = @CAPS@
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test
Subject: Gr\xc3\xbc\xc3\x9fe
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Gr\xc3\xbc\xc3\x9fe
-- txn
params: @PARAMS@
to: a@x.test
header~ ^Subject: Grüße$
body: same

== S51a lines of text as long as can be
-- use alice
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test
Subject: s

\*998{x}
y
-- txn
to: a@x.test
body: same

== S51b lines of text that are longer
-- use alice
-- for LINE TEXT
\*999{x} | x{999}
\*5000{x} | x{5000}
\*1250{wor } | (wor ){1250}
\*998{x}\xc3\xbc | x{998}ü
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test
Subject: s

before
@LINE@
behind
-- txn
to: a@x.test
header~ ^Subject: s$
decoded~ \Abefore\n@TEXT@\nbehind\n\Z

== S51c a header line that is longer
-- use alice
-- run
sendmail -i a@x.test
-- stdin
From: alice@d.test
X-Long: \*1000{word }end
Subject: s

b
-- txn
to: a@x.test
header~ ^X-Long:(\n?[ ]word){1000}\n?[ ]end$
header~ ^Subject: s$
body: same

== S52 From, Date and Message-ID are added
-- use alice
-- run
sendmail -i a@x.test
-- stdin
To: a@x.test
Subject: s

b
-- txn
from: alice@d.test
to: a@x.test
header~ ^From: "?Alice Q\. Tester"? <alice@d\.test>$
header~ ^Date: [A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$
header~ ^Message-ID: <[^<>@\s]+@[^<>@\s]+>$
header~ ^To: a@x\.test$
header!~ (?s)^(From|Date|Message-ID):.*^\1:
body: same

== S53 a full name that has to be quoted
-- use alice
-- for NAME FROM
'J. "Q" (x)' | "J\. \\"Q\\" \(x\)"
'a\\b' | "a\\\\b"
'Doe, John' | "Doe, John"
'J <j@y.test>' | "J <j@y\.test>"
'Gr\xc3\xbc\xc3\x9fe' | =\?utf-8\?[qQbB]\?\S+\?=
-- run
sendmail -i -F @NAME@ a@x.test
-- stdin
To: a@x.test

b
-- txn
to: a@x.test
header~ (?i)^From: @FROM@ <alice@d\.test>$

== S54 line ends in a full name are no fields
-- use alice
-- for NAME in x\nBcc: e@x.test | x\r\nBcc: e@x.test | x\rBcc: e@x.test | x\n\nBcc: e@x.test
-- run
sendmail -i -F '@NAME@' a@x.test
-- stdin
To: a@x.test

b
-- txn
to: a@x.test
header!~ (?i)^bcc
header!~ (?s)^From:.*^From:
header~ ^From: "x *Bcc: e@x\.test" <alice@d\.test>$
body: same

== S55 a From that is there stays
-- use alice
-- for OPT in -FName | -F Name | -F ''
-- run
sendmail -i @OPT@ a@x.test
-- txn
to: a@x.test
header~ ^From: alice@d\.test$
header!~ Name

== S56 the name in the environment
-- use alice
-- env
NAME=Env N
-- run
sendmail -i a@x.test
-- stdin
To: a@x.test

b
-- txn
to: a@x.test
header~ ^From: "?Env N"? <alice@d\.test>$

== S57 the envelope sender
-- use alice
-- for ARGS in -i -f o@y.test | -i -fo@y.test | -i -r o@y.test | -i -ro@y.test | -if o@y.test | -f x@y.test -f o@y.test
-- run
sendmail @ARGS@ a@x.test
-- txn
from: o@y.test
to: a@x.test
header~ ^From: alice@d\.test$
header!~ (?i)o@y|^sender|warning

== S58 the null sender
-- use alice
-- for ARGS in -f '' | -f '<>' | -f'<>' | -r '<>'
-- run
sendmail -i @ARGS@ a@x.test
-- expect
commands~ ^MAIL FROM:<>( |$)
-- txn
from: <>
to: a@x.test
header~ ^From: alice@d\.test$

== S59 a sender with more than the address
-- use alice
-- for ARG in '<o@y.test>' | 'N <o@y.test>' | '"N, M" <o@y.test>' | 'o@y.test (N)'
-- run
sendmail -i -f @ARG@ a@x.test
-- txn
from: o@y.test
to: a@x.test

== S60 a sender without domain
-- use alice
-- run
sendmail -i -f daemon a@x.test
-- txn
from: daemon@d.test
to: a@x.test

== S61 line ends in a sender are no commands
-- use alice refused
-- for ARG in o@y.test\ne | o@y.test>\r\nRCPT TO:<e@x.test | <o@y.test>\nDATA
-- run
sendmail -i -f '@ARG@' a@x.test
-- expect
exit: 65

== S62 the null sender, and no From
-- use alice
-- for FROM in X: y | From: | From: <>
-- run
sendmail -i -f '<>' a@x.test
-- stdin
@FROM@
To: a@x.test

b
-- txn
from: <>
to: a@x.test
header~ ^From: "?Alice Q\. Tester"? <alice@d\.test>$
header!~ (?s)^From:.*^From:

== S63 the environment does not say who sends
-- use alice
-- env
USER=mallory
LOGNAME=mallory
EMAIL=mallory@y.test
MAILUSER=mallory
-- run
sendmail -i a@x.test
-- txn
from: alice@d.test
to: a@x.test
data!~ mallory

== S64 no environment: the user's own files are found
-- use alice
-- file home/.config/mailchute/config
log = @DIR@/log
queue = off
[account own]
host = localhost
port = @PORT@
tls = on
tls-ca-file = @CA@
user = @USER@
password = @PASSWORD@
domain = d.test
aliases = ~/aliases
-- file home/aliases
friend: a@x.test
-- env
!HOME
!MAILCHUTE_CONFIG
-- run
sendmail -i friend
-- stdin
To: friend

b
-- expect
log~ account=own
-- txn
from: alice@d.test
to: a@x.test
header~ ^From: "?Alice Q\. Tester"? <alice@d\.test>$

== @no-name
-- use alice
-- passwd
root:x:4242:4242:root:/root:/bin/sh

== S65a a user without name, but with a sender
-- use no-name
-- for ARG in -f alice@d.test | --from=alice@d.test
-- run
sendmail -i @ARG@ a@x.test
-- txn
from: alice@d.test
to: a@x.test
header~ ^From: alice@d\.test$
body: same

== S65b a user without name or sender
-- use no-name refused
-- run
sendmail -i a@x.test
-- expect
exit: 71
stderr~ from|-f

== S66 mail from cron
-- use alice
-- env
!USER
!LOGNAME
HOME=/root
-- run
sendmail -FCronDaemon -i -B8BITMIME -oem alice
-- stdin
From: root (Cron Daemon)
To: alice
Subject: Cron <alice@d> date
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
X-Cron-Env: <SHELL=/bin/sh>
X-Cron-Env: <HOME=/home/alice>
X-Cron-Env: <PATH=/usr/bin:/bin>
X-Cron-Env: <LOGNAME=alice>

Gr\xc3\xbc\xc3\x9fe
.
end
-- txn
from: alice@d.test
to: alice@d.test
params: BODY=8BITMIME
header~ ^From: (root@d\.test \(Cron Daemon\)|"?Cron Daemon"? <root@d\.test>)$
header~ ^To: alice@d\.test$
header~ ^Date: .+
header~ ^Message-ID: <\S+>$
header~ ^X-Cron-Env: <LOGNAME=alice>$
body: same

== S67 command lines of well-known callers
-- use alice
-- for WHO ARGS FROM
rhel-cron | -FCronDaemon -i -odi -oem bob@x.test | alice@d.test
vixie-cron | -FCronDaemon -odi -oem -or0s bob@x.test | alice@d.test
freebsd-cron | '-FCron Daemon' -odi -oem -or0s bob@x.test | alice@d.test
bcron | -FCronDaemon -i -odi -oem -t | alice@d.test
systemd-cron | -i -B8BITMIME bob@x.test | alice@d.test
busybox | -ti | alice@d.test
dcron | -t -oem -i | alice@d.test
anacron | -FAnacron -odi bob@x.test | alice@d.test
at | -i bob@x.test | alice@d.test
sudo | -t | alice@d.test
mutt | -oem -oi -f o@y.test -N failure,delay -R hdrs -B8BITMIME -- bob@x.test | o@y.test
mailx | -i -t -f o@y.test | o@y.test
s-nail | -i -f o@y.test -- bob@x.test | o@y.test
mailutils | -oi -f o@y.test -t | o@y.test
nmh | -t -i | alice@d.test
emacs | -oi -f o@y.test -oAx.al -oep -odi -t | o@y.test
emacs-queued | -oi -f o@y.test -oem -odb bob@x.test | o@y.test
slrn | -oi -t -oem -odb | alice@d.test
nvi | -odb -t | alice@d.test
quilt | -f "N M <o@y.test>" bob@x.test | o@y.test
git | -f o@y.test -i bob@x.test | o@y.test
php | -t -i -fo@y.test | o@y.test
phpmailer | -oi -fo@y.test -t | o@y.test
symfony | -i -fo@y.test -- bob@x.test | o@y.test
mime-lite | -t -oi -oem -fo@y.test | o@y.test
mime-construct | -oi bob@x.test | alice@d.test
rails | -i -f "o@y.test" -- "bob@x.test" | o@y.test
nodemailer | -i -f o@y.test bob@x.test | o@y.test
mdadm | -t | alice@d.test
fail2ban | -f "o@y.test" "bob@x.test" | o@y.test
hylafax | -fo@y.test -oi bob@x.test | o@y.test
inn | -oee -odq -fo@y.test bob@x.test | o@y.test
sympa | -oi -odi -oem -N success,delay,failure -f o@y.test bob@x.test | o@y.test
sieve | -i -f "<>" -- bob@x.test | <>
fetchmail | -oi -f "" bob@x.test | <>
procmail | -oi bob@x.test | alice@d.test
proxmox | -B 8BITMIME -f root -- bob@x.test | root@d.test
-- run
sendmail @ARGS@
-- expect
connections: 1
-- txn
from: @FROM@
to: bob@x.test
header~ \AFrom: alice@d\.test\nTo: bob@x\.test\n
body: same

== S67-cronie its mail, to a local name
-- use alice
-- run
sendmail -FCronDaemon -i -odi -oem -oi -t -f root
-- stdin
From: "(Cron Daemon)" <root>
To: root
Subject: Cron <root@h> date
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
Auto-Submitted: auto-generated
Precedence: bulk
X-Cron-Env: <SHELL=/bin/sh>

out
-- txn
from: root@d.test
to: root@d.test
header~ ^From: "\(Cron Daemon\)" <root@d\.test>$
header~ ^To: root@d\.test$
header~ ^Auto-Submitted: auto-generated$
header~ ^Date: .+
body: same

== S67-aliases cron's recipient has an alias
-- use alice
-- config+
aliases = @DIR@/aliases
-- file aliases
root: carol@y.test
-- run
sendmail -FCronDaemon -odi -oem -or0s root
-- stdin
From: root (Cron Daemon)
To: root
Subject: Cron <root@h> date

out
-- txn
to: carol@y.test
header~ ^To: root@d\.test$
data!~ carol

== S67-busybox crond's mail
-- use alice
-- run
sendmail -ti
-- stdin
To: alice
Subject: cron: date

out
.
-- txn
to: alice@d.test
header~ ^From: "?Alice Q\. Tester"? <alice@d\.test>$
body: same

== S67-fcron standard input is a file
-- use alice
-- file message
To: alice
Subject: Output of fcron job: 'date'

out
-- wrap
cd / && exec <@DIR@/message
-- run
sendmail alice
-- stdin
-- txn
to: alice@d.test
header~ ^To: alice@d\.test$
body:
out

== S67-sudo mail about a user
-- use alice
-- wrap
cd / && exec >/dev/null 2>&1
-- env
HOME=/
USER=root
LOGNAME=root
-- run
sendmail -t
-- stdin
To: root
From: joe
Auto-Submitted: auto-generated
Subject: *** SECURITY information for h ***

h : Nov 25 20:00:00 : joe : user NOT in sudoers
-- txn
from: alice@d.test
to: root@d.test
header~ ^From: joe@d\.test$
header~ ^To: root@d\.test$
body: same

== S67-php mail() with a sender and a copy
-- use alice
-- run
sendmail -t -i -fenv@y.test
-- stdin
To: bob@x.test\r
Subject: s\r
X-PHP-Originating-Script: 0:a.php\r
From: Shop <shop@y.test>\r
Bcc: audit@y.test\r
\r
l1
.
l3\r
-- txn
from: env@y.test
to: bob@x.test
header~ ^From: Shop <shop@y\.test>$
data!~ (?i)bcc|audit
body:
l1
.
l3
-- txn
from: env@y.test
to: audit@y.test
data!~ (?i)bcc|audit

== S67-rails nothing on either stream
-- use alice
-- wrap
exec 2>&1
-- run
sendmail -i -f "o@y.test" -- "a@x.test" "hidden@x.test"
-- stdin crlf
Date: Mon, 23 Nov 2026 12:00:00 +0000
From: o@y.test
To: a@x.test
Message-ID: <m@x.test>
Subject: s
Mime-Version: 1.0
Content-Type: text/plain;
 charset=UTF-8
Content-Transfer-Encoding: 7bit

b
-- expect
stdout: empty
-- txn
from: o@y.test
to: a@x.test
header~ ^Content-Type: text/plain;\n charset=UTF-8$
data!~ hidden
-- txn
from: o@y.test
to: hidden@x.test
data!~ hidden

== S67-nodemailer Bcc is left in the header
-- use alice
-- run
sendmail -i -f o@y.test a@x.test hidden@x.test
-- stdin crlf nonl
From: O <o@y.test>
To: a@x.test
Bcc: hidden@x.test
Subject: s
Message-ID: <m@x.test>
Content-Transfer-Encoding: 7bit
Date: Mon, 23 Nov 2026 12:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

b
-- txn
to: a@x.test
data!~ (?i)hidden|bcc
-- txn
to: hidden@x.test
data!~ (?i)hidden|bcc

== S67-mailx Bcc, and To without domain
-- use alice
-- run
sendmail -i -t
-- stdin
To: bob
Subject: s
Bcc: hidden@x.test
MIME-Version: 1.0
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: 7bit

b
-- txn
from: alice@d.test
to: bob@d.test
header~ ^To: bob@d\.test$
header~ ^From: "?Alice Q\. Tester"? <alice@d\.test>$
data!~ (?i)hidden|bcc
-- txn
to: hidden@x.test
data!~ (?i)hidden|bcc

== S67-procmail a message out of a mailbox
-- use alice
-- run
sendmail -oi bob@x.test
-- stdin
From carol@y.test Mon Nov 23 12:00:00 2026
Return-Path: <carol@y.test>
From: carol@y.test
To: alice@d.test
Content-Length: 2

b
-- txn
from: alice@d.test
to: bob@x.test
header~ ^From: carol@y\.test\nTo: alice@d\.test$
header!~ (?i)^from .*|return-path|content-length
body: same

== S67-git a patch
-- use alice
-- run
sendmail -f o@y.test -i bob@x.test
-- stdin
From: O <o@y.test>
To: bob@x.test
Subject: [PATCH] x
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <m@x.test>

From: carol@y.test

---
 a | 2 +-
.
From here on
..
--\x20
2.39.5

-- txn
from: o@y.test
to: bob@x.test
body: same

== S68 what is taken without much effect
-- use alice
-- for ARG in -oem | -oep | -oeq | -oew | -oee | -odi | -odf | -odb | -om | -oo | -o7 | -o8 | -o8p | -oj | -os | -on | -or2h | -oAf | -oQd | -oT3d | -oL9 | -ov | -em | -ep | -eq | -ew | -ee | -e m | -m | -n | -U | -G | -c | -s | -x | -Am | -Ac | -A c | -bm | -h5 | -h 5 | -Lt | -L t | -pP | -p P | -Xf | -X f | -T3d | -B7BIT | -B 7BIT | -Bx | -E | -Ex | -J | -Jx | -O A=b | -OA=b | -OErrorMode=mail | -O DeliveryMode=background | -o i | -d | -d9.9
-- run
sendmail @ARG@ -i bob@x.test
-- expect
stderr: any
stderr!~ (?i)option|usage|error
-- txn
from: alice@d.test
to: bob@x.test
body: same

== S68v -v
-- use alice
-- run
sendmail -v -i a@x.test
-- expect
stderr~ MAIL FROM:<alice@d\.test>
-- txn
to: a@x.test

== S69 notifications
-- use alice
-- for CAPS PARAMS TO
PIPELINING; DSN | RET=HDRS ENVID=id+2B | NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@x.test
DSN | RET=HDRS ENVID=id+2B | NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@x.test
PIPELINING; 8BITMIME | |
-- server
caps = @CAPS@
-- run
sendmail -i -N success,failure -R hdrs -V id+ a@x.test
-- txn
params: @PARAMS@
to: a@x.test @TO@
body: same

== S70 SMTP on standard input and output
-- use alice
-- for OPTS in -bs | -bs -i | -bs -odb -oem | -bs -f z@y.test
-- run
sendmail @OPTS@
-- stdin crlf
EHLO client.d.test
MAIL FROM:<o@y.test>
RCPT TO:<a@x.test>
RCPT TO:<hidden@x.test>
DATA
From: o@y.test
To: a@x.test
Bcc: hidden@x.test
Subject: s
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <m@x.test>

..two
..
...
b
.
QUIT
-- expect
stdout: any
stdout~ \A220 .*\n(250-.*\n)*250 .*\n250 .*\n250 .*\n250 .*\n354 .*\n250 .*\n221 .*\n\Z
-- txn
from: o@y.test
to: a@x.test
data!~ (?i)bcc|hidden
body:
.two
.
..
b
-- txn
from: o@y.test
to: hidden@x.test
data!~ (?i)bcc|hidden

== S70lf the same with LF, and the end of input for QUIT
-- use alice
-- run
sendmail -bs
-- stdin
HELO client
MAIL FROM:<o@y.test>
RCPT TO:<a@x.test>
DATA
From: o@y.test
To: a@x.test

b
.
RSET
MAIL FROM:<>
RCPT TO:<b@x.test>
DATA
From: o@y.test
To: b@x.test

c
.
-- expect
stdout: any
stdout~ \A220 .*\n250 .*\n250 .*\n250 .*\n354 .*\n250 .*\n250 .*\n250 .*\n250 .*\n354 .*\n250 .*\n
-- txn
from: o@y.test
to: a@x.test
body:
b
-- txn
from: <>
to: b@x.test
body:
c

== S70refused the server's word comes through
-- use alice
-- server
at RCPT:bad@* reply 550 5.1.1 no such user
-- run
sendmail -bs
-- stdin crlf
EHLO client
MAIL FROM:<o@y.test>
RCPT TO:<bad@x.test>
DATA
From: o@y.test
To: bad@x.test

b
.
QUIT
-- expect
stdout: any
stdout~ ^5\d\d 5\.1\.1 .*no such user
stdout~ ^221 
stderr: any
transactions: 0

== S71a the empty queue
-- use alice refused
-- config+
queue = on
-- for CMD in sendmail -bp | mailq | sendmail -bp -v | mailq -v | mailq -Ac
-- run
@CMD@
-- stdin
-- expect
stdout: any
stderr: empty
stdout~ ^Mail queue is empty\n\Z

== S71b nothing to build, nothing to flush
-- use alice refused
-- config+
queue = on
-- for CMD in sendmail -bi | sendmail -I | newaliases | sendmail -q | sendmail -q30m | sendmail -bh | sendmail -bH
-- run
@CMD@
-- stdin
-- expect
stderr: empty

== S71c the option wins over the name
-- use alice refused
-- config+
queue = on
-- run
newaliases -bp
-- stdin
-- expect
stdout: any
stdout~ ^Mail queue is empty\n\Z

== S72a -bv shows where it would go, and sends nothing
-- use alice refused
-- config+
aliases = @DIR@/aliases
-- file aliases
friend: carol@y.test
-- run
sendmail -bv a@x.test friend
-- expect
stdout: any
stdout~ a@x\.test
stdout~ carol@y\.test

== S72b -bv and no address
-- use alice refused
-- for WORD in a@b@c | '<a@x.test'
-- run
sendmail -bv @WORD@
-- expect
stdout: any
stderr: any
exit: 65|67

== S72c modes that are not there
-- use alice refused
-- for ARG in -bt | -bd | -bD | -bl | -ba | -bZ | -Z | -Dx | -Mx | -Q
-- run
sendmail @ARG@ a@x.test
-- expect
exit: 64
stderr~ ^sendmail: (unknown option |option )?-[a-zA-Z]

== S73 one of two is refused
-- use alice
-- for REPLY EXIT
550 5.1.1 no such user | 67
550 no | 67|69
550 5.2.1 closed | 69
-- server
at RCPT:bad@* reply @REPLY@
-- run
sendmail -i good@x.test bad@x.test
-- stdin
From: alice@d.test
To: good@x.test, bad@x.test

b
-- expect
exit: @EXIT@
stderr~ bad@x\.test
-- txn
to: good@x.test
body: same

== S74a the only one is refused
-- use alice
-- server
at @EVENT@ reply @REPLY@
-- for EVENT REPLY EXIT
RCPT | 550 5.1.1 no such user | 67
RCPT | 550 no | 67|69
RCPT | 451 4.3.0 later | 75
END | 554 5.6.0 no | 69
MAIL | 451 4.3.0 later | 75
-- for OPT STDERR
-oem | lines
-oep | lines
-oew | lines
-oem -oee | lines
-oeq | empty
-eq | empty
-OErrorMode=quiet | empty
-- run
sendmail @OPT@ -i bad@x.test
-- expect
exit: @EXIT@
stderr: @STDERR@
transactions: 0

== S74b nobody listens
-- use alice
-- config+
port = 1
-- for OPT STDERR
-oem | lines
-oeq | empty
-- run
sendmail @OPT@ -i a@x.test
-- expect
exit: 75
stderr: @STDERR@

== S74c with a queue it waits
-- use alice
-- config+
queue = on
-- server
at RCPT reply 451 4.3.0 later
-- run
sendmail -oem -i a@x.test
-- entry
from: alice@d.test
to: a@x.test blind
body: same

== S75a standard input is closed
-- use alice
-- wrap
exec <&-
-- run
sendmail -i a@x.test
-- stdin
-- txn
to: a@x.test
header~ ^From: .*<alice@d\.test>$
body:

== S75b the other streams are closed
-- use alice
-- for HOW in >&- 2>&- | >&- | 2>&- | <&- >&- 2>&-
-- wrap
exec @HOW@
-- run
sendmail -i bob@x.test
-- stdin
-- txn
to: bob@x.test
header~ ^From: .*<alice@d\.test>$
body:

== S75c nor does a failure need them
-- use alice
-- for HOW in >&- 2>&- | <&- >&- 2>&-
-- wrap
exec @HOW@
-- server
at RCPT reply 550 5.1.1 no
-- run
sendmail -i bob@x.test
-- expect
exit: 67
stderr: empty

== S75d who writes much gets the status, not EPIPE
-- use alice
-- for ARGS EXIT
-Z a@x.test | 64
-i | 64
-i 'a@b@c' | 65
-C @DIR@/nothing a@x.test | 78
-f 'a@b@c' a@x.test | 65
-- run
sendmail @ARGS@
-- stdin
From: alice@d.test

\*50000{sixty-three bytes of text, which need not make any sense at all\n}
-- expect
exit: @EXIT@
stdin: all
connections: 0

== S75e nor does it when the text ends before the input
-- use alice
-- run
sendmail a@x.test
-- stdin
From: alice@d.test

b
.
\*50000{sixty-three bytes of text, which need not make any sense at all\n}
-- expect
stdin: all
-- txn
to: a@x.test
body:
b

== colon-space a blank before the colon
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To : a@x.test
Bcc : hidden@x.test
Subject : s

b
-- txn
to: a@x.test
data!~ (?i)bcc|hidden
-- txn
to: hidden@x.test
data!~ (?i)bcc|hidden

== route a source route, and empty members
-- use alice
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: <@h.test,@i.test:a@x.test>, ,,B <b@x.test>,

b
-- txn
to: a@x.test
to: b@x.test

== one-word lists without comma
-- use alice
-- for W in 'a@x.test b@x.test' | 'a@x.test;b@x.test' | 'a@x.test; b@x.test'
-- run
sendmail -i @W@
-- txn
to: a@x.test
-- txn
to: b@x.test

== empty-address an empty address, and ; as a comma
-- use alice
-- for TO in <>, a@x.test | a@x.test, <> | a@x.test;| ;a@x.test | a@x.test; c <a@x.test>
-- run
sendmail -i -t
-- stdin
From: alice@d.test
To: @TO@

b
-- txn
to: a@x.test

== bad-operand nothing goes out when one address is none
-- use alice refused
-- for W in a@b@c | a@ | @x.test | 'a b@x.test' | '<a@x.test' | 'a@x.test>' | 'a@x..test' | a@-x.test | '"a@x.test' | '(a@x.test' | a@[300.1.1.1] | .
-- run
sendmail -i @W@ good@x.test
-- expect
exit: 65

== backslash a backslash keeps the aliases away
-- use alice
-- config+
aliases = @DIR@/aliases
-- file aliases
bob: carol@y.test
-- run
sendmail -i '\\bob'
-- txn
to: bob@d.test

== blank-line a line of blanks does not end the header
-- use alice
-- run
sendmail -i -t
-- stdin
From: alice@d.test
To: a@x.test,
 \t
 b@x.test
Subject: s
\x20
X: y

b
-- txn
to: a@x.test
to: b@x.test
header~ ^X: y$

== from-lines several lines From
-- use alice
-- run
sendmail -i -t
-- stdin
From a Mon Nov 23 12:00:00 2026
>From b Mon Nov 23 12:00:00 2026
From c Mon Nov 23 12:00:00 2026
From: alice@d.test
To: a@x.test

b
-- txn
to: a@x.test
data!~ 12:00:00 2026

== end-dot a dot that ends the input, without line end
-- use alice
-- for OPT BODY
-i | b\n.
-oem | b
-- run
sendmail @OPT@ a@x.test
-- stdin nonl
From: alice@d.test

b
.
-- txn
to: a@x.test
body~ \A@BODY@\n\Z

== header-dot a dot in the header ends the message
-- use alice
-- run
sendmail a@x.test
-- stdin
From: alice@d.test
.
Bcc: hidden@x.test

b
-- txn
to: a@x.test
body:

== fields which fields go and which stay
-- use alice
-- run
sendmail -i -t
-- stdin
Return-path: <x@y.test>
CONTENT-LENGTH: 5
From: alice@d.test
To: a@x.test
Sender: s@x.test
Errors-To: e@x.test
Apparently-To: f@x.test

b
-- txn
to: a@x.test
header!~ (?i)^return-path|content-length
header~ ^Sender: s@x\.test\nErrors-To: e@x\.test$

== empty-fields empty From, Date and Message-ID
-- use alice
-- run
sendmail -i -t
-- stdin
From:
To: a@x.test
Date: \x20
Message-ID:

b
-- txn
to: a@x.test
header~ ^From: "Alice Q\. Tester" <alice@d\.test>$
header~ ^Date: \S+
header~ ^Message-ID: <\S+>$
header!~ (?s)^(From|Date|Message-ID):.*^\1:

== utf8 an address outside ASCII
-- use alice
-- run
sendmail -i 'gr\xc3\xbc\xc3\x9fe@x.test'
-- txn
params: SMTPUTF8
to: grüße@x.test

== utf8-none the server takes none
-- use alice
-- server
caps = PIPELINING; 8BITMIME
-- run
sendmail -i 'gr\xc3\xbc\xc3\x9fe@x.test'
-- expect
exit: 65|69
transactions: 0

== utf8-header raw bytes in the header, though not in an address, as they are
-- use alice
-- run
sendmail -i -t
-- stdin
From: Alic\xc3\xa9 <alice@d.test>
To: Gr\xc3\xbc\xc3\x9fe <a@x.test>
Subject: Gr\xfc\xdfe

b
-- txn
to: a@x.test

== odd-name names that were commands once
-- use alice
-- for W TO
'|cmd' | |cmd@d.test
'"|cmd x"' | "|cmd x"@d.test
'/file' | /file@d.test
-- run
sendmail -i @W@
-- txn
to: @TO@

== bad-to nothing goes out when an address of the header is none
-- use alice refused
-- for TO in <a@x.test | a@x.test, b@c@d.test | "a@x.test
-- run
sendmail -t -i
-- stdin
From: alice@d.test
To: @TO@

b
-- expect
exit: 65

== gecos full names of the user database
-- use alice
-- for GECOS FROM
& Smith | "?Alice Smith"?
 | alice@d
,,, | alice@d
Gr\xc3\xbc\xc3\x9fe | =\?utf-8\?[qb]\?
Gr\xfc\xdfe | =\?[a-z0-9-]+\?[qb]\?
A \\ "B" <c> | "A \\\\ \\"B\\" <c>"
-- passwd
alice:x:@UID@:4242:@GECOS@:@DIR@/home:/bin/sh
-- run
sendmail -i -t
-- stdin
To: a@x.test

b
-- txn
to: a@x.test
header~ (?i)^From: @FROM@

== dsn-value values that are none
-- use alice
-- for W EXIT
-N x | 64
-N never,success | 64
-N '' | 64
-V '' | 65
-- run
sendmail -i @W@ a@x.test
-- expect
exit: @EXIT@
connections: 0

== no-value the value is missing
-- use alice refused
-- for W in -f | -F | -B | -N | -o | -O | -h | -r | -R | -V | -X | -L | -p | -A | -C | -a | -T
-- run
sendmail -i @W@
-- expect
exit: 64

== no-name -F with nothing
-- use alice
-- env
NAME=
-- run
sendmail -i -F '' -t
-- stdin
To: a@x.test

b
-- txn
to: a@x.test
header~ ^From: <?alice@d\.test>?$

== local-case only the domain has no case
-- use alice
-- run
sendmail -i -t
-- stdin
From: alice@d.test
To: a@x.test, A@x.test, a@X.TEST

b
-- txn
to: a@x.test
to: A@x.test

== bad-sender a sender that is none
-- use alice refused
-- for W in 'a@x.test, b@x.test' | a@b@c | 'a b' | '<a@x.test' | '\\xff@x.test'
-- run
sendmail -i -f @W@ a@x.test
-- expect
exit: 65

== group-bcc a group in Bcc, and an empty one in Cc
-- use alice
-- run
sendmail -i -t
-- stdin
From: alice@d.test
Cc: x: ;
Bcc: Hidden: a@x.test, b@x.test;

b
-- txn
to: a@x.test
data!~ (?i)bcc|hidden|[ab]@x
-- txn
to: b@x.test
data!~ (?i)bcc|hidden|[ab]@x

== resent-bcc Resent-Bcc alone
-- use alice
-- run
sendmail -i -t
-- stdin
Resent-From: alice@d.test
Resent-Bcc: a@x.test
From: o@y.test
To: o@x.test

b
-- txn
to: a@x.test
data!~ (?i)bcc|a@x

== from-line-only a line From and no header
-- use alice
-- run
sendmail -i a@x.test
-- stdin
From carol Mon Nov 23 12:00:00 2026

b
-- txn
to: a@x.test
body:
b

== bcc-syntax whatever the grammar allows in Bcc
-- use alice
-- run
sendmail -i -t
-- stdin
From: alice@d.test
To: a@x.test
Bcc: (see (a)) "Doe, H" <hidden@x.test>
 , (x) other . one @ x.test
Subject: s

b
-- txn
to: a@x.test
data!~ (?i)bcc|hidden|other
-- txn
to: hidden@x.test
-- txn
to: other.one@x.test
