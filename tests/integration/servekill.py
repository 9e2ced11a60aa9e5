#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The local service is killed, process by process, under load; and how it
starts and ends: servekill.py [--seconds N] [--seed N] [PATTERN]...

Prints TAP.  Root, in a mount namespace (servekill.tap); see service.py for the
users.  MAILCHUTE_BIN names the program.  What is drawn by lot follows from the
seed, but when it happens does not.
"""
import argparse
import collections
import os
import random
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases                                        # noqa: E402
import service                                      # noqa: E402
import servers                                      # noqa: E402
from cases import equal, expect                     # noqa: E402
from servers import SLOW, read, wait_for            # noqa: E402
from service import DOMAIN, Client                  # noqa: E402

CASES = []
SECONDS = 30
BOB = "bob@far.example"
USERS = ("mc-anna", "mc-ben", "mc-cleo", None)
ROLES = ("mc-listener", "mc-session", "mc-runner", "mc-worker", "mc-tls",
         "supervisor")
args = argparse.Namespace(seconds=SECONDS, seed=None)


def case(function):
    CASES.append(function)
    return function


def sender_of(name):
    return "%s@%s" % (name or "root", DOMAIN)


def letter(ident, size, sender):
    """Every line says whose it is and the how manieth."""
    head = ("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n"
            "Date: Thu, 26 Nov 2026 10:00:00 +0000\r\n"
            "Message-ID: <%s@a.example>\r\n\r\n" % (sender, BOB, ident, ident))
    lines = []
    have = len(head)
    while have < size or not lines:
        lines.append("%s line %d %s\r\n" % (ident, len(lines), "x" * 50))
        have += len(lines[-1])
    return (head + "".join(lines) + "%s is whole\r\n" % ident).encode()


class Message:
    TAKEN, REFUSED, UNSURE = range(3)

    def __init__(self, ident, text, way):
        self.ident = ident
        self.text = text
        self.way = way
        self.fate = self.UNSURE
        self.why = ""


class Load(threading.Thread):
    """One user, one message after the other."""

    def __init__(self, b, s, name, token, seed):
        super().__init__(daemon=True)
        self.b = b
        self.s = s
        self.who = name
        self.token = token
        self.lot = random.Random("%s %s" % (seed, name))
        self.messages = []
        self.over = threading.Event()
        self.problem = None

    def run(self):
        try:
            while not self.over.is_set():
                self.one()
        except Exception as problem:    # pylint: disable=broad-except
            self.problem = problem

    def one(self):
        size = self.lot.choice((500, 500, 500, 2000, 60000, 2000000))
        way = self.lot.choice(("sendmail", "sendmail", "sendmail", "tls",
                               "other"))
        ident = "%s-%d" % (self.who or "root", len(self.messages))
        if self.who is None and way == "other":
            way = "sendmail"            # root may be anybody
        own = sender_of(self.who if way != "other" else "mc-serve")
        m = Message(ident, letter(ident, size, own), way)
        self.messages.append(m)
        if way == "tls":
            self.by_tls(m, own)
        else:
            self.by_sendmail(m, own)
        if m.fate != m.TAKEN:
            self.over.wait(0.05)

    def by_sendmail(self, m, own):
        status, m.why = self.b.mail(
            self.s, self.who, ["-i", "-f", own, BOB],
            m.text.replace(b"\r\n", b"\n"), {"MAILCHUTE_QUEUE": "off"},
            limit=90)
        if status == 0:
            m.fate = m.TAKEN
        elif status in (77, 78):
            # no service, or another's sender
            m.fate = m.REFUSED
        elif status != 75:
            raise cases.Failure("status %d: %s" % (status, m.why))

    def by_tls(self, m, own):
        try:
            with smtplib.SMTP("127.0.0.1", self.s.port,
                              timeout=60 * SLOW) as c:
                c.starttls(context=ssl.create_default_context(
                    cafile=self.s.ca))
                c.login(self.who or "root", self.token)
                c.sendmail(own, [BOB], m.text)
                m.fate = m.TAKEN
        except smtplib.SMTPServerDisconnected as problem:
            m.why = str(problem)
        except smtplib.SMTPException as problem:
            # a reply, and none that says yes
            m.why = str(problem)
            m.fate = m.TAKEN if m.fate == m.TAKEN else m.REFUSED
        except OSError as problem:
            m.why = str(problem)


class Killer:
    def __init__(self, s, lot):
        self.s = s
        self.lot = lot
        self.killed = collections.Counter()
        self.slowest = 0.0

    def start_again(self):
        """As a supervisor of services does, until it stays."""
        begun = time.monotonic()
        self.s.child.wait()
        self.s.start(ready=False)
        while not self.up():
            expect("the service is there again",
                   time.monotonic() - begun < 20 * SLOW,
                   read(self.s.dir + "/out")[-2000:])
            if self.s.child.poll() is not None:
                time.sleep(0.1)
                self.s.start(ready=False)
            time.sleep(0.02)
        self.slowest = max(self.slowest, time.monotonic() - begun)

    def up(self):
        try:
            return self.s.child.poll() is None and self.s.ready()
        except servers.Trouble:
            return False

    def missing(self):
        return [role for role in ROLES if not self.killed[role]]

    def one(self, roles=ROLES):
        role = self.lot.choice(roles)
        if role == "supervisor":
            os.kill(self.s.child.pid, signal.SIGKILL)
            self.killed[role] += 1
            time.sleep(self.lot.random() * 0.3)
            self.start_again()
            return
        found = self.s.processes(role)
        if found:
            try:
                os.kill(self.lot.choice(found), signal.SIGKILL)
                self.killed[role] += 1
            except ProcessLookupError:
                pass


def judge(messages, deliveries):
    copies = collections.Counter()
    known = {m.ident: m for m in messages}
    for d in deliveries:
        ident = re.search(r"(?m)^Subject: (\S+)\r?$", d.header())
        expect("one of ours", ident and ident.group(1) in known, d.header())
        m = known[ident.group(1)]
        copies[m.ident] += 1
        expect("nothing partial or changed: %s (%d of %d bytes)" % (
            m.ident, len(d.message), len(m.text)), d.message == m.text)
    for m in messages:
        if m.fate == m.TAKEN:
            expect("taken, so it arrives: %s by %s" % (m.ident, m.way),
                   copies[m.ident] >= 1)
        if m.fate == m.REFUSED:
            expect("refused, so it does not arrive: %s by %s: %s" % (
                m.ident, m.way, m.why), copies[m.ident] == 0)
        if m.way == "other":
            expect("another's sender does not pass: " + m.ident,
                   m.fate != m.TAKEN and copies[m.ident] == 0, m.why)
    return copies


def check_spool(b, s):
    done = subprocess.run(
        [cases.BINARY, "queue", "check", "-C", s.conf], env=s.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        timeout=60 * SLOW, preexec_fn=service.become(s.uid))
    expect("a clean spool", done.returncode == 0, done.stdout.decode())
    del b


@case
def kills(b):
    """every process is killed at any time under load, and nothing is lost"""
    seed = args.seed if args.seed is not None else random.randrange(10**6)
    print("# --seed %d --seconds %d" % (seed, args.seconds), flush=True)
    none = {"limit_" + n: "0" for n in ("messages", "recipients")}
    s = b.tcp(retry_max="2s", unsure_wait="1s", unsure_retries="1000",
              limit_queue_share="100", limit_errors="1000", **none)
    loads = [Load(b, s, name, b.token(s, name or "root"), seed)
             for name in USERS]
    killer = Killer(s, random.Random(seed))
    for load in loads:
        load.start()
    end = time.monotonic() + args.seconds
    # some of them are there for a moment only, and the lot may miss them
    while time.monotonic() < end or (
            args.seconds >= SECONDS and killer.missing() and
            time.monotonic() < end + 60 * SLOW):
        if time.monotonic() < end:
            time.sleep(0.05 + killer.lot.random() * 0.4)
            killer.one()
        else:
            time.sleep(0.002)
            killer.one(killer.missing())
        for load in loads:
            if load.problem:
                raise load.problem
    for load in loads:
        load.over.set()
    for load in loads:
        load.join(90 * SLOW)
        expect("a sendmail that ends", not load.is_alive())
        if load.problem:
            raise load.problem
    wait_for("service", 20, killer.up)
    messages = [m for load in loads for m in load.messages]
    wait_for("an empty queue", 60, lambda: not s.queued())
    copies = judge(messages, b.relay.since(b.mark))
    fates = collections.Counter(m.fate for m in messages)
    print("# killed: %s" % ", ".join("%s %d" % one for one in sorted(
        killer.killed.items())))
    print("# %d messages: %d taken, %d refused, %d unsure; %d copies more; "
          "started again in at most %.1f s" % (
              len(messages), fates[Message.TAKEN], fates[Message.REFUSED],
              fates[Message.UNSURE], sum(n - 1 for n in copies.values()),
              killer.slowest))
    expect("all were killed", args.seconds < SECONDS or not killer.missing(),
           killer.killed)
    expect("some are taken", fates[Message.TAKEN] > 10, fates)
    b.begin()
    for name in USERS:
        text = letter("last", 500, sender_of(name))
        equal("it works", b.mail(s, name, ["-i", BOB], text.replace(
            b"\r\n", b"\n")), (0, ""))
        equal("it arrives", b.arrived()[0].message, text)
    wait_for("an empty queue", 20, lambda: not s.queued())
    check_spool(b, s)
    equal("the end", s.stop(), 0)
    check_spool(b, s)
    left = [n for _, _, names in os.walk(s.spool) for n in names
            if n.startswith(("m-", "t-"))]
    equal("nothing is left", left, [])


# ------------------------------------------------------------- start and end

def with_env(s, **more):
    plain = s.environment
    s.environment = lambda: dict(plain(), **more)


@case
def notified(b):
    """READY, RELOADING and STOPPING are told to whoever asks for it"""
    s = b.service(start=False)
    path = s.dir + "/run/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as n:
        n.bind(path)
        os.chmod(path, 0o777)
        n.settimeout(10 * SLOW)
        with_env(s, NOTIFY_SOCKET=path)

        def told():
            lines = n.recv(4096).decode().splitlines()
            expect("a status", lines[-1].startswith("STATUS="), lines)
            return lines[:-1], lines[-1]
        s.start(ready=False)
        equal("at the start", told()[0], ["READY=1"])
        # ready means that one may connect at once
        with Client(s, "mc-anna") as c:
            expect("a greeting", c.reply().startswith("220 "))
        for keys, status in ({}, "taking mail"), (
                {"limit_sessions": "x"}, "the old one holds"):
            s.configure(**keys)
            now = time.monotonic_ns() // 1000
            s.child.send_signal(signal.SIGHUP)
            lines, _ = told()
            equal("RELOADING", lines[0], "RELOADING=1")
            m = re.fullmatch(r"MONOTONIC_USEC=(\d+)", lines[1])
            expect("the time", m and now <= int(m.group(1)) <=
                   time.monotonic_ns() // 1000, (now, lines))
            lines, said = told()
            equal("READY", lines, ["READY=1"])
            expect("how it went", status in said, said)
        s.child.send_signal(signal.SIGTERM)
        equal("STOPPING", told()[0], ["STOPPING=1"])
        equal("the end", s.child.wait(20 * SLOW), 0)


def given(s, socks):
    """A service that gets its sockets."""
    fds = [x.fileno() for x in socks]
    with open(s.dir + "/out", "ab") as out:
        s.child = subprocess.Popen(
            cases.handed(fds, [cases.BINARY, "serve", "-C", s.conf]),
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/",
            env=s.environment(), start_new_session=True, pass_fds=fds,
            preexec_fn=service.become(s.uid))
    servers.Daemon.guard.add(s.child.pid)


@case
def activated(b):
    """sockets that are handed over: they stay, and nobody is turned away"""
    s = b.service(start=False)
    s.path = s.dir + "/given"
    with socket.socket(socket.AF_UNIX) as unix, \
            socket.socket(socket.AF_INET) as tcp:
        unix.bind(s.path)
        os.chmod(s.path, 0o666)
        unix.listen(20)
        tcp.bind(("127.0.0.1", 0))
        tcp.listen(20)
        port = tcp.getsockname()[1]
        # before anybody is there
        early = Client(s, "mc-anna")
        given(s, [unix, tcp])
        sender = sender_of("mc-anna")
        expect("a greeting", early.hello().startswith("220 "))
        expect("taken", early.message(sender, [BOB])[:3] == "250")
        early.close()
        b.arrived()
        wait_for("an empty queue", 5, lambda: not s.queued())
        with Client(s, port=port) as c:
            expect("a greeting", c.hello().startswith("220 "))
            equal("MAIL", c.command("MAIL FROM:<%s>" % sender)[:3], "530")
        expect("the configured socket is not made",
               not os.path.exists(s.dir + "/run/submit"))
        equal("the end", s.stop(), 0)
        expect("the socket stays", os.path.exists(s.path))
        # between two of them
        early = Client(s, "mc-anna")
        given(s, [unix, tcp])
        expect("a greeting", early.hello().startswith("220 "))
        expect("taken", early.message(sender, [BOB])[:3] == "250")
        early.close()
        b.arrived()
        equal("the end", s.stop(), 0)


@case
def second(b):
    """a second one for the same socket or the same spool is refused"""
    s = b.service()
    first = s.child
    other = s.dir + "/other.conf"
    text = read(s.conf)
    servers.write(other, text.replace(s.path, s.dir + "/run/other"), 0o600)
    os.chown(other, s.uid, s.uid)
    for conf, what in ((s.conf, "socket"), (other, "spool")):
        done = subprocess.run(
            [cases.BINARY, "serve", "-C", conf], env=s.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
            stderr=subprocess.STDOUT, timeout=20 * SLOW, cwd="/",
            preexec_fn=service.become(s.uid))
        said = done.stdout.decode()
        expect("refused: " + what, done.returncode in (75, 78),
               (done.returncode, said))
        expect("and it says why", s.dir in said, said)
    expect("no other socket", not os.path.exists(s.dir + "/run/other"))
    expect("the first one is there", first.poll() is None and s.ready())
    with Client(s, "mc-anna") as c:
        c.hello()
        expect("taken", c.message(sender_of("mc-anna"), [BOB])[:3] == "250")
    b.arrived()


@case
def stale(b):
    """killed as a whole, it starts again at the socket that is left"""
    s = b.service()
    for _ in range(3):
        os.killpg(s.child.pid, signal.SIGKILL)
        s.child.wait()
        expect("the socket is left", os.path.exists(s.path))
        s.start()
    equal("the end", s.stop(), 0)
    # another file there is nobody's to remove
    servers.write(s.path, "mine", 0o644)
    child = s.start(ready=False)
    expect("refused", child.wait(20 * SLOW) in (73, 75, 78), read(
        s.dir + "/out"))
    equal("it stays", read(s.path), "mine")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--seed", type=int)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    parser.parse_args(namespace=args)
    return cases.run(CASES, args.patterns, "mc-servekill-")


if __name__ == "__main__":
    sys.exit(main())
