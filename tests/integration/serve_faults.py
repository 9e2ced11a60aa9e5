#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The service in trouble: serve_faults.py [PATTERN]...

See serving.py for how these tests are run.
"""
import os
import random
import re
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service                                      # noqa: E402
from servers import SLOW, read, wait_for            # noqa: E402
from service import DOMAIN, Client                  # noqa: E402
from serving import case, expect, main, note, served  # noqa: E402

ANNA = "mc-anna@" + DOMAIN
TEXT = "Subject: %s\r\n\r\nx\r\n"


def to_data(c, sender=ANNA):
    """As far as the text."""
    c.hello()
    for line, want in (("MAIL FROM:<%s>" % sender, "250"),
                       ("RCPT TO:<x@far.example>", "250"), ("DATA", "354")):
        got = c.command(line)
        expect(line, got.startswith(want), got)


def subjects(b, mark):
    found = []
    for d in b.sink.since(mark):
        m = re.search(rb"Subject: (\S+)", d.data)
        found.append(m.group(1).decode() if m else "")
    return found


@case
def cut_after_dot(b):
    """E10: gone behind the dot: taken once or not at all, never half"""
    s = b.started(limit_messages="0", limit_sessions_user="100")
    mark = len(b.sink.deliveries)
    count = 60
    for n in range(count):
        with Client(s, "mc-anna") as c:
            to_data(c)
            c.send(TEXT % ("cut-%d" % n) + ".\r\n")
            time.sleep(n * 0.0002)
    served(s)
    wait_for("no session", 20, lambda: not s.processes("mc-session"))
    b.drain(s)
    got = [x for x in subjects(b, mark) if x.startswith("cut-")]
    expect("none twice", len(got) == len(set(got)), got)
    ids = re.findall(r"verdict=queued .*id=(\S+)", s.log_text())
    sent = re.findall(r"verdict=delivered .*id=(\S+)", s.log_text())
    expect("what was taken has arrived, nothing else",
           sorted(ids) == sorted(sent), (ids, sent))
    note("%d of %d were taken" % (len(got), count))


@case
def stop_in_session(b):
    """E10: SIGTERM: 421 at the next command, a message that is there is judged"""
    s = b.started()
    idle, half, whole = (Client(s, user) for user in
                         ("mc-anna", "mc-ben", "mc-cleo"))
    idle.hello()
    to_data(half, "mc-ben@" + DOMAIN)
    half.send("Subject: half\r\n\r\nno end")
    to_data(whole, "mc-cleo@" + DOMAIN)
    # it is stopped while it has all of the message, and nothing was read
    session = max(s.processes("mc-session"))
    os.kill(session, signal.SIGSTOP)
    whole.send(TEXT % "whole" + ".\r\n")
    s.child.send_signal(signal.SIGTERM)
    got = idle.reply()
    expect("idle: 421 4.3.2", got.startswith("421 4.3.2 "), got)
    os.kill(session, signal.SIGCONT)
    got = half.reply()
    expect("half: 421", got.startswith("421 "), got)
    got = whole.reply()
    expect("whole: its true result", got.startswith("250 2.0.0 queued"), got)
    for c in (idle, half, whole):
        c.close()
    status = s.child.wait(40 * SLOW)
    s.child = None
    expect("0", status == 0, status)
    mark = 0
    s.start()
    wait_for("it arrives", 20, lambda: "whole" in subjects(b, mark))
    expect("the half one does not", "half" not in subjects(b, mark))


@case
def no_connections_after(b):
    """SIGTERM while clients stay: nobody new is taken, it ends in time"""
    s = b.started()
    with Client(s, "mc-anna") as c:
        c.hello()
        os.kill(s.processes("mc-session")[0], signal.SIGSTOP)
        begun = time.monotonic()
        s.child.send_signal(signal.SIGTERM)
        wait_for("the socket goes", 10, lambda: not os.path.exists(s.path))
        status = s.child.wait(45 * SLOW)
    s.child = None
    b.may_die = True
    expect("0", status == 0, status)
    note("with a session that hangs: %.1f s" % (time.monotonic() - begun))


@case
def spool_full(b):
    """E12: no space at all: 452, and it goes on when there is some"""
    s = b.service(limit_queue_share="100")
    service.mount_small(s.spool, 1024 * 1024)
    try:
        os.chown(s.spool, s.uid, s.uid)
        s.start()
        served(s)
        b.drain(s)
        filler = s.spool + "/filler"
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        for _ in range(3):
            with Client(s, "mc-anna") as c:
                c.hello()
                got = c.message(ANNA, ["x@far.example"])
                expect("452 4.3.1", got.startswith("452 4.3.1 "), got)
                expect("no path in it", s.dir not in got, got)
        expect("nothing is left", not s.queued() and not any(
            n.startswith("t-") for n in os.listdir(s.spool + "/q")),
            os.listdir(s.spool + "/q"))
        os.unlink(filler)
        served(s)
        b.drain(s)
        expect("end", s.stop() == 0)
    finally:
        service.unmount(s.spool)


@case
def supervisor_killed(b):
    """kill -9 of the first process: the others end, the next start serves"""
    s = b.started()
    with Client(s, "mc-anna") as c:
        c.hello()
        os.kill(s.child.pid, signal.SIGKILL)
        s.child.wait()
        begun = time.monotonic()
        got = c.reply()
        expect("a session is told", got[:4] == "421 " or got == "", got)
    wait_for("all others have gone", 40, lambda: not s.processes())
    note("they end in %.1f s" % (time.monotonic() - begun))
    s.start()
    served(s)


@case
def runner_dead(b):
    """E12: with a runner that hangs or dies mail is still taken"""
    s = b.started()
    mark = len(b.sink.deliveries)
    runner = s.processes("mc-runner")[0]
    os.kill(runner, signal.SIGSTOP)
    served(s)
    expect("it waits", len(s.queued()) == 1)
    b.may_die = True
    os.kill(runner, signal.SIGKILL)
    b.arrived(mark, 1)
    # the reload does not wait for one that hangs, either
    runner = wait_for("another", 10, lambda: s.processes("mc-runner"))[0]
    os.kill(runner, signal.SIGSTOP)
    s.child.send_signal(signal.SIGHUP)
    wait_for("the reload", 20, lambda: "read anew" in s.log_text())
    served(s)
    os.kill(runner, signal.SIGCONT)
    b.arrived(mark, 2, 30)


@case
def listener_hangs(b):
    """a listener that hangs stops neither a reload nor the end"""
    s = b.started()
    old = s.processes("mc-listener")[0]
    os.kill(old, signal.SIGSTOP)
    s.child.send_signal(signal.SIGHUP)
    wait_for("the reload", 20, lambda: "read anew" in s.log_text())
    begun = time.monotonic()
    served(s)
    os.kill(old, signal.SIGCONT)
    wait_for("the old one has gone", 20,
             lambda: old not in s.processes("mc-listener"))
    for _ in range(5):
        served(s)
    expect("soon", time.monotonic() - begun < 30 * SLOW)


@case
def reload_in_session(b):
    """E12: a reload between RCPT and DATA: the old rules, one result"""
    s = b.started({"default": {"allow-sender": "mc-anna: old@work.example"}})
    mark = len(b.sink.deliveries)
    with Client(s, "mc-anna") as c:
        to_data(c, "old@work.example")
        s.configure({"default": {"allow-sender": "mc-anna: new@work.example"}})
        for n in range(3):
            s.child.send_signal(signal.SIGHUP)
            wait_for("the reload", 20, lambda n=n: s.log_text().count(
                "read anew") > n)
        c.send(TEXT % "over" + ".\r\n")
        got = c.reply()
        expect("taken", got.startswith("250 "), got)
        got = c.command("MAIL FROM:<new@work.example>")
        expect("still the old rules", got.startswith("550 "), got)
        b.arrived(mark)
    with Client(s, "mc-anna") as c:
        c.hello()
        expect("the new ones", c.command("MAIL FROM:<new@work.example>")[:3]
               == "250")
        c.command("RSET")
        expect("no old ones", c.command("MAIL FROM:<old@work.example>")[:3]
               == "550")
    wait_for("one listener and one runner are left", 30, lambda: len(
        s.processes("mc-listener")) == len(s.processes("mc-runner")) == 1)


@case
def bad_reloads(b):
    """a configuration with an error changes nothing, however often"""
    s = b.started()
    pids = sorted(s.processes())
    good = read(s.conf)
    for n, text in enumerate((good + "nonsense\n", "", good.replace(
            "host =", "hots ="), good + "[account x]\nqueue = off\n")):
        with open(s.conf, "w", encoding="utf-8") as f:
            f.write(text)
        s.child.send_signal(signal.SIGHUP)
        wait_for("the complaint", 20, lambda n=n: s.log_text().count(
            "stays as it was") == n + 1)
        served(s)
    expect("the same processes", set(pids[:1]) <= set(s.processes()) and
           len(s.processes("mc-listener")) == 1)


class Load(threading.Thread):
    """Hands in one message after the other; keeps what was answered 250."""

    def __init__(self, s, user):
        super().__init__(daemon=True)
        self.s, self.user = s, user
        self.go = True
        self.sent = 0
        self.taken = []

    def run(self):
        while self.go:
            self.sent += 1
            try:
                with Client(self.s, self.user) as c:
                    c.sock.settimeout(20 * SLOW)
                    c.hello()
                    name = "%s-%d" % (self.user, self.sent)
                    got = c.message("%s@%s" % (self.user, DOMAIN),
                                    ["x@far.example"], TEXT % name)
                    if got.startswith("250 2.0.0 queued"):
                        self.taken.append(name)
            except Exception:   # pylint: disable=broad-except
                time.sleep(0.05)


@case
def kill_under_load(b):
    """kill -9 of any process at any moment: what was taken arrives"""
    seed = int(os.environ.get("MC_SEED") or 20240602)
    rng = random.Random(seed)
    # who is killed between the text and the verdict leaves a copy in doubt,
    # which waits for half an hour otherwise
    s = b.started(limit_messages="0", limit_recipients="0",
                  limit_queue_share="100", unsure_wait="1s",
                  unsure_retries="1000", retry_max="2s")
    b.may_die = True
    mark = len(b.sink.deliveries)
    some = [Load(s, user) for user in ("mc-anna", "mc-ben")]
    for one in some:
        one.start()
    end = time.monotonic() + 15
    kills = {}
    whole = 0
    while time.monotonic() < end:
        time.sleep(rng.random() * 0.3)
        pids = s.processes()
        if whole < 3 and rng.random() < 0.05:
            whole += 1
            os.killpg(s.child.pid, signal.SIGKILL)
            s.child.wait()
            kills["all"] = kills.get("all", 0) + 1
            s.start()
            continue
        pids = [p for p in pids if p != s.child.pid]
        if pids:
            pid = rng.choice(pids)
            name = read("/proc/%d/comm" % pid).strip()
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            kills[name] = kills.get(name, 0) + 1
    for one in some:
        one.go = False
    for one in some:
        one.join(60)
    taken = [name for one in some for name in one.taken]
    note("MC_SEED=%d kills %s; %d taken" % (seed, kills, len(taken)))
    expect("mail was taken", len(taken) > 10, taken)
    wait_for("it serves", 30, s.ready)
    wait_for("all of them", 60, lambda: set(taken) <= set(
        subjects(b, mark)))
    got = subjects(b, mark)
    note("%d arrived, %d of them twice" % (len(set(got)),
                                           len(got) - len(set(got))))
    sessions = s.stop()
    expect("0", sessions == 0)


@case
def never_reads(b):
    """a client that never reads holds up nobody, and is left in the end"""
    s = b.started(limit_idle="2s", limit_junk="1000")
    with Client(s, "mc-anna") as c:
        for _ in range(450):
            c.send("HELP\r\n")
            time.sleep(0.001)
        served(s)
        wait_for("its session has gone", 30,
                 lambda: not s.processes("mc-session"))
    s.wait_refused("mc-anna", "idle")


if __name__ == "__main__":
    sys.exit(main())
