What the process owes to whoever started it.

== drain-signal a writer that never ends does not make us immune to signals
-- for SIGNAL in TERM | INT | HUP
-- run
sendmail --nosuch=x a@example.test
-- stdin hold
x
-- signal @SIGNAL@ 0.6
-- expect
exit: 64
time: 3
connections: 0

== drain-all the writer gets the status, not SIGPIPE
-- run
sendmail --nosuch=x a@example.test
-- stdin
\*400000N{x }
-- expect
exit: 64
stderr: line
connections: 0

== one-line control bytes of an argument stay out of terminal and log
-- for WORD in '--no\nsuch' | '--no\rsuch' | '--no\e[2Jsuch=x' | '-f-\e[2Jx' | '-N\nx'
-- run
sendmail @WORD@ a@example.test
-- expect
exit: 64
stderr: line
connections: 0

== full-stdout what cannot be written is no success
-- for OPT in --help | -bp | --dry-run
-- wrap
exec 1>/dev/full
-- run
sendmail @OPT@ a@example.test
-- expect
exit: 74
stderr: any
connections: 0
