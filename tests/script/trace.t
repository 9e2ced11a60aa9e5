What others learn: header fields that do not leave.

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
