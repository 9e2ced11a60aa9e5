What others learn: header fields that do not leave, addresses in the log.

## ---------------------------------------------------------------- strip-headers

== @traces         a message that tells a lot
-- config+
strip-headers = received, X-Originating-IP User-Agent x-mailer X-PHP-Originating-Script
-- stdin
Received: from laptop.internal ([10.1.2.3])
	by box.internal; Mon, 23 Nov 2026 12:00:00 +0000
From: Me <me@example.test>
To: a@example.test
X-PHP-Originating-Script: 33:contact.php
User-agent: Mutt/2.2.9
X-Mailer-Kept: yes
X-Originating-IP: [192.0.2.1]
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.9@example.test>
MIME-Version: 1.0
Content-Type: message/rfc822

Received: from inside
X-Mailer: of the inner message
Subject: inner

Hello.

== strip            gone from what is sent, by every way of reading it
-- use traces
-- for OPT in -oi | -v
-- txn
from: me@example.test
to: a@example.test
header!~ (?i)^(Received|X-PHP|User-Agent|X-Originating|\s+by )
header~ ^X-Mailer-Kept: yes$
header~ ^Message-ID: <test\.9@example\.test>$
body: same

== strip-off        by default all stays
-- use traces
-- config+
!strip-headers
-- txn
from: me@example.test
to: a@example.test
header~ ^Received: from laptop
header~ ^User-agent: Mutt/2\.2\.9$
header~ ^X-PHP-Originating-Script: 33:contact\.php$
header~ ^X-Originating-IP: \[192\.0\.2\.1\]$

== strip-queue      gone from the queue as well
-- use traces
-- config+
queue = on
-- run
sendmail -odq -f me@example.test a@example.test
-- entry
from: me@example.test
to: a@example.test
header!~ (?i)^(Received|X-PHP|User-Agent|X-Originating)
header~ ^X-Mailer-Kept: yes$
body: same

== strip-option     a list on the command line
-- use traces
-- config+
!strip-headers
-- run
sendmail --strip-headers=X-Mailer-Kept -oi -f me@example.test a@example.test
-- txn
from: me@example.test
to: a@example.test
header~ ^User-agent: Mutt
header!~ ^X-Mailer-Kept

== strip-send       mailchute send
-- config+
strip-headers = X-Secret MIME-Lib
-- run
mailchute send --to a@example.test --header 'X-Secret: 1' --header 'X-Open: 2'
-- stdin
Hello.
-- txn
from: me@example.test
to: a@example.test
header!~ X-Secret
header~ ^X-Open: 2$

== strip-bs         over SMTP
-- config+
strip-headers = User-Agent
-- run
sendmail -bs
-- talk
< ^220
> EHLO me
< ^250
> MAIL FROM:<me@example.test>
< ^250
> RCPT TO:<a@example.test>
< ^250
> DATA
< ^354
> User-Agent: x
> X-Open: 2
>
> Hello.
> .
< ^250
> QUIT
< ^221
-- expect
stdout: any
-- txn
from: me@example.test
to: a@example.test
header!~ User-Agent
header~ ^X-Open: 2$

== strip-signed     a field that DKIM covers stays, and -v says so
-- config+
strip-headers = User-Agent X-Mailer
-- run
sendmail -v -f me@example.test a@example.test
-- stdin
DKIM-Signature: v=1; a=rsa-sha256; d=example.test; s=k; h=from:to:
 user-agent; bh=x; b=y
From: Me <me@example.test>
To: a@example.test
User-Agent: Mutt
X-Mailer: z
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.9@example.test>

Hello.
-- expect
stderr~ removed, as strip-headers says: X-Mailer$
stderr~ since a signature covers it: User-Agent$
-- txn
from: me@example.test
to: a@example.test
header~ ^User-Agent: Mutt$
header!~ X-Mailer

== strip-resent     what others wrote stays
-- config+
strip-headers = Received User-Agent
-- stdin
Resent-From: me@example.test
Resent-To: a@example.test
Received: from elsewhere
From: you@other.test
User-Agent: Mutt
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.9@other.test>

Hello.
-- txn
from: me@example.test
to: a@example.test
header~ ^Received: from elsewhere$
header~ ^User-Agent: Mutt$

== strip-dry-run    shown before it is done
-- use traces
-- run
sendmail --dry-run -oi -f me@example.test a@example.test
-- expect
connections: 0
stdout: any
stdout~ ^removed:      Received, X-PHP-Originating-Script, User-agent, X-Originating-IP$

== strip-loop       a loop is still seen here
-- config+
strip-headers = Received
-- stdin
\*51{Received: from a by b\n}From: Me <me@example.test>
To: a@example.test

Hello.
-- expect
exit: 65
connections: 0
stderr~ circles

== strip-refused    what a message needs
-- for NAME in From | to | CONTENT-TYPE | Resent-Date | Message-Id | DKIM-Signature | X-* | X-Mailer:
-- config+
strip-headers = Received @NAME@
-- expect
exit: 78
connections: 0
stderr~ strip-headers: 

## ---------------------------------------------------------------- log-addresses

== @person         a message between two whose names must not come into the log
-- config
log = @DIR@/log
log-addresses = full
queue = off
queue-dir = @DIR@/spool
[account t]
from = sandra@example.test
host = localhost
port = @PORT@
tls = on
tls-ca-file = @CA@
user = @USER@
password = @PASSWORD@
timeout = 3s
connect-timeout = 3s
-- stdin
From: Sandra <sandra@example.test>
To: alice@example.test
Subject: a test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

Hello.
-- run
sendmail @OPT@ -f sandra@example.test alice@example.test

== @nameless       they do not
-- use person
-- expect
log!~ (?i)alice|sandra

== mask-delivered  the server says whom it was for
-- use nameless
-- for OPT in -oi | -v
-- for MODE SHOWN
domain | @example\.test
hash | h:[0-9a-f]{16}@example\.test
-- config+
log-addresses = @MODE@
-- server
at END reply 250 2.0.0 Ok for <Alice@Example.test> (alice)
-- expect
log~ \A\S+ sendmail\[\d+\]: account=t host=localhost from="@SHOWN@" to="@SHOWN@" verdict=delivered .* msgid="<test\.1@example\.test>" text=".*Ok for <(?i:@SHOWN@)> \(@SHOWN@\)"\n\Z
-- txn
from: sandra@example.test
to: alice@example.test
body: same

== mask-refused    the text of a refusal; standard error says all
-- use nameless
-- for MODE SHOWN
domain | @example\.test
hash | h:[0-9a-f]{16}@example\.test
-- for TEXT in <alice@example.test>: unknown | User ALICE unknown | to=alice@example.test, rfc822;alice+40example.test | "alice"@example.test
-- config+
log-addresses = @MODE@
-- server
at RCPT:alice@example.test reply 550 5.1.1 @TEXT@
-- run
sendmail -oi -f sandra@example.test alice@example.test
-- expect
exit: 67
stderr~ (?i)alice
log~ from="@SHOWN@" to="@SHOWN@" verdict=failed exit=67 .*text=".*@SHOWN@

== mask-full       as they are
-- use person
-- for WORD in log-addresses = full | !log-addresses
-- config+
@WORD@
-- run
sendmail -oi -f sandra@example.test alice@example.test bob@example.test
-- server
at RCPT:bob@example.test reply 550 5.1.1 <Bob@example.test> Bob
-- expect
exit: 67|75
log~ from="sandra@example\.test" to="alice@example\.test"
log~ to="bob@example\.test" .*text=".*<Bob@example\.test> Bob"
-- txn
from: sandra@example.test
to: alice@example.test

== mask-same       one person has one name, and another one another
-- use nameless
-- config+
log-addresses = hash
-- run
sendmail -oi -f ALICE@example.test alice@example.test bob@example.test
-- expect
log~ \A.* from="(h:\w+@example\.test)" to="\1" .*\n.* from="\1" to="(?!\1)h:\w{16}@example\.test" .*\n\Z
-- txn
from: ALICE@example.test
to: alice@example.test
-- txn
to: bob@example.test

== mask-key        in the queue's directory, for its owner alone
-- use nameless
-- config+
log-addresses = hash
-- wrap
"$@" || exit
test "`stat -c '%a %s' @DIR@/spool/log-key`" = '600 32' || exit 99
-- for OPT in -oi
-- stdin
From: Sandra <sandra@example.test>
To: alice@example.test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

Hello.
-- expect
transactions: 2

== mask-no-key     where no key can be, only domains are shown, and it says so
-- use nameless
-- config+
log-addresses = hash
queue-dir = /dev/null/spool
-- run
sendmail -oi -f sandra@example.test alice@example.test
-- expect
log~ \A\S+ sendmail\[\d+\]: log-addresses = hash: there is no key, so only domains are shown: queue /dev/null/spool: .*\n.* from="@example\.test" to="@example\.test" verdict=delivered .*\n\Z
-- txn
from: sandra@example.test
to: alice@example.test

== mask-dry-run    who only looks leaves no key
-- use nameless
-- config+
log-addresses = hash
-- run
sendmail --dry-run -f sandra@example.test alice@example.test
-- expect
connections: 0
stdout: any
file!: @DIR@/spool

== mask-queue      a run of the queue with all that it can say
-- use nameless
-- for MODE SHOWN
domain | @example\.test
hash | h:[0-9a-f]{16}@example\.test
-- config+
queue = on
log-addresses = @MODE@
-- wrap
echo x | @DIR@/bin/sendmail -odq -f sandra@example.test alice@example.test || exit 99
-- server
at RCPT:alice@example.test reply @CODE@ <alice@example.test>: alice is away
-- for CODE VERDICT REPORTS
451 4.2.2 | deferred | 0
550 5.1.1 | failed | 1
-- run
mailchute queue run -v
-- expect
exit: 0
queued: 1
transactions: @REPORTS@
stdout: any
stderr~ RCPT TO:<alice@example\.test>
stderr~ alice is away
log~ from="@SHOWN@" to="@SHOWN@" verdict=queued
log~ from="@SHOWN@" to="@SHOWN@" verdict=@VERDICT@ .*text=".*<@SHOWN@>: @SHOWN@ is away"

== mask-bs         a session
-- use nameless
-- config+
log-addresses = hash
-- server
at RCPT:alice@example.test reply 550 5.1.1 <alice@example.test> unknown
-- run
sendmail -bs -v
-- talk
< ^220
> EHLO me
< ^250
> MAIL FROM:<sandra@example.test>
< ^250
> RCPT TO:<alice@example.test>
< ^250
> DATA
< ^354
> Subject: x
>
> Hello.
> .
< ^5
> QUIT
< ^221
-- expect
stdout: any
log~ from="h:\w{16}@example\.test" to="(h:\w{16}@example\.test)" verdict=failed .*text=".*<\1> unknown"
