#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Limits of the service, each low enough to be met: serve_limits.py [PATTERN]...

See serving.py for how these tests are run.
"""
import os
import re
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import SLOW, free_ports, wait_for      # noqa: E402
from service import DOMAIN, Client                  # noqa: E402
from serving import (TEXT, case, expect, main,      # noqa: E402
                     run_as, served)

ANNA = "mc-anna@" + DOMAIN


def greeted(s, user="mc-anna", port=None):
    c = Client(s, user, port)
    got = c.hello()
    expect("a greeting", got.startswith("220 "), got)
    return c


def is_refused(what, got, code, s=None, reason=None, user="mc-anna"):
    expect("%s: %s" % (what, code), got.startswith(code), got)
    if reason:
        s.wait_refused(user, reason)


# --------------------------------------------------------------------- sessions

@case
def sessions_user(b):
    """sessions of one user: 421 4.7.0, others are served"""
    s = b.started(limit_sessions_user="3")
    some = [greeted(s) for _ in range(3)]
    with Client(s, "mc-anna") as c:
        is_refused("a fourth", c.reply(), "421 4.7.0 ", s, "user-sessions")
        expect("closed", c.reply() == "")
    served(s)
    some.pop().close()

    def again():
        with Client(s, "mc-anna") as c:
            return c.reply().startswith("220 ")
    wait_for("a place for a third", 10, again)
    for c in some:
        c.close()


@case
def sessions_total(b):
    """sessions of all: 421 4.7.0, and as many again when they have gone"""
    s = b.started(limit_sessions="4", limit_sessions_user="3")
    some = [greeted(s, user) for user in ("mc-anna", "mc-anna", "mc-ben",
                                          "mc-ben")]
    with Client(s, "mc-cleo") as c:
        is_refused("a fifth", c.reply(), "421 4.7.0 ", s, "sessions",
                   "mc-cleo")
    for c in some:
        c.close()
    wait_for("places", 10, lambda: not s.processes("mc-session"))
    served(s)


@case
def sessions_loopback(b):
    """sessions from loopback: counted by themselves, all addresses as one"""
    port = free_ports(1)[0]
    s = b.started(listen="127.0.0.1:%d" % port, limit_sessions_loopback="2",
                  trust_loopback="yes")
    some = [greeted(s, "mc-anna", port), greeted(s, "mc-ben", port)]
    with socket.socket() as sock:
        sock.settimeout(20 * SLOW)
        sock.bind(("127.0.0.77", 0))
        sock.connect(("127.0.0.1", port))
        got = sock.recv(100).decode()
        is_refused("a third", got, "421 4.7.0 ")
    line = wait_for("a line", 10, lambda: re.search(
        r"refused source=127\.0\.0\.77 uid=- pid=- reason=loopback-sessions",
        s.log_text()))
    expect("it names the address", line)
    served(s)
    for c in some:
        c.close()


@case
def errors(b):
    """errors: from the half on slower, then 421 4.7.0"""
    s = b.started(limit_errors="6")
    with greeted(s) as c:
        times = []
        for _ in range(5):
            begun = time.monotonic()
            got = c.command("BOGUS")
            expect("an error", got.startswith("500 5.5.2 "), got)
            c.send("NOOP\r\n")
            c.reply()
            times.append(time.monotonic() - begun)
        got = c.command("BOGUS")
        is_refused("the sixth", got, "421 4.7.0 ", s, "errors")
        expect("closed", c.reply() == "")
        expect("the first at once, the last not", times[0] < 0.9 * SLOW and
               times[-1] > 0.9, times)
    served(s)


@case
def junk(b):
    """commands that get nothing done: 421 4.7.0"""
    s = b.started(limit_junk="6")
    with greeted(s) as c:
        got = [c.command(line) for line in (
            "NOOP", "VRFY x", "HELP", "RSET", "NOOP", "NOOP")]
        expect("so many answers", [g[:3] for g in got[:5]] == [
            "250", "252", "214", "250", "250"], got)
        is_refused("the sixth", got[5], "421 4.7.0 ", s, "junk")
    # what gets something done pays for it
    with Client(s, "mc-cleo") as c:
        c.hello()
        for _ in range(4):
            c.command("NOOP")
            got = c.message("mc-cleo@" + DOMAIN, ["x@far.example"])
            expect("taken", got.startswith("250 "), got)


@case
def greeting_delay(b):
    """errors of former sessions put off the greeting of that user alone"""
    s = b.started(limit_errors="12")
    for _ in range(3):
        with greeted(s) as c:
            c.send("BOGUS\r\n" * 5)
            for _ in range(5):
                c.reply()
    wait_for("no session", 10, lambda: not s.processes("mc-session"))
    begun = time.monotonic()
    with greeted(s):
        late = time.monotonic() - begun
    begun = time.monotonic()
    with greeted(s, "mc-ben"):
        other = time.monotonic() - begun
    expect("anna waits, ben does not", late > 0.4 and other < late - 0.1,
           (late, other))


@case
def idle(b):
    """a client that does nothing: 421 4.4.2"""
    s = b.started(limit_idle="1s")
    with greeted(s) as c:
        begun = time.monotonic()
        is_refused("silence", c.reply(), "421 4.4.2 ", s, "idle")
        expect("in time", 0.7 < time.monotonic() - begun < 8 * SLOW)


@case
def idle_busy(b):
    """the same much sooner when more than three quarters are there"""
    s = b.started(limit_sessions="4", limit_sessions_user="4",
                  limit_idle_busy="2s", limit_idle="600s")
    with greeted(s, "mc-ben") as alone:
        begun = time.monotonic()
        some = [greeted(s) for _ in range(3)]
        is_refused("ben", alone.reply(), "421 4.4.2 ", s, "idle", "mc-ben")
        expect("in time", time.monotonic() - begun < 25 * SLOW)
    for c in some:
        c.close()


@case
def session_time(b):
    """a session that takes too long, busy as it is: 421 4.4.2"""
    s = b.started(limit_session="2s")
    with greeted(s) as c:
        begun = time.monotonic()
        got = ""
        while not got.startswith("421 ") and time.monotonic() - begun < 20:
            got = c.command("RSET") or "end"
            time.sleep(0.1)
            expect("goes on, or 421", got[:3] in ("250", "421"), got)
        is_refused("the end", got, "421 4.4.2 ", s, "time")


@case
def session_messages(b):
    """messages in one session: 421 4.7.0 in place of the next"""
    s = b.started(limit_session_messages="2")
    with greeted(s) as c:
        for _ in range(2):
            got = c.message(ANNA, ["x@far.example"])
            expect("taken", got.startswith("250 "), got)
        got = c.command("MAIL FROM:<%s>" % ANNA)
        is_refused("a third", got, "421 4.7.0 ", s, "messages")


# --------------------------------------------------------------------- messages

@case
def recipients(b):
    """recipients of a message: 452 4.5.3, the message goes to the others"""
    s = b.started(limit_message_recipients="100")
    mark = len(b.sink.deliveries)
    with greeted(s) as c:
        c.command("MAIL FROM:<%s>" % ANNA)
        got = [c.command("RCPT TO:<r%d@far.example>" % i) for i in range(102)]
        expect("a hundred", [g[:9] for g in got] == ["250 2.1.5"] * 100 +
               ["452 4.5.3"] * 2, got)
        c.command("DATA")
        got = c.command("Subject: x\r\n\r\nx\r\n.")
        expect("taken", got.startswith("250 "), got)
        c.command("QUIT")
        while c.reply():
            pass
    s.wait_refused("mc-anna", "recipients")
    wait_for("a hundred deliveries", 20, lambda: sum(
        len(d.rcpts) for d in b.sink.since(mark)) == 100)


def content(s, text, code, reason, user="mc-anna"):
    """text is refused after its end, and the session goes on."""
    with greeted(s, user) as c:
        got = c.message("%s@%s" % (user, DOMAIN), ["x@far.example"], text)
        is_refused("content", got, code)
        got = c.message("%s@%s" % (user, DOMAIN), ["x@far.example"])
        expect("the next one is taken", got.startswith("250 "), got)
        c.command("QUIT")
        c.reply()
    s.wait_refused(user, reason)


@case
def size(b):
    """message size: announced, refused by SIZE= and at the end, 552 5.3.4"""
    s = b.started(smtp_max_size="2K")
    with Client(s, "mc-anna") as c:
        c.reply()
        got = c.command("EHLO x")
        expect("announced", "SIZE 2048\n" in got, got)
        for value in ("2049", "9" * 19, "9" * 20, "18446744073709551616"):
            got = c.command("MAIL FROM:<%s> SIZE=%s" % (ANNA, value))
            expect("SIZE=" + value, got[:9] in ("552 5.3.4", "501 5.5.4"),
                   got)
        got = c.command("MAIL FROM:<%s> SIZE=2048" % ANNA)
        expect("just so", got.startswith("250 "), got)
    content(s, "Subject: x\r\n\r\n" + ("x" * 70 + "\r\n") * 50,
            "552 5.3.4 ", "size")


@case
def form(b):
    """header, fields, Received and lines of text: 554"""
    s = b.started(limit_header="2K", limit_fields="12", limit_received="3")
    field = "X-Field: y\r\n"
    content(s, field * 13 + "\r\nx\r\n", "554 5.6.0 ", "content")
    content(s, ("X-F: %s\r\n" % ("y" * 190)) * 11 + "\r\nx\r\n",
            "554 5.6.0 ", "content", "mc-ben")
    content(s, "Received: x\r\n" * 4 + "\r\nx\r\n", "554 5.4.6 ", "loop",
            "mc-cleo")
    content(s, "Subject: x\r\n\r\n%s\r\n" % ("x" * 999), "554 5.6.0 ",
            "content", "mc-ben")
    with greeted(s) as c:
        for text in (field * 10 + "\r\nx\r\n",
                     "Received: x\r\n" * 3 + "\r\nx\r\n",
                     "Subject: x\r\n\r\n%s\r\n" % ("x" * 998)):
            got = c.message(ANNA, ["x@far.example"], text)
            expect("just so", got.startswith("250 "), got)


@case
def command_line(b):
    """command lines: 500 5.5.2, and the end behind 16 KiB"""
    s = b.started(limit_command="600")
    with greeted(s) as c:
        got = c.command("NOOP " + "x" * 593)
        expect("600 with its end", got.startswith("250 "), got)
        got = c.command("NOOP " + "x" * 594)
        is_refused("601", got, "500 5.5.2 ")
        got = c.command("NOOP")
        expect("goes on", got.startswith("250 "), got)
        c.send("NOOP " + "x" * 20000)
        got = c.reply()
        is_refused("20,000", got, "500 5.5.2 ")
        expect("closed", c.reply() == "")


@case
def data_by_default(b):
    """what the defaults announce and take"""
    s = b.started(smtp_max_size=None)
    with Client(s, "mc-anna") as c:
        c.reply()
        got = c.command("EHLO x")
        expect("25 MiB", "SIZE %d\n" % (25 * 1024 * 1024) in got, got)
        got = c.command("NOOP " + "x" * 2041)
        expect("2048 bytes", got.startswith("250 "), got)
        got = c.command("NOOP " + "x" * 2042)
        is_refused("2049 bytes", got, "500 5.5.2 ")


# ------------------------------------------------------------------------ rates

@case
def rate_messages(b):
    """messages in a time: 450 4.7.1 with seconds, others are served"""
    s = b.started(limit_messages="3/h")
    with greeted(s) as c:
        for _ in range(3):
            got = c.message(ANNA, ["x@far.example"])
            expect("taken", got.startswith("250 "), got)
        got = c.command("MAIL FROM:<%s>" % ANNA)
        is_refused("a fourth", got, "450 4.7.1 ", s, "rate-messages")
        m = re.search(r"\b(\d+) seconds", got)
        expect("in how many", m and 1000 < int(m.group(1)) <= 1200, got)
    with greeted(s) as c:
        got = c.command("MAIL FROM:<%s>" % ANNA)
        is_refused("nor in another session", got, "450 4.7.1 ")
    served(s)
    s.configure(limit_messages="4/h")
    s.child.send_signal(1)
    wait_for("the reload", 10, lambda: "read anew" in s.log_text())
    with greeted(s) as c:
        got = [c.command("MAIL FROM:<%s>" % ANNA)[:3] for _ in range(2)]
        expect("nor all of it after a reload", got[1] in ("450", "503"), got)


@case
def rate_recipients(b):
    """recipients in a time: 450 4.7.1"""
    s = b.started(limit_recipients="4/m")
    with greeted(s) as c:
        c.command("MAIL FROM:<%s>" % ANNA)
        got = [c.command("RCPT TO:<r%d@far.example>" % i) for i in range(5)]
        expect("four", [g[:3] for g in got[:4]] == ["250"] * 4, got)
        is_refused("a fifth", got[4], "450 4.7.1 ", s, "rate-recipients")
        m = re.search(r"\b(\d+) seconds", got[4])
        expect("in how many", m and 1 <= int(m.group(1)) <= 15, got)
    served(s)


# ------------------------------------------------------------------------ queue

@case
def queue_share(b):
    """a part of the queue: 452 4.3.1, others are served; it goes away"""
    relay = b.dir + "/late-relay"
    s = b.started({"default": {"host": relay}}, queue_max_messages="20",
                  limit_queue_share="20")
    with greeted(s) as c:
        got = []
        for _ in range(6):
            got.append(c.message(ANNA, ["x@far.example"])[:9])
        expect("four, no more", [g[:3] for g in got[:4]] == ["250"] * 4 and
               got[4] == "452 4.3.1", got)
    s.wait_refused("mc-anna", "share")
    served(s)
    # the books are of the queue as it was counted: let them be
    time.sleep(11)
    with greeted(s) as c:
        is_refused("still", c.message(ANNA, ["x@far.example"]), "452 4.3.1 ")
    os.symlink(b.dir + "/relay", relay)
    run_as("mc-serve", [s.binary, "queue", "retry", "all", "-C", s.conf])
    b.drain(s)

    def again():
        time.sleep(1)
        with greeted(s) as c:
            return c.message(ANNA, ["x@far.example"]).startswith("250 ")
    wait_for("a delivered queue leaves room", 25, again)


@case
def queue_bytes(b):
    """the same in bytes, and a message that is larger than the part"""
    s = b.started({"default": {"host": b.dir + "/nobody"}},
                  queue_max_bytes="100K", limit_queue_share="20")
    big = "Subject: x\r\n\r\n" + ("x" * 70 + "\r\n") * 180
    with greeted(s) as c:
        got = c.message(ANNA, ["x@far.example"], big)
        expect("one of 13 K", got.startswith("250 "), got)
        got = c.message(ANNA, ["x@far.example"], big)
        is_refused("two", got, "452 4.3.1 ", s, "share")
    served(s)


@case
def disk_reserve(b):
    """no room left: 452 4.3.1, and nothing is queued"""
    s = b.started(queue_reserve="100000000G")
    for user in ("mc-anna", "mc-ben"):
        with greeted(s, user) as c:
            got = c.message("%s@%s" % (user, DOMAIN), ["x@far.example"],
                            TEXT % "x@far.example")
            is_refused("no room", got, "452 4.3.1 ")
    # once it has been counted, nobody's part of nothing is enough
    wait_for("lines", 10, lambda: all(
        s.refused(user, "disk") + s.refused(user, "share")
        for user in ("mc-anna", "mc-ben")))
    expect("nothing queued", not s.queued())


@case
def queue_full(b):
    """queue-max-messages: 452 4.3.1"""
    s = b.started({"default": {"host": b.dir + "/nobody"}},
                  queue_max_messages="2", limit_queue_share="100")
    with greeted(s) as c:
        got = [c.message(ANNA, ["x@far.example"])[:9] for _ in range(3)]
    expect("two", [g[:3] for g in got] == ["250", "250", "452"] and
           got[2] == "452 4.3.1", got)


if __name__ == "__main__":
    sys.exit(main())
