#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the service tells of its users: serve_trace.py [PATTERN]...

See serving.py for how these tests are run.
"""
import os
import re
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import read, wait_for                  # noqa: E402
from service import DOMAIN, USERS, Client           # noqa: E402
from serving import (case, expect, is_sanitized, main,  # noqa: E402
                     note, served)

ANNA = "mc-anna@" + DOMAIN
FIELDS = ("Received: from laptop.private.example [10.9.8.7]\r\n"
          "X-Originating-IP: [10.9.8.7]\r\nUser-Agent: Zebra 3.1\r\n"
          "X-Mailer: Zebra\r\nX-PHP-Originating-Script: 61802:zebra.php\r\n")


@case
def only_as_tabled(b):
    """greeting, EHLO, HELO and HELP are as tabled"""
    s = b.started()
    host = re.escape(socket.gethostname())
    with Client(s, "mc-anna") as c:
        got = c.reply()
        expect("220 host ESMTP", re.fullmatch(r"220 (%s|\S+) ESMTP\n" % host,
                                              got), got)
        got = c.command("EHLO zebra.private.example")
        lines = sorted(line[4:].split()[0] for line in got.splitlines()[1:])
        expect("EHLO", lines == ["8BITMIME", "CHUNKING", "DSN",
                                 "ENHANCEDSTATUSCODES", "PIPELINING", "SIZE",
                                 "SMTPUTF8"], got)
        expect("no echo", "zebra" not in got, got)
        got = c.command("HELO zebra")
        expect("HELO", re.fullmatch(r"250 \S+\n", got) and "zebra" not in got,
               got)
        one = [c.command(line) for line in ("HELP", "HELP zebra", "HELP DATA")]
        expect("one generic line", len(set(one)) == 1 and
               one[0].count("\n") == 1, one)
        same = [c.command("VRFY " + x) for x in (
            "root", "mc-anna", "zebra", "<x@far.example>")]
        expect("VRFY is constant", len(set(same)) == 1, same)
        same = [c.command("EXPN " + x) for x in ("root", "zebra")]
        expect("EXPN is constant", len(set(same)) == 1, same)


@case
def trace_field(b):
    """Received: neither uid, login, pid, address, EHLO string nor recipient"""
    s = b.started()
    for hello, with_ in (("EHLO zebra.private.example", "ESMTP"),
                         ("HELO zebra", "SMTP")):
        mark = len(b.sink.deliveries)
        with Client(s, "mc-anna") as c:
            c.reply()
            c.command(hello)
            got = c.message(ANNA, ["x@far.example"],
                            "Subject: y\r\n\r\nbody\r\n")
            expect("taken", got.startswith("250 "), got)
            ident = got.split()[-1]
        text = b.arrived(mark)[0].data.decode()
        field = re.match(r"Received: .*\r\n([ \t].*\r\n)*", text).group(0)
        expect("as tabled", re.fullmatch(
            r"Received: from localhost \(local\)\s+by \S+ with %s id %s;\s+"
            r"\w\w\w, \d+ \w\w\w \d{4} [\d:]{8} [+-]\d{4}\r\n" % (
                with_, ident), field), field)
        head = text[:text.index("\r\n\r\n")]
        for word in ("zebra", str(USERS["mc-anna"]), "mailchute", "unix"):
            expect("no " + word, word not in head, head)
    # and ids have nothing in common but their form
    ids = re.findall(r"id=(\w+)", s.log_text())
    expect("26 letters and digits", ids and all(
        re.fullmatch(r"[a-z0-9]{26}", i) for i in ids), ids)


@case
def blind_recipients(b):
    """who is not named in the message goes alone, and nobody else sees him"""
    s = b.started()
    mark = len(b.sink.deliveries)
    people = ["alpha@far.example", "bravo@far.example", "charlie@far.example"]
    with Client(s, "mc-anna") as c:
        c.hello()
        got = c.message(ANNA, people, "To: alpha@far.example\r\nSubject: x\r\n"
                        "Bcc: charlie@far.example,\r\n delta@far.example\r\n"
                        "\r\nbody\r\n")
        expect("taken", got.startswith("250 "), got)
    found = b.arrived(mark, 3)
    time.sleep(0.5)
    found = b.sink.since(mark)
    expect("three transactions", sorted(d.rcpts for d in found) ==
           [[p] for p in people], [d.rcpts for d in found])
    for d in found:
        for name in ("bravo", "charlie", "delta"):
            if name not in d.rcpts[0]:
                expect("%s learns nothing of %s" % (d.rcpts, name),
                       name.encode() not in d.data and name not in d.params,
                       d.data)
        expect("no Bcc", b"\nbcc" not in d.data.lower(), d.data)


@case
def strip_headers(b):
    """strip-headers: the fields it names do not leave"""
    for value, gone in ((None, ()), (
            "Received X-Originating-IP User-Agent X-Mailer "
            "X-PHP-Originating-Script",
            ("10.9.8.7", "Zebra", "zebra", "Originating"))):
        s = b.started({"default": {"strip-headers": value}})
        mark = len(b.sink.deliveries)
        with Client(s, "mc-anna") as c:
            c.hello()
            got = c.message(ANNA, ["x@far.example"], FIELDS +
                            "Subject: stays\r\n\r\nbody\r\n")
            expect("taken", got.startswith("250 "), got)
        text = b.arrived(mark)[0].data.decode()
        expect("the rest is there", "Subject: stays" in text, text)
        for word in gone:
            expect("gone: " + word, word not in text, text)
        if not gone:
            expect("as it came", FIELDS in text, text)
        else:
            expect("no trace field at all", "Received:" not in text, text)


@case
def log_addresses(b):
    """log-addresses: full, domain or hash, in lines about refusals too"""
    for how in ("domain", "hash"):
        s = b.started(log_addresses=how)
        with Client(s, "mc-anna") as c:
            c.hello()
            c.command("MAIL FROM:<secret.person@private.example>")
            got = c.message(ANNA, ["hidden.friend@far.example"])
            expect("taken", got.startswith("250 "), got)
        s.wait_refused("mc-anna", "sender")
        wait_for("a delivery", 20, lambda: "verdict=delivered" in
                 s.log_text())
        log = s.log_text()
        for word in ("secret.person", "hidden.friend", "mc-anna@"):
            expect("%s: no %s" % (how, word), word not in log, log)
        expect("their domains", "far.example" in log and
               "sender=" in log and "private.example" in log, log)


@case
def no_content_in_log(b):
    """the log has no word of a message, taken or refused"""
    s = b.service()
    s.start("-v")
    for text in ("Subject: zebra-subject\r\nX-Zebra: 1\r\n\r\nzebra-body\r\n",
                 "Subject: zebra-subject\r\n\r\nzebra" + "z" * 2000 + "\r\n"):
        with Client(s, "mc-anna") as c:
            c.hello()
            c.message(ANNA, ["x@far.example"], text)
            c.command("zebra-command")
            c.command("VRFY zebra-vrfy")
    b.drain(s)
    log = s.log_text() + s.output()
    expect("nothing", "zebra" not in log.lower(), log)


def memory(s):
    """KiB: what all processes have together, a page that two of them share
    counted for each.  (What it is when such a page counts once is noted.)"""
    rss, pss, lines = 0, 0, []
    for pid in s.processes():
        text = read("/proc/%d/status" % pid)
        one = int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
        rollup = read("/proc/%d/smaps_rollup" % pid)
        pss += int(re.search(r"(?m)^Pss:\s+(\d+)", rollup).group(1))
        rss += one
        lines.append("%s %d (%s of files)" % (
            read("/proc/%d/comm" % pid).strip(), one,
            re.search(r"RssFile:\s+(\d+)", text).group(1)))
    note("%d processes, VmRSS %d KiB: %s; shared pages counted once %d KiB" % (
        len(lines), rss, ", ".join(lines), pss))
    expect("three processes", len(lines) == 3, lines)
    return rss


def is_at_rest(s):
    return len(s.processes()) == 3 and not s.processes("mc-session") and \
        not s.processes("mc-count")


@case
def at_rest(b):
    """at rest: three processes, under 8 MB in all of them"""
    s = b.started()
    mark = len(b.sink.deliveries)
    wait_for("rest", 20, lambda: is_at_rest(s))
    fresh = memory(s)
    for _ in range(3):
        served(s)
    b.arrived(mark, 3)
    # a worker stays with its connection for a while
    wait_for("rest", 60, lambda: is_at_rest(s))
    later = memory(s)
    expect("under 8 MB", is_sanitized() or (fresh < 8000 and later < 8000),
           (fresh, later))


if __name__ == "__main__":
    sys.exit(main())
