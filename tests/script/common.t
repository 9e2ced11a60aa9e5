Templates that the other files use.  run.py explains the format.

== @base
-- config
log = @DIR@/log
queue = off
queue-dir = @DIR@/spool
[account t]
from = me@example.test
host = localhost
port = @PORT@
tls = on
tls-ca-file = @CA@
user = @USER@
password = @PASSWORD@
timeout = 3s
connect-timeout = 3s
-- run
sendmail @OPT@ -f me@example.test a@example.test
-- stdin
From: Me <me@example.test>
To: a@example.test
Subject: a test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

Hello.
-- expect
exit: 0

== @starttls
-- server
tls = starttls
-- config+
tls = starttls

== @lone           the log-in goes alone
-- config+
pipelining = commands

== @noisy          once as it is, once with the dialogue shown
-- for OPT in -oi | -v

== @taken          the message arrives
-- expect
exit: 0
connections: 1
-- txn
from: me@example.test
to: a@example.test
body: same

== @keep           nothing is taken, try again later
-- expect
exit: 75

== @unsaid         no log-in was even tried
-- use keep
-- expect
auths: 0
mails: 0

== @scram
-- server
mechs = SCRAM-SHA-256

== @big            about 2 MB, which slow machines take some time for
-- config+
timeout = 20s
-- stdin
From: Me <me@example.test>
To: a@example.test
Subject: a large test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.2@example.test>

\*30000{.the quick brown fox jumps over the lazy dog, and then it rests\n}
== @three
-- run
sendmail @OPT@ -f me@example.test -t
-- stdin
From: Me <me@example.test>
To: a@example.test, b@example.test
Cc: c@example.test
Subject: a test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.3@example.test>

Hello.
