Everything that may leave together: log-in, commands, text (RFC 2920, 3030,
4954), and servers that get confused by it.

== @chunking
-- server
caps = PIPELINING; SIZE 52428800; 8BITMIME; DSN; ENHANCEDSTATUSCODES; SMTPUTF8; CHUNKING

== f1 one flight by BDAT
-- use chunking taken
-- expect
connections: 1
size-exact: yes
commands~ ^BDAT [0-9]+ LAST$

== f1-starttls one flight after STARTTLS
-- use chunking starttls taken
-- expect
connections: 1

== f1-commands only commands and text
-- use chunking taken lone

== f1-off lock-step
-- use chunking taken
-- config+
pipelining = off
-- expect
commands~ ^BDAT [0-9]+ LAST$

== f1-nochunking asked not to
-- use chunking taken
-- config+
chunking = no
-- expect
commands~ ^DATA$
commands!~ ^BDAT

== f1-nopipelining BDAT without PIPELINING
-- use taken
-- server
caps = SIZE 52428800; CHUNKING
-- expect
commands~ ^BDAT [0-9]+ LAST$

== @medium          so much that its text leaves with the commands, in pieces
-- config+
timeout = 4s
-- stdin
From: Me <me@example.test>
To: a@example.test
Subject: a test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.2@example.test>

\*850{.the quick brown fox jumps over the lazy dog, and then it rests\n}
== f1-medium a text of several pieces in the same flight
-- use chunking medium
-- expect
exit: 0
connections: 1
size-exact: yes
commands~ ^BDAT 5[0-9]{4} LAST$
-- txn
from: me@example.test
to: a@example.test
body: same

== f1-medium-refused what was announced comes, although nobody wants it
-- use chunking medium keep
-- server
at RCPT reply 451 4.2.1 later
-- expect
connections: 1

== f2 a large message waits for the recipients
-- use chunking big
-- expect
exit: 0
size-exact: yes
-- txn
from: me@example.test
to: a@example.test
body: same

== f2-refused a large message for nobody does not leave
-- use chunking big keep
-- server
at RCPT reply 451 4.2.1 later
-- expect
commands!~ ^BDAT
mails: 1

== f3 some are refused, the others have it
-- use chunking three
-- server
at RCPT:b@* reply 550 5.1.1 no such user
-- expect
exit: 67|69
stderr: line
stderr~ b@example\.test.*550 5\.1\.1
-- txn
from: me@example.test
to: a@example.test
to: c@example.test
body: same

== f3-all all are refused, and so is the text
-- use chunking three
-- server
at RCPT reply 550 5.1.1 no such user
-- expect
exit: 67|69
stderr: lines
transactions: 0

== f3-taken the server takes a text for nobody
-- use chunking three
-- server
at RCPT reply 550 5.1.1 no such user
at END reply 250 2.0.0 why not
-- expect
exit: 67|69
stderr: lines
transactions: 0

== f4 the message is refused
-- use chunking
-- for R in 552 5.3.4 too big | 554 5.6.0 no
-- server
at END reply @R@
-- expect
exit: 69
stderr~ @R@

== f4-later the message is deferred
-- use chunking keep
-- server
at END reply 451 4.3.0 later
-- expect
stderr~ 451 4\.3\.0

== f5 BDAT is not known, and its text not skipped
-- use chunking taken
-- for R in 500 5.5.1 what? | 502 5.5.1 not here | 503 5.5.1 order
-- server
at BDAT reply @R@
-- expect
exit: 0
connections: 2
violations: any
commands~ ^DATA$

== f6 the connection ends where the reply to the text should be
-- use chunking
-- for H in close | eof | reset
-- server
at END @H@
-- expect
exit: 75
stderr~ may have been delivered

== f6-earlier and before that: the whole message may be there
-- use chunking
-- for E in MAIL | RCPT
-- server
at @E@ close
-- expect
exit: 75
stderr~ may have been delivered

== f6-421 a goodbye is a no
-- use chunking
-- for E in MAIL | RCPT | END
-- server
at @E@ then close
at @E@ reply 421 4.3.2 bye
-- expect
exit: 75
stderr!~ may have been delivered

== @oneshot
-- use chunking taken
-- expect
connections: 1
quit: early

== q1 the goodbye of a single message rides too
-- use oneshot

== q1-starttls and after STARTTLS
-- use oneshot starttls

== q1-reply nobody waits for its answer, or minds it
-- use oneshot
-- for R in silence | close | reset | reply 554 5.7.1 never | raw x | delay 3
-- server
at QUIT @R@
-- expect
time: 10

== q1-same it comes with the verdict
-- use oneshot
-- server
at END after 221 2.0.0 bye\r\n

== q1-off not where commands go by themselves
-- use chunking taken
-- for P in commands | off
-- config+
pipelining = @P@
-- expect
connections: 1
quit: yes

== q1-data or the text does
-- use chunking taken
-- config+
chunking = no
-- expect
connections: 1
quit: yes

== q1-big or it is too large for one flight
-- use chunking big
-- expect
connections: 1
quit: yes
-- txn
from: me@example.test
to: a@example.test
body: same

== q1-split who is one too many gets a connection of its own
-- use chunking three
-- server
rcpt-limit = 2
-- expect
connections: 2
quit: early
-- txn
from: me@example.test
to: a@example.test
to: b@example.test
body: same
-- txn
from: me@example.test
to: c@example.test
body: same

== q1-limits but not where the server has told its limit
-- use chunking three
-- server
rcpt-limit = 2
caps = PIPELINING; CHUNKING; LIMITS RCPTMAX=2
-- expect
connections: 1
quit: early
-- txn
from: me@example.test
to: a@example.test
to: b@example.test
body: same
-- txn
from: me@example.test
to: c@example.test
body: same

== q1-refused nor does it matter what the verdict is
-- use chunking
-- for R in 554 5.6.0 no
-- server
at END reply @R@
-- expect
exit: 69
connections: 1
quit: early

== q1-lost it says nothing about the message
-- use chunking
-- server
at END drop
-- expect
exit: 75
quit: early
transactions: 1
stderr~ may have been delivered

== f7 the log-in is refused, the text is with it
-- use chunking keep
-- for R in 535 5.7.8 no | 534 5.7.9 too weak | 454 4.7.0 later
-- server
at AUTH reply @R@
-- expect
stderr~ localhost.*@R@
transactions: 0

== f7-taken the log-in is refused and the server takes the message all the same
-- use chunking
-- server
at AUTH reply 535 5.7.8 no
at MAIL reply 250 ok
-- expect
exit: 0
stderr: any
-- txn
from: me@example.test
to: a@example.test
body: same

== f7-data without CHUNKING nothing of the text leaves
-- use keep
-- server
at AUTH reply 535 5.7.8 no
at MAIL reply 250 ok
-- expect
data: none
stderr~ 535 5\.7\.8

== f8 a server that wants the log-in alone
-- use taken
-- server
sync = yes
-- expect
exit: 0
connections: 2
violations: any

== f9 smuggling: what ends a message in DATA is text in BDAT
-- use chunking taken
-- stdin
From: Me <me@example.test>
To: a@example.test
Subject: a test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

.
..
.\r
QUIT
MAIL FROM:<x@example.test>
-- expect
connections: 1
transactions: 1

== f10 replies in pieces
-- use chunking three
-- for N in 1 | 2 | 3 | 7
-- server
split = @N@
-- expect
exit: 0
-- txn
from: me@example.test
to: a@example.test
to: b@example.test
to: c@example.test
body: same

== f11 what the server says of itself counts before the log-in
-- server
caps = PIPELINING; SIZE 100
-- expect
exit: 69
auths: 0
mails: 0
stderr~ 100

== @hidden
-- use chunking
-- run
sendmail -oi -f me@example.test a@example.test b1@example.test b2@example.test b3@example.test b4@example.test b5@example.test

== f12 copies for blind recipients leave together
-- use hidden
-- expect
exit: 0
connections: 1
delivered-to: a@example.test b1@example.test b2@example.test b3@example.test b4@example.test b5@example.test
-- txn
from: me@example.test
to: a@example.test
body: same
-- txn
to: b1@example.test
body: same
-- txn
to: b2@example.test
body: same
-- txn
to: b3@example.test
body: same
-- txn
to: b4@example.test
body: same
-- txn
to: b5@example.test
body: same

== f12-refused one of them is refused
-- use hidden
-- for AT in RCPT:b2@* | MAIL#3 | END#3
-- server
at @AT@ reply 550 5.1.1 no
-- expect
exit: 67|69
stderr: line
stderr~ b2@example\.test.*550 5\.1\.1
-- txn
to: a@example.test
-- txn
to: b1@example.test
-- txn
to: b3@example.test
-- txn
to: b4@example.test
-- txn
to: b5@example.test

== f12-later one of them is deferred
-- use hidden
-- server
at RCPT:b2@* reply 450 4.2.1 later
-- expect
exit: 75
stderr: line
stderr~ b2@example\.test.*450 4\.2\.1
transactions: 5

== f12-cut the connection ends in the middle: no one gets it twice
-- use hidden
-- for AT in END#3 | RCPT#3
-- server
at @AT@ close
-- expect
exit: 75
transactions: 2
stderr: lines
stderr~ b2@example\.test.*may have been delivered
stderr!~ b1@example
stderr!~ ^sendmail: a@

== f12-421 a goodbye in the middle: the others go by another connection
-- use hidden
-- server
at MAIL#4 reply 421 4.3.2 enough
at MAIL#4 then close
-- expect
exit: 0
connections: 2
transactions: 6
delivered-to: a@example.test b1@example.test b2@example.test b3@example.test b4@example.test b5@example.test

== f12-pieces replies in pieces
-- use hidden
-- server
split = 1
-- expect
exit: 0
transactions: 6
delivered-to: a@example.test b1@example.test b2@example.test b3@example.test b4@example.test b5@example.test

== f12-large copies that are too large for it
-- use chunking
-- run
sendmail -oi -f me@example.test a@example.test b1@example.test b2@example.test
-- stdin
From: Me <me@example.test>
To: a@example.test
Subject: a larger test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.2@example.test>

\*3000{.the quick brown fox jumps over the lazy dog, and then it rests\n}
-- expect
exit: 0
connections: 1
-- txn
to: a@example.test
body: same
-- txn
to: b1@example.test
body: same
-- txn
to: b2@example.test
body: same

== f12-bcc each with a field of its own
-- use chunking
-- config+
fan-out = bcc
-- run
sendmail -oi -f me@example.test a@example.test b1@example.test b2@example.test
-- txn
to: a@example.test
header!~ ^Bcc:
-- txn
to: b1@example.test
header~ ^Bcc: b1@example\.test
header!~ b2@
-- txn
to: b2@example.test
header~ ^Bcc: b2@example\.test
header!~ b1@

== f13 DANE and libcurl do not go together
-- for K in transport = curl | proxy = socks5h://127.0.0.1:9
-- config+
tls-verify = dane
@K@
-- expect
exit: 78
connections: 0
stderr~ dane
