#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast users hand mail to the local service, and what it costs at rest.

bench_serve.py [--quick] [--dir DIR] [--scenario NAME]... [--results FILE]

As root, on Linux.  MAILCHUTE_BIN names the program.  The spools are made below
DIR (TMPDIR, else /tmp), which should be on a disk.  All take turns; the ratio
is the median of those within each round.  Nothing fails for being slow: the end
is an error only when mailchute loses a message.

Scenarios:
  handover  one process a message, of 1 kB, one or two at a time: `sendmail`
            without a configuration to the service's queue, and Postfix's
            sendmail and postdrop to the queue behind its pickup and cleanup.
            Both keep what they get; nobody sends it
  rest      resident memory of the service when it has nothing to do
  crowd     a user hands over mail while another has opened 1,000 connections
"""
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.append(os.path.join(HERE, "..", "integration"))
sys.dont_write_bytecode = True

import bench_spool                              # noqa: E402
import common                                   # noqa: E402
import spoolers                                 # noqa: E402
from clients import RECIPIENT, Call, write      # noqa: E402
from service import connect_as                  # noqa: E402

KB = 1000
WAIT = 60           # seconds for what a daemon has to do
SENDER = "bench@a.example"


class Service(spoolers.Spooler):
    """mailchute serve; every message waits for a relay that is not there."""
    name = "mailchute"
    remark = "sendmail without a configuration, and the service"

    def __init__(self, place, peers):
        super().__init__(place, peers)
        self.path = os.path.abspath(os.environ["MAILCHUTE_BIN"])
        self.child = None

    def prepare(self):
        if os.getuid() != 0:
            return False
        self.dir = os.path.join(self.place, "service")
        os.makedirs(self.dir + "/run")
        os.symlink(self.path, self.dir + "/sendmail")
        self.user = pwd.getpwnam("nobody").pw_uid
        # root's, as the sender of the bench is
        self.conf = write(self.dir + "/serve.conf", "\n".join(
            ["socket = %s/run/submit" % self.dir, "log = off",
             "queue-dir = %s/spool" % self.dir, "domain = a.example",
             "limit-messages = 0", "limit-recipients = 0",
             "limit-queue-share = 100", "queue-any-fs = yes",
             "limit-session-messages = 1000000",
             "retry-min = 4h", "[account bench]", "host = 127.0.0.1",
             "port = 1", "tls = off", ""]), 0o600)
        return True

    def sockets(self):
        return self.dir + "/run/submit"

    def begin(self):
        """Its runner would try each message once, in vain; it is held while
        messages come (hold), as Postfix's qmgr is left out."""
        self.child = subprocess.Popen(
            [self.path, "serve", "-C", self.conf], env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/", start_new_session=True)
        wait(lambda: answers(self.sockets()))

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "HOME": self.dir,
                "MAILCHUTE_SOCKET": self.sockets(),
                "LC_ALL": "C"}

    def processes(self, role=None):
        """{process: name}"""
        found = {}
        for one in os.listdir("/proc"):
            try:
                if one.isdigit() and os.getsid(int(one)) == self.child.pid:
                    with open("/proc/%s/comm" % one, encoding="utf-8") as f:
                        found[int(one)] = f.read().strip()
            except OSError:
                pass
        return {p: n for p, n in found.items() if role in (None, n)}

    def hold(self, on):
        for pid in self.processes("mc-runner"):
            os.kill(pid, signal.SIGSTOP if on else signal.SIGCONT)

    def enqueue(self, message):
        return Call([self.dir + "/sendmail", "-i", "-f", SENDER, "--",
                     RECIPIENT], message.lf,
                    env={"MAILCHUTE_SOCKET": self.sockets(),
                         "MAILCHUTE_QUEUE": "off"})

    def queued(self):
        try:
            return sum(n.startswith("m-")
                       for n in os.listdir(self.dir + "/spool/q"))
        except FileNotFoundError:
            return 0

    def empty(self):
        spoolers.empty_dir(self.dir + "/spool/q")

    def end(self):
        if self.child is not None:
            self.hold(False)
            self.child.terminate()
            self.child.wait(WAIT)
            self.child = None


class Postfix(spoolers.Postfix):
    """Its master, pickup and cleanup run; qmgr does not, so that nothing is
    sent, and what is in incoming is queued."""
    remark = "sendmail, postdrop, pickup and cleanup"
    child = None

    def begin(self):
        self.config(1, "/nonexistent")
        with open(self.dir + "/main.cf", "a", encoding="utf-8") as f:
            f.write("in_flow_delay = 0\n")
        text = "".join(
            line + "\n" for line in spoolers.MASTER_CF.splitlines()
            if line.split()[0] in ("pickup", "cleanup", "rewrite", "postlog",
                                   "proxymap", "bounce", "defer", "trace"))
        write(self.dir + "/master.cf", text)
        self.child = subprocess.Popen(
            [self.master, "-c", self.dir, "-d"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(self.environment(), MAIL_CONFIG=self.dir),
            start_new_session=True)
        wait(lambda: os.path.exists(self.dir + "/queue/public/pickup"))

    def hold(self, on):
        """There is no qmgr."""

    def queued(self):
        """what cleanup has finished: mode 0700, as Postfix marks it"""
        n = 0
        for at, _, names in os.walk(self.dir + "/queue/incoming"):
            for name in names:
                try:
                    n += os.stat(os.path.join(at, name)).st_mode & 0o100 != 0
                except FileNotFoundError:
                    pass
        return n

    def end(self):
        if self.child is not None:
            self.child.terminate()
            try:
                self.child.wait(WAIT)
            finally:
                self.child = None


def wait(probe):
    end = time.monotonic() + WAIT
    while not probe():
        if time.monotonic() > end:
            raise RuntimeError("bench_serve: no end in %d s" % WAIT)
        time.sleep(0.002)


def answers(path):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(path)
            return s.recv(4) == b"220 "
    except OSError:
        return False


class Bench(bench_spool.Bench):
    def find(self):
        for kind in (Service, Postfix):
            one = kind(self.place, None)
            self.others.append(one)
            one.here = one.prepare()
            print("  %-11s %s%s" % (one.name, one.path if one.here else
                                    "not here", "; " + one.remark if
                                    one.here else ""))
        return self


# ------------------------------------------------------------------ hand-over

def hand_over(b, one, count, parallel):
    """(a second, as sendmail ends; a second, as all are queued), or None"""
    one.hold(True)
    begun = time.monotonic()
    failed, seconds, _ = b.repeat(one, one.enqueue(b.messages[KB]), count,
                                  parallel)
    wait(lambda: failed or one.queued() >= count)
    whole = time.monotonic() - begun
    kept = one.queued()
    one.empty()
    if failed or kept != count:
        b.wrong.append("%s: %d of %d messages queued: %s" % (
            one.name, kept, count, b.said()))
        return None
    return count / seconds, count / whole


def handover(b):
    b.report.begin("handover", "handing mail to the local service")
    b.report.note("""\
One process a message, 1 kB, with the daemons running.  "exit" is the rate at
which sendmail ends; "queued" counts until the last message is in the queue: for
the service both are the same but for what the bench itself takes, since it says
yes only then; Postfix's sendmail ends once postdrop has written the message to
maildrop, and pickup and cleanup write it again.""")
    rounds, count = (3, 10) if b.quick else (11, 50)
    for one in b.all():
        one.begin()
        hand_over(b, one, 5, 1)
    for parallel in (1, 2):
        got = {}
        for _ in range(rounds):
            for one in common.turns(b.all()):
                got.setdefault(one, []).append(hand_over(b, one, count,
                                                         parallel))
        got = {one: got[one] for one in b.all() if None not in got[one]}
        mine = next((r for one, r in got.items() if one.name == "mailchute"),
                    None)
        if mine is None:
            continue
        title = "one after the other" if parallel == 1 else "two at a time"
        rows = []
        for one, runs in got.items():
            row = [one.name]
            for i in (0, 1):
                rates = [r[i] for r in runs]
                times = median(m[i] / r for m, r in zip(mine, rates))
                row += ["%.0f" % max(rates), "%.0f" % median(rates),
                        "%.2f" % times]
                if runs is not mine:
                    b.report.bar("%s: at least the rate of Postfix, %s" % (
                        ("exit", "queued")[i], title), "%.2f times" % times,
                                 times >= 1)
            rows.append(row)
        b.report.table("Messages handed over in a second, " + title,
                       ["", "exit: best", "median", "ours/it",
                        "queued: best", "median", "ours/it"], rows)
    for one in b.all():
        one.end()


# ----------------------------------------------------------------------- rest

def memory_of(pid):
    """(resident, proportional) KiB"""
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        text = f.read().split()
    return tuple(int(text[text.index(w) + 1]) for w in ("Rss:", "Pss:"))


def rest(b):
    b.report.begin("rest", "the local service with nothing to do")
    one = b.others[0]
    if not one.here:
        return
    one.begin()
    b.repeat(one, one.enqueue(b.messages[KB]), 5)
    time.sleep(2)
    got = [(n, *memory_of(p)) for p, n in sorted(one.processes().items())]
    b.report.table("Memory of each process, KiB", [
        "", "resident", "its share"], [[n, str(r), str(s)]
                                       for n, r, s in got])
    b.report.bar("all together below 8 MB (8192 KiB)", "%d KiB by shares, %d "
                 "KiB as the sum of what is resident, shared pages counted "
                 "in each" % (sum(g[2] for g in got), sum(g[1] for g in got)),
                 sum(g[1] for g in got) < 8192)
    one.empty()
    one.end()


# ---------------------------------------------------------------------- crowd

class Crowd:
    """Idle connections of another user, while it is entered"""

    def __init__(self, one, count):
        self.one = one
        self.count = count

    def __enter__(self):
        self.idle = [connect_as(self.one.user, socket.AF_UNIX,
                                self.one.sockets())
                     for _ in range(self.count)]
        time.sleep(0.5)

    def __exit__(self, *_):
        for s in self.idle:
            s.close()


def crowd(b):
    b.report.begin("crowd", "1,000 idle connections of another user")
    one = b.others[0]
    if not one.here:
        return
    one.begin()
    count, rounds, many = (10, 3, 200) if b.quick else (30, 9, 1000)
    got = {"alone": [], "crowd": []}
    one.hold(True)
    for _ in range(rounds):
        for what, times in got.items():
            with Crowd(one, many if what == "crowd" else 0):
                failed, seconds, _ = b.repeat(
                    one, one.enqueue(b.messages[KB]), count)
            if failed:
                b.wrong.append("mailchute: %d of %d refused in a %s" % (
                    failed, count, what))
            times.append(1000 * seconds / count)
            one.empty()
            time.sleep(0.5)
    times = median(c / a for a, c in zip(got["alone"], got["crowd"]))
    b.report.table("ms to hand over one message", ["", "best", "median"],
                   [[what, "%.1f" % min(runs), "%.1f" % median(runs)]
                    for what, runs in got.items()])
    b.report.bar("at most twice as long beside them", "%.2f times" % times,
                 times <= 2)
    one.end()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(bench_spool.run("bench_serve", __doc__, Bench,
                             (handover, rest, crowd)))
