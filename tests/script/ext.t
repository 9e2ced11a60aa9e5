Extensions of SMTP and what is to be made of them: on, off, and lied about.

== l1 as many recipients as the server says it takes (RFC 9422)
-- use three
-- server
caps = PIPELINING; SIZE; 8BITMIME; DSN; SMTPUTF8; LIMITS RCPTMAX=2
-- expect
connections: 1
mails: 2
-- txn
from: me@example.test
to: a@example.test
to: b@example.test
-- txn
from: me@example.test
to: c@example.test

== l1-one one at a time
-- use three
-- server
caps = PIPELINING; LIMITS RCPTMAX=1
-- expect
connections: 1
transactions: 3

== l1-domains domains in a transaction
-- use three
-- stdin
From: Me <me@example.test>
To: a@one.test, b@one.test
Cc: c@two.test, d@ONE.test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.3@example.test>

Hello.
-- server
caps = PIPELINING; LIMITS RCPTDOMAINMAX=1
-- expect
connections: 1
transactions: 3

== l2 as many messages in a connection as the server says
-- use three
-- server
caps = PIPELINING; LIMITS MAILMAX=2 RCPTMAX=1
-- expect
connections: 2
auths: 2
quit: yes
transactions: 3

== l2-starttls the limits that count are those said in safety
-- use three starttls
-- server
caps-clear = STARTTLS; LIMITS RCPTMAX=1 MAILMAX=1
caps = PIPELINING; LIMITS RCPTMAX=3
-- expect
connections: 1
transactions: 1

== l3 what is no limit is none
-- use three
-- for L in RCPTMAX=0 MAILMAX=0 RCPTDOMAINMAX=0 | RCPTMAX=-1 | RCPTMAX=99999999999999999999 | RCPTMAX=1x MAILMAX= | RCPTMAX | =1 | RCPTMAX=999999 MAILMAX=999999
-- server
caps = PIPELINING; LIMITS @L@
-- expect
connections: 1
transactions: 1

== l4 it takes fewer recipients than it says
-- use three
-- server
caps = PIPELINING; LIMITS RCPTMAX=3
rcpt-limit = 1
-- expect
connections: 1
transactions: 3

== l4-mails it ends the connection earlier than it says
-- use three
-- server
caps = PIPELINING; LIMITS RCPTMAX=1 MAILMAX=3
at MAIL#2 reply 421 4.7.0 enough
at MAIL#2 then close
-- expect
connections: 3
transactions: 3
