#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The local service: serve.py [PATTERN]...

Prints TAP.  Root, in a mount namespace (serve.tap); see service.py for the
users.  MAILCHUTE_BIN names the program.
"""
import fnmatch
import os
import re
import signal
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import servers                                      # noqa: E402
import service                                      # noqa: E402
from servers import SLOW, Sink, read, wait_for      # noqa: E402
from service import Client, Service                 # noqa: E402

BINARY = os.path.abspath(os.environ.get("MAILCHUTE_BIN") or "mailchute")
TEXT = "Subject: a test\r\nTo: %s\r\n\r\nHello.\r\n"


class Failure(Exception):
    """What was seen is not what was to be seen."""


def expect(what, condition, seen=""):
    if not condition:
        raise Failure("%s\n%s" % (what, seen))


class Bench:
    def __init__(self, where):
        self.dir = where
        self.number = 0
        self.sink = Sink(where + "/relay")
        os.chmod(where + "/relay", 0o777)
        self.open = []

    def service(self, accounts=None, user="mc-serve", **keys):
        self.number += 1
        where = "%s/%d" % (self.dir, self.number)
        os.mkdir(where, 0o755)
        s = Service(where, BINARY, self.dir + "/relay", user)
        s.configure(accounts, **keys)
        self.open.append(s)
        return s

    def end(self):
        for s in self.open:
            try:
                s.stop()
            except servers.Trouble:
                pass
        self.open = []

    def arrived(self, mark, n=1):
        return wait_for("%d deliveries" % n, 20, lambda: (
            self.sink.since(mark) if len(self.sink.since(mark)) >= n
            else None))


def case(function):
    CASES.append(function)
    return function


CASES = []


# --------------------------------------------------------------------- basics

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
def killed_parts(b):
    """every process is killed in turn, and mail goes on"""
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


def main():
    patterns = sys.argv[1:] or ["*"]
    chosen = [c for c in CASES
              if any(fnmatch.fnmatch(c.__name__, p) for p in patterns)]
    where = tempfile.mkdtemp(prefix="mc-serve-")
    os.chmod(where, 0o755)
    guard = servers.Guard(where)
    servers.Daemon.guard = guard
    service.make_users(where)
    bench = Bench(where)
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, function in enumerate(chosen, 1):
        begun = time.monotonic()
        try:
            function(bench)
            print("ok %d - %s # %.1f s" % (number, function.__doc__,
                                           time.monotonic() - begun))
        except Exception as problem:    # pylint: disable=broad-except
            failed += 1
            print("not ok %d - %s" % (number, function.__doc__))
            text = str(problem) if isinstance(problem, (
                Failure, servers.Trouble)) else traceback.format_exc()
            for s in bench.open:
                text += "\n" + read(s.log)[-2000:] + read(s.dir + "/out")
            for line in text.splitlines():
                print("# " + line)
        finally:
            bench.end()
        sys.stdout.flush()
    bench.sink.stop()
    guard.dismiss()
    os.system("rm -rf %s" % where)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
