SMTP on standard input and output: sendmail -bs.

== @bs             all commands at once, as a script pipes them
-- run
sendmail -bs
-- stdin crlf
EHLO client.example
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
From: Me <me@example.test>
To: a@example.test
Subject: a test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

Hello.
.
QUIT

== @bs-quiet       nothing on standard error, status 0
-- expect
exit: 0
stderr: empty

== @bs-taken       the message arrives once
-- use bs bs-quiet
-- expect
replies: 220 250 250 250 354 250 221
connections: 1
-- txn
from: me@example.test
to: a@example.test
header~ ^Subject: a test$
body:
Hello.

== bs-piped        all at once, CRLF
-- use bs-taken
-- expect
stdout~ ^220 \S+ ESMTP\r?$
stdout!~ (?i)mailchute|sendmail|postfix|auth|starttls
stdout~ ^250-PIPELINING$
stdout~ ^250-SIZE 26214400$
stdout~ ^250-8BITMIME$
stdout~ ^250-SMTPUTF8$
stdout~ ^250-DSN$
stdout~ ^250-CHUNKING$
stdout~ ^250 ENHANCEDSTATUSCODES$
stdout~ ^250 2\.0\.0 sent$
log~ verdict=delivered exit=0

== bs-name         under the other name
-- use bs-taken
-- run
mailchute -bs

== bs-flags        what callers put beside it
-- use bs-taken
-- for FLAGS in -i | -oi | -oem | -odi | -f x@y.test | -t | -N never | -B8BITMIME
-- run
sendmail @FLAGS@ -bs

== bs-lf           the same with LF alone, dots and all
-- use bs bs-quiet
-- run
sendmail -bs
-- stdin
EHLO client.example
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x

..one
...two
.
MAIL FROM:<me@example.test>
RCPT TO:<b@example.test>
DATA
Subject: y

.
QUIT
-- expect
replies: 220 250 250 250 354 250 250 250 354 250 221
-- txn
to: a@example.test
body:
.one
..two
-- txn
to: b@example.test
header~ ^Subject: y$

== bs-mixed        commands of either end after a first line with CRLF
-- use bs bs-quiet
-- stdin
EHLO client.example\r
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>\r
DATA
Subject: x\r
\r
b\r
.\r
QUIT
-- expect
replies: 220 250 250 250 354 250 221
-- txn
to: a@example.test

== bs-eof          an end of input between messages is QUIT
-- use bs-quiet
-- run
sendmail -bs
-- for REPLIES IN
220 500 | \r\n
220 250 | EHLO c\r\n
220 250 250 250 | EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n
220 250 | EHLO c\r\nNOO
-- stdin nonl
@IN@
-- expect
replies: @REPLIES@
transactions: 0

== bs-cut          an end in the middle of a message sends nothing
-- use bs
-- stdin crlf nonl
EHLO client.example
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x

half@END@
-- for END in \x20 | \r | \r\n | \r\n. | \r\n.\r
-- expect
exit: 75
stderr~ ^sendmail: the client went away in the middle of a message$
replies: 220 250 250 250 354 421
connections: 0

== bs-dialogue     a client that waits for every reply, and several messages
-- use bs-quiet
-- run
sendmail -bs
-- talk
< 220 \S+ ESMTP$
> EHLO [127.0.0.1]
< 250-.*250-PIPELINING\n
> NOOP
< 250 2\.0\.0
> VRFY root
< 252 2\.\d\.\d
> EXPN root
< 502 5\.5\.1
> AUTH PLAIN AAAA
< 502 5\.5\.1
> STARTTLS
< 502 5\.5\.1
> HELP
< 214
> FOO
< 500 5\.5\.
> RCPT TO:<a@example.test>
< 503 5\.5\.1
> MAIL FROM:<me@example.test> SIZE=100 BODY=8BITMIME
< 250 2\.
> RCPT TO:<nobody@example.test>
< 250 2\.1\.5
> RSET
< 250 2\.0\.0
> DATA
< 503
> MAIL FROM:<me@example.test>
< 250
> RCPT TO:<a@example.test>
< 250
> DATA
< 354
> Subject: one
>
> 1
> .
< 250 2\.0\.0 sent$
> MAIL FROM:<>
< 250
> RCPT TO:<b@example.test>
< 250
> RCPT TO:<c@example.test>
< 250
> DATA
< 354
> From: x@example.test
> To: b@example.test, c@example.test
> Subject: two
>
> 2
> .
< 250 2\.0\.0 sent$
> QUIT
< 221 2\.0\.0
-- expect
connections: 1
auths: 1
quit: yes
-- txn
from: me@example.test
to: a@example.test
header~ ^Subject: one$
header~ ^Message-ID: <
header~ ^Date: 
header~ ^From: .*me@example\.test
-- txn
from: <>
to: b@example.test
to: c@example.test
header~ ^Subject: two$

== bs-accounts     another account has another connection
-- use bs-quiet
-- config
log = @DIR@/log
queue-dir = @DIR@/spool
queue = off
host = localhost
port = @PORT@
tls-ca-file = @CA@
user = @USER@
password = @PASSWORD@
[account default]
from = me@example.test
[account other]
from = other@example.test
-- run
sendmail -bs
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: 1
.
MAIL FROM:<other@example.test>
RCPT TO:<a@example.test>
DATA
Subject: 2
.
MAIL FROM:<other@example.test>
RCPT TO:<a@example.test>
DATA
Subject: 3
.
QUIT
-- expect
connections: 2
auths: 2
-- txn
from: me@example.test
-- txn
from: other@example.test
-- txn
from: other@example.test

== bs-transports   and goes the way of its own: nothing around a proxy
-- use bs-quiet
-- config
log = @DIR@/log
queue-dir = @DIR@/spool
queue = off
host = localhost
port = @PORT@
tls-ca-file = @CA@
user = @USER@
password = @PASSWORD@
connect-timeout = 3s
[account default]
from = me@example.test
[account other]
from = other@example.test
proxy = socks5h://127.0.0.1:9
-- run
sendmail -bs
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: 1
.
MAIL FROM:<other@example.test>
RCPT TO:<a@example.test>
DATA
Subject: 2
.
QUIT
-- expect
connections: 1
replies: 220 250 250 250 354 250 250 250 354 451 221
-- txn
from: me@example.test

== bs-bdat         BDAT, and DATA after it
-- use bs-quiet
-- run
sendmail -bs
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
BDAT 14
Subject: x

BDAT 9 LAST
.one
.
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
BDAT 0 LAST
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: y

b
.
QUIT
-- expect
replies: 220 250 250 250 250 250 250 250 250 250 250 354 250 221
-- txn
header~ ^Subject: x$
body:
.one
.
-- txn
body!~ .
-- txn
header~ ^Subject: y$

== bs-bcc          Bcc goes, and who is not named gets a copy of his own
-- use bs-quiet
-- run
sendmail -bs
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
RCPT TO:<s1@example.test>
RCPT TO:<b@example.test>
RCPT TO:<s2@example.test>
DATA
From: me@example.test
To: a@example.test
Cc: b@example.test, notwritten@example.test
Bcc: s1@example.test,
 s2@example.test, s3@example.test
Subject: x

b
.
QUIT
-- expect
connections: 1
-- txn
to: a@example.test
to: b@example.test
data!~ s\d@
-- txn
to: s1@example.test
data!~ s\d@
-- txn
to: s2@example.test
data!~ s\d@

== bs-dsn          each recipient keeps its own parameters
-- use bs-quiet
-- run
sendmail -bs
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test> RET=HDRS ENVID=id+2B1 BODY=8BITMIME
RCPT TO:<a@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old+2Ba@example.test
RCPT TO:<b@example.test> NOTIFY=NEVER
RCPT TO:<c@example.test>
RCPT TO:<A@EXAMPLE.test>
DATA
To: a@example.test, b@example.test, c@example.test, A@example.test
Subject: x

b
.
QUIT
-- txn
from: me@example.test
params: RET=HDRS ENVID=id+2B1
to: a@example.test NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old+2Ba@example.test
to: b@example.test NOTIFY=NEVER ORCPT=rfc822;b@example.test
to: c@example.test ORCPT=rfc822;c@example.test
to: A@EXAMPLE.test ORCPT=rfc822;A@EXAMPLE.test

== bs-refused      all refused for good at RCPT: the server's own words
-- use bs bs-quiet
-- server
at RCPT reply 550 5.1.1 no \x1b[2Jsuch \xffuser
-- expect
replies: 220 250 250 250 354 550 221
stdout~ ^550 5\.1\.1 .*no \?\[2Jsuch .*user$
log~ verdict=failed

== bs-refused-end  all refused for good at the end
-- use bs bs-quiet
-- for QUEUE in on | off
-- config+
queue = @QUEUE@
-- server
at END reply 554 5.7.1 looks like spam
-- expect
replies: 220 250 250 250 354 554 221
stdout~ ^554 5\.7\.1 .*looks like spam

== bs-later        4yz, or nobody there, is queued
-- use bs bs-quiet queue
-- for WHAT in RCPT reply 451 4.2.1 later | END reply 452 4.3.1 full | GREETING reply 554 no | AUTH reply 535 5.7.8 no
-- server
at @WHAT@
-- expect
replies: 220 250 250 250 354 250 221
stdout~ ^250 2\.0\.0 queued as [a-z2-7]{26}$
log~ verdict=queued exit=0
-- entry
from: me@example.test
to: a@example.test

== bs-unsure       no verdict is queued as what it is
-- use bs bs-quiet queue
-- server
at END eof
-- expect
replies: 220 250 250 250 354 250 221
stdout~ ^250 2\.0\.0 queued as [a-z2-7]{26}$
-- entry
to: a@example.test unsure

== bs-later-off    without a queue it is 4yz
-- use bs bs-quiet
-- for WHAT CODE ENHANCED
RCPT reply 451 4.2.1 later | 451 | 4.2.1
END reply 452 4.3.1 full | 452 | 4.3.1
RCPT reply 421 4.3.2 bye | 451 | 4.3.2
GREETING reply 554 no | 451 | 4.0.0
AUTH reply 535 5.7.8 no | 451 | 4.7.8
-- server
at @WHAT@
-- expect
replies: 220 250 250 250 354 @CODE@ 221
stdout~ ^@CODE@ @ENHANCED@ .

== bs-odq          queued, and nothing is sent
-- use bs bs-quiet queue
-- for FLAG in -odq | -odd | --queue-only
-- run
sendmail @FLAG@ -bs
-- expect
replies: 220 250 250 250 354 250 221
connections: 0
stdout~ ^250 2\.0\.0 queued as [a-z2-7]{26}$
-- entry
to: a@example.test

== bs-queue-only-off no queue, and never sent
-- use bs bs-quiet
-- run
sendmail --queue-only -bs
-- expect
connections: 0
replies: 220 250 250 250 354 451 221

== bs-background   queued first, then sent by a run
-- use bs bs-quiet queue
-- for FLAG in -odb | --queue=always
-- run
sendmail @FLAG@ -bs
-- expect
replies: 220 250 250 250 354 250 221
stdout~ ^250 2\.0\.0 queued as [a-z2-7]{26}$
-- txn
to: a@example.test
from: me@example.test

== bs-no-spool     neither sent nor queued
-- use bs bs-quiet queue
-- server
at RCPT reply 451 4.2.1 later
-- file spool
-- expect
replies: 220 250 250 250 354 451 221
stdout~ ^451 4\.2\.1 .*later.*; not queued: 

== @bs-some        a is taken, b refused for good
-- use bs-quiet
-- run
sendmail -bs
-- server
at RCPT:b@* reply 550 5.1.1 no such user
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
RCPT TO:<b@example.test>
DATA
From: me@example.test
To: a@example.test, b@example.test
Subject: x

b
.
QUIT

== bs-partly       the others get it, and the sender a report
-- use bs-some queue
-- expect
replies: 220 250 250 250 250 354 250 221
stdout~ ^250 2\.0\.0 sent to some, refused for some: a report follows\r?$
log~ to="a@example\.test" verdict=delivered
log~ to="b@example\.test" verdict=failed exit=67
-- txn
to: a@example.test
-- txn
from: <>
to: me@example.test NOTIFY=NEVER ORCPT=rfc822;me@example.test
data~ (?s)Final-Recipient: rfc822; ?b@example\.test.*Action: failed\nStatus: 5\.1\.1
data!~ Final-Recipient: rfc822; ?a@
-- entry
cells: B

== bs-partly-later the second is refused, the third comes later
-- use bs-some queue
-- server
at RCPT:c@* reply 451 4.2.1 later
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
RCPT TO:<b@example.test>
RCPT TO:<c@example.test>
DATA
To: a@example.test, b@example.test, c@example.test
Subject: x

b
.
QUIT
-- expect
replies: 220 250 250 250 250 250 354 250 221
stdout~ ^250 2\.0\.0 sent to some, queued as [a-z2-7]{26}, refused for some: a report follows$
-- txn
to: a@example.test
-- entry
to: c@example.test
cells: FP
next: 30..80

== bs-partly-null  about a report of failure there is none
-- use bs-some queue
-- stdin crlf
EHLO c
MAIL FROM:<>
RCPT TO:<a@example.test>
RCPT TO:<b@example.test>
DATA
From: me@example.test
To: a@example.test, b@example.test
Subject: x

b
.
QUIT
-- expect
replies: 220 250 250 250 250 354 250 221
stdout~ ^250 2\.0\.0 sent to some, refused for some$
-- txn
to: a@example.test
from: <>
-- entry
cells: B

== bs-partly-never nor for who never wants one
-- use bs-some queue
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
RCPT TO:<b@example.test> NOTIFY=NEVER
DATA
To: a@example.test, b@example.test
Subject: x

b
.
QUIT
-- expect
replies: 220 250 250 250 250 354 250 221
stdout~ ^250 2\.0\.0 sent to some, refused for some$
-- txn
to: a@example.test
-- entry
cells: B

== bs-partly-off   without a queue nobody else would tell
-- use bs-some
-- expect
replies: 220 250 250 250 250 354 550 221
stdout~ ^550 5\.1\.1 sent to some, but not to b@example\.test: .*no such user$
-- txn
to: a@example.test

== bs-smuggle      what looks like an end to some is none, and nothing is sent
-- use bs-quiet
-- run
sendmail -bs
-- for END in \n.\n | \n.\r\n | \r.\r | \r.\r\n | \r\n.\n | \r\n.\r | \r\n\n.\r\n | \n\n.\r\n | \r\n.\r\r\n | \r\r\n.\r\n | \0.\n
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x

one@END@MAIL FROM:<evil@example.test>
RCPT TO:<victim@example.test>
DATA
Subject: evil

two
.
QUIT
-- expect
replies: 220 250 250 250 354 550
stdout~ ^550 5\.5\.2
commands!~ evil|victim
connections: 0

== bs-smuggle-lf   the same for a client of LF
-- use bs-quiet
-- run
sendmail -bs
-- for END in \r.\r | \n.\r\n | \r\n.\r\n | \r.\n | \n.\r
-- stdin
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x

one@END@MAIL FROM:<evil@example.test>
RCPT TO:<victim@example.test>
DATA
Subject: evil

two
.
QUIT
-- expect
replies: 220 250 250 250 354 550
commands!~ evil|victim
connections: 0

== bs-dots         one message, dots and all, whatever else it looks like
-- use bs bs-quiet
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x

..
...
. 
.x
MAIL FROM:<evil@example.test>
QUIT
..
.
QUIT
-- expect
replies: 220 250 250 250 354 250 221
mails: 1
-- txn
body:
.
..
 
x
MAIL FROM:<evil@example.test>
QUIT
.

== bs-nul          a NUL in the text leaves encoded
-- use bs-quiet
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x

a\0b
.
QUIT
-- expect
replies: 220 250 250 250 354 250 221
-- txn
from: me@example.test
to: a@example.test
decoded~ ^a\x00b

== bs-content      what cannot be a message
-- use bs bs-quiet
-- for CODE TEXT
554 5.6.0 | X: a\0b
554 5.6.0 | X: \*998{x}
554 5.4.6 | \*51{Received: x\r\n}Y: x
552 5.3.4 | \*1001{X: x\r\n}Y: x
552 5.3.4 | X:\*30000{ x\r\n}Y: x
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
@TEXT@

b
.
QUIT
-- expect
stdout~ ^@CODE@
stdout~ ^221
connections: 0

== bs-long-line    the same for a line of the text
-- use bs bs-quiet
-- for N CODE
998 | 250
999 | 554
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x

\*@N@{x}
.
QUIT
-- expect
replies: 220 250 250 250 354 @CODE@ 221
transactions: any

== bs-size         too big, said before and found out
-- use bs bs-quiet
-- for PARAM CODES
SIZE=26214401 | 552 503 503 500
SIZE=99999999999999999999 | 552 503 503 500
SIZE=x | 501 503 503 500
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test> @PARAM@
RCPT TO:<a@example.test>
DATA
Subject
QUIT
-- expect
replies: 220 250 @CODES@ 221

== bs-max-size     as configured
-- use bs bs-quiet
-- for SIZE CAP
1k | -SIZE 1024
0 | -SIZE
-- config
smtp-max-size = @SIZE@
queue = off
-- stdin crlf
EHLO c
QUIT
-- expect
replies: 220 250 221
stdout~ ^250@CAP@$

== bs-big          much, in little memory
-- use bs bs-quiet
-- for N TAKEN CODE
100000 | 1 | 250
370000 | 0 | 552
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x

\*@N@{the quick brown fox jumps over the lazy dog, and then it goes to sleep\r\n}
.
QUIT
-- expect
replies: 220 250 250 250 354 @CODE@ 221
transactions: @TAKEN@

== bs-rcpts        a thousand and one
-- use bs-quiet
-- run
sendmail -bs
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
\*1001{RCPT TO:<a@example.test>\r\n}DATA
Subject: x

b
.
QUIT
-- expect
stdout~ (?s)(^250 2\.1\.5.*?\n){1000}452 4\.5\.3 .*^250 2\.0\.0 sent$
-- txn
to: a@example.test

== bs-messages     a hundred and one
-- use bs-quiet
-- run
sendmail -bs
-- stdin crlf
EHLO c
\*101{MAIL FROM:<me@example.test>\r\nRCPT TO:<a@example.test>\r\nDATA\r\nSubject: x\r\n.\r\n}QUIT
-- expect
stdout~ ^421 4\.7\.0
stdout!~ ^221
connections: 1
auths: 1
transactions: 100

== bs-order        commands out of place, and what follows a refusal
-- use bs-quiet
-- run
sendmail -bs
-- stdin crlf
MAIL FROM:<me@example.test>
EHLO c
RCPT TO:<a@example.test>
DATA
MAIL FROM:<me@example.test>
MAIL FROM:<me@example.test>
DATA
RCPT TO:<a@example.test> NOTIFY=SOMETIMES
RCPT TO:<a@example.test> BY=1
QUIT now
-- expect
replies: 220 503 250 503 503 250 503 503 501 555 501

== bs-again        a message that was refused leaves nothing behind
-- use bs-quiet
-- run
sendmail -bs
-- server
at RCPT:b@* reply 550 5.1.1 no such user
-- stdin crlf
EHLO c
MAIL FROM:<other@example.test> RET=FULL ENVID=x BODY=8BITMIME
RCPT TO:<b@example.test> NOTIFY=SUCCESS
DATA
Subject: b
.
RCPT TO:<a@example.test>
DATA
MAIL FROM:<other@example.test>
RCPT TO:<b@example.test>
BDAT 3
a
BDAT 99999999
\*1100{xxxxxxxxxx}
-- expect
replies: 220 250 250 250 354 550 503 503 250 250 250 552
transactions: 0

== bs-again-2      and the next one is as if it were the first
-- use bs-quiet
-- run
sendmail -bs
-- server
at RCPT:b@* reply 550 5.1.1 no such user
-- stdin crlf
EHLO c
MAIL FROM:<other@example.test> RET=FULL ENVID=x BODY=8BITMIME
RCPT TO:<b@example.test> NOTIFY=SUCCESS
DATA
Subject: b
X-Header: b
.
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: a

a
.
QUIT
-- expect
replies: 220 250 250 250 354 550 250 250 354 250 221
-- txn
from: me@example.test
params:
to: a@example.test
data!~ X-Header|b@
body:
a

== bs-full         a queue that takes no more
-- use bs-quiet queue
-- run
sendmail -odq -bs
-- config
log = @DIR@/log
queue-dir = @DIR@/spool
queue-max-messages = 1
[account t]
from = me@example.test
host = localhost
port = @PORT@
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: a
.
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: a
.
QUIT
-- expect
replies: 220 250 250 250 354 250 250 250 354 452 221
stdout~ ^452 4\.3\.1 
queued: 1
connections: 0

== bs-foreign      no client of ours: away with it, and no echo
-- use bs-quiet
-- run
sendmail -bs
-- for IN in GET / HTTP/1.1 | POST / HTTP/1.1 | CONNECT x:25 HTTP/1.1 | \x16\x03\x01\x02\0\x01 | {"a":1}
-- stdin crlf
@IN@
Host: x

EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<a@example.test>
DATA
Subject: x
.
-- expect
stdout~ ^(421|500|554) 
stdout!~ ^250
stdout!~ HTTP|Host|1\.2\.3

== bs-addresses    bare names, aliases, UTF-8
-- use bs-quiet
-- run
sendmail -bs
-- file aliases
root: me@example.test, other@example.test
-- config+
aliases = @DIR@/aliases
domain = example.test
-- stdin crlf
EHLO c
MAIL FROM:<joe>
RCPT TO:<root> NOTIFY=FAILURE
RCPT TO:<someone@localhost>
RCPT TO:<Postmaster>
DATA
Subject: x
.
MAIL FROM:<me@example.test> SMTPUTF8
RCPT TO:<jos\xc3\xa9@example.test>
DATA
To: jos\xc3\xa9@example.test
Subject: x
.
MAIL FROM:<me@example.test> SMTPUTF8
RCPT TO:<a@example.test>
DATA
To: a@example.test
Subject: \xc3\xa9
.
QUIT
-- expect
replies: 220 250 250 250 250 250 354 250 250 250 354 250 250 250 354 250 221
-- txn
from: joe@example.test
to: me@example.test NOTIFY=FAILURE ORCPT=rfc822;root@example.test
-- txn
to: other@example.test NOTIFY=FAILURE ORCPT=rfc822;root@example.test
-- txn
to: someone@example.test
-- txn
to: Postmaster@example.test
-- txn
params: SMTPUTF8
to: jos\xc3\xa9@example.test
-- txn
params: SMTPUTF8
to: a@example.test

== bs-bare         a bare name that nobody can complete
-- use bs-quiet
-- run
sendmail -bs
-- stdin crlf
EHLO c
MAIL FROM:<me@example.test>
RCPT TO:<root>
RCPT TO:<a@example.test>
DATA
Subject: x
.
QUIT
-- expect
replies: 220 250 250 250 250 354 550 221
stdout~ ^550 5\.1\.3 .*"root" is no full address

== bs-term         SIGTERM between commands, and in the middle of a message
-- use bs
-- run
sendmail -bs
-- for AFTER in NOOP | MAIL FROM:<me@example.test>
-- talk
< 220
> EHLO c
< 250
> @AFTER@
< 250
signal TERM
< 421 4\.3\.2
-- expect
exit: 75
time: 3

== bs-term-data    what has not come to its end is dropped
-- use bs
-- talk
< 220
> EHLO c
< 250
> MAIL FROM:<me@example.test>
< 250
> RCPT TO:<a@example.test>
< 250
> DATA
< 354
> Subject: x
wait 0.2
signal TERM
< 421 4\.3\.2
-- expect
exit: 75
connections: 0

== bs-term-end     a message that is there gets its true answer
-- use bs
-- for QUEUE CODE QUEUED
on | 250 2\.0\.0 queued as | 1
off | 451 4\.3\.2 | 0
-- config+
queue = @QUEUE@
-- server
at END signal TERM
at END delay 1
-- talk
< 220
> EHLO c
< 250
> MAIL FROM:<me@example.test>
< 250
> RCPT TO:<a@example.test>
< 250
> DATA
< 354
> Subject: x
> .
< @CODE@
< 421 4\.3\.2
-- expect
exit: 75
transactions: any
queued: @QUEUED@

== bs-gone         a client that closed its end before reading
-- use bs
-- wrap
exec 1>&-
-- expect
exit: 0|75
stderr: any
transactions: any

== bs-config       a configuration that is wrong
-- use bs
-- config+
prot = 1
-- expect
exit: 78
connections: 0

== bs-account      an account that is not there
-- use bs
-- run
sendmail -bs -a nobody
-- expect
exit: 78
connections: 0

== bs-dry-run      nobody who only wants to look sends anything
-- use bs
-- run
sendmail --dry-run -bs
-- expect
exit: 64
connections: 0

== bs-verbose      the dialogue with the server on standard error
-- use bs-taken
-- run
sendmail -v -bs
-- expect
stderr: any
stderr~ MAIL FROM:<me@example\.test>
