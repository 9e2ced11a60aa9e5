#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The local service: serve.py [PATTERN]...

What a user sees of it; see serving.py for how these tests are run.
"""
import os
import re
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service                                      # noqa: E402
from servers import read, wait_for                  # noqa: E402
from service import Client                          # noqa: E402
from serving import TEXT, case, expect, main        # noqa: E402


@case
def hand_over(b):
    """a user's message is queued, sent, and names nobody"""
    s = b.service()
    s.start()
    mark = len(b.sink.deliveries)
    with Client(s, "mc-anna") as c:
        greeting = c.hello()
        expect("no product in the greeting",
               re.fullmatch(r"220 \S+ ESMTP\n", greeting), greeting)
        got = c.message("mc-anna@" + service.DOMAIN, ["bob@far.example"],
                        TEXT % "bob@far.example")
        expect("taken", re.fullmatch(r"250 2.0.0 queued as (\S+)\n", got), got)
        ident = got.split()[-1]
    d = b.arrived(mark)[0]
    text = d.data.decode()
    expect("sender", d.sender == "mc-anna@" + service.DOMAIN, d.sender)
    trace = re.findall(r"(?m)^Received: (.*(?:\r?\n[ \t].*)*)", text)
    expect("one trace field", len(trace) == 1, text)
    expect("with the id and no more", re.fullmatch(
        r"from localhost \(local\)\s+by \S+ with ESMTP id %s;\s+.*" % ident,
        trace[0]), trace[0])
    for word in ("mc-anna", str(service.USERS["mc-anna"]), "test", "bob"):
        expect("no %s in the trace" % word, word not in trace[0], trace[0])
    wait_for("an empty queue", 5, lambda: not s.queued())
    expect("end", s.stop() == 0)
    expect("no socket is left", not os.path.exists(s.path))


@case
def sender_refused(b):
    """uid A with B's sender: 550 5.7.1, and a line in the log"""
    s = b.service()
    s.start()
    with Client(s, "mc-anna") as c:
        c.hello()
        got = c.command("MAIL FROM:<mc-ben@%s>" % service.DOMAIN)
        expect("refused", got.startswith("550 5.7.1 "), got)
        got = c.command("MAIL FROM:<>")
        expect("null sender", got.startswith("550 5.7.1 "), got)
    line = wait_for("the line", 5, lambda: re.search(
        r"refused source=unix uid=%d pid=\d+ reason=sender sender=(\S+)" %
        service.USERS["mc-anna"], s.log_text()))
    expect("the sender", line.group(1) == "mc-ben@" + service.DOMAIN,
           s.log_text())
    expect("nothing queued", not s.queued())


@case
def stop_and_reload(b):
    """SIGHUP takes a new configuration, sessions keep the old one"""
    s = b.service()
    s.start()
    with Client(s, "mc-anna") as old:
        old.hello()
        s.configure(allow_users="mc-ben")
        s.child.send_signal(signal.SIGHUP)
        wait_for("the reload", 10, lambda: "read anew" in s.log_text())

        def refused():
            with Client(s, "mc-anna") as c:
                return c.reply().startswith("421 4.7.0 ")
        wait_for("anna is sent away", 10, refused)
        got = old.message("mc-anna@" + service.DOMAIN, ["bob@far.example"])
        expect("the old session goes on", got.startswith("250 "), got)
    with Client(s, "mc-ben") as c:
        expect("ben is served", c.reply().startswith("220 "))
    s.configure(limit_sessions="nonsense")
    s.child.send_signal(signal.SIGHUP)
    wait_for("the complaint", 10, lambda: "stays as it was" in s.log_text())
    with Client(s, "mc-ben") as c:
        expect("ben is still served", c.reply().startswith("220 "))
    expect("end", s.stop() == 0)


@case
def new_log(b):
    """a log that is not there is made, and every process can write it"""
    s = b.service(start=False)
    for name in ("first", "second"):
        old = s.log
        s.log = "%s/run/%s.log" % (s.dir, name)
        s.configure()
        if name == "first":
            s.start()
        else:
            s.child.send_signal(signal.SIGHUP)
            wait_for("the reload", 10, lambda: "read anew" in read(old))
        with Client(s, "mc-anna") as c:
            c.hello()
            got = c.message("mc-ben@" + service.DOMAIN, ["bob@far.example"])
            expect("refused", got.startswith("550 "), got)
        with Client(s, "mc-anna") as c:
            c.hello()
            got = c.message("mc-anna@" + service.DOMAIN, ["bob@far.example"])
            expect("taken", got.startswith("250 "), got)
        for word in ("reason=sender", "verdict=queued", "verdict=delivered"):
            wait_for(word, 10, lambda: word in s.log_text())
    expect("nothing to complain of", s.output() == "", s.output())
    expect("end", s.stop() == 0)


@case
def killed_parts(b):
    """every process is killed in turn, and mail goes on"""
    b.may_die = True
    s = b.service()
    s.start()
    mark = len(b.sink.deliveries)
    count = 0
    for role in ("mc-listener", "mc-runner", "mc-listener", "mc-runner"):
        for pid in s.processes(role):
            os.kill(pid, signal.SIGKILL)
        wait_for("service again", 20, s.ready)
        with Client(s, "mc-anna") as c:
            c.hello()
            got = c.message("mc-anna@" + service.DOMAIN,
                            ["n%d@far.example" % count])
            expect("taken", got.startswith("250 "), got)
        count += 1
    b.arrived(mark, count)


if __name__ == "__main__":
    sys.exit(main())
