#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The service with a thousand connections, and with who collects addresses:
serve_load.py [PATTERN]...

See serving.py for how these tests are run.
"""
import math
import os
import re
import select
import signal
import socket
import statistics
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import SLOW, wait_for                  # noqa: E402
from service import DOMAIN, USERS, Client, become   # noqa: E402
from serving import case, expect, main, note, served  # noqa: E402

COUNT = 1000


def flood(s, user, count, again):
    """A process of that user with so many connections, each of which sends a
    byte a second and reads nothing; with again, those that were ended come
    anew after ten seconds."""
    end, told = os.pipe()
    pid = os.fork()
    if pid:
        os.close(told)
        return pid, end
    try:
        os.close(end)
        become(USERS[user])()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        hold(s.path, count, again, told)
    finally:
        os._exit(0)


def one(path):
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(30)
    c.connect(path)
    c.setblocking(False)
    return c


def hold(path, count, again, told):
    text = b"NOOP " + b"x" * 900
    conns = [one(path) for _ in range(count)]
    gone = []
    os.write(told, b"x")
    beat = 0
    while True:
        begun = time.monotonic()
        # spread over the second
        for number, c in enumerate(conns):
            if number % 100 == 0:
                time.sleep(0.1 * 1000 / count)
            try:
                c.send(text[beat % 900:beat % 900 + 1])
            except BlockingIOError:
                pass
            except OSError:
                c.close()
                gone.append((begun + 10, number))
        if again:
            for at, number in gone[:]:
                if at < begun:
                    gone.remove((at, number))
                    conns[number] = one(path)
        beat += 1
        left = 1 - (time.monotonic() - begun)
        if left > 0:
            time.sleep(left)


def stop_flood(pid, end):
    os.close(end)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def median(s, n=30):
    return statistics.median(served(s) for _ in range(n))


def compare(b, s, again, sessions):
    served(s)
    before = median(s)
    pid, end = flood(s, "mc-anna", COUNT, again)
    try:
        ready, _, _ = select.select([end], [], [], 60 * SLOW)
        expect("all connections are made", ready)
        wait_for("%d sessions of them" % sessions, 20, lambda: len(
            s.processes("mc-session")) == sessions)
        during = median(s)
        expect("they are still there", len(s.processes("mc-session")) >=
               sessions)
    finally:
        stop_flood(pid, end)
    note("hand-over, median of 30: %.1f ms alone, %.1f ms with %d "
         "connections of another user (%d sessions)" % (
             before * 1000, during * 1000, COUNT, sessions))
    # and 5 ms, as a file system and two processors have moods of their own
    expect("at most twice as long", during <= 2 * before + 0.005 * SLOW,
           (before, during))
    wait_for("they are gone", 60, lambda: not s.processes("mc-session"))
    del b


@case
def thousand(b):
    """1,000 slow connections of one user: others take at most twice as long"""
    s = b.started(limit_messages="0", limit_recipients="0",
                  limit_queue_share="100")
    compare(b, s, True, 8)
    expect("told of", s.refused("mc-anna", "user-sessions"))


@case
def thousand_sessions(b):
    """the same when each of them may have a session"""
    s = b.started(limit_messages="0", limit_recipients="0",
                  limit_queue_share="100", limit_sessions="1100",
                  limit_sessions_user="1000", limit_idle_busy="300s")
    compare(b, s, False, COUNT)


# ------------------------------------------------------------------- harvesting

def rcpts(c, names):
    """Seconds for each, and the reply to all of them."""
    times, seen = [], set()
    for name in names:
        begun = time.perf_counter()
        seen.add(c.command("RCPT TO:<%s>" % name))
        times.append(time.perf_counter() - begun)
    return times, seen


@case
def harvest(b):
    """1,000 recipients that exist or do not: the same answer in the same time"""
    s = b.started(limit_recipients="0", limit_messages="0")
    real = ["mc-anna", "mc-ben", "mc-cleo", "root", "postmaster",
            "mc-serve@" + DOMAIN]
    made_up = ["mc-anma", "mc-bem", "mc-cloe", "rooo", "postnaster",
               "mc-sreve@" + DOMAIN]
    found = {True: [], False: []}
    seen = set()
    with Client(s, "mc-ben") as c:
        c.hello()
        c.command("MAIL FROM:<mc-ben@%s>" % DOMAIN)
        for n in range(COUNT // 2):
            for yes in (True, False) if n % 2 else (False, True):
                name = (real if yes else made_up)[n % 6]
                if "@" not in name:
                    name += "@" + ("%s" if n % 3 else "x.%s") % DOMAIN
                times, got = rcpts(c, [name])
                found[yes] += times
                seen |= got
        expect("byte for byte the same", len(seen) == 1 and
               next(iter(seen)).startswith("250 2.1.5 "), seen)
    a, z = (statistics.median(found[yes]) for yes in (True, False))
    # what the medians of two halves of the same differ by, chance being chance
    spread = statistics.pstdev(sorted(found[True])[50:-50])
    noise = 6 * spread / math.sqrt(len(found[True])) + 5e-6
    note("median %.1f and %.1f us, noise %.1f us" % (a * 1e6, z * 1e6,
                                                     noise * 1e6))
    expect("no difference beyond noise", abs(a - z) < noise + 0.2 * min(a, z),
           (a, z, noise))


@case
def harvest_slows_down(b):
    """who asks for thousands of addresses without a message gets slower"""
    s = b.started(limit_recipients="0", limit_messages="0", limit_junk="20")
    with Client(s, "mc-ben") as c:
        c.hello()
        times = []
        got = ""
        for _ in range(4):
            begun = time.monotonic()
            c.command("MAIL FROM:<mc-ben@%s>" % DOMAIN)
            _, seen = rcpts(c, ["x%d@far.example" % n for n in range(500)])
            expect("the same answer", len(seen) == 1, seen)
            got = c.command("RSET")
            c.send("NOOP\r\n")
            c.reply()
            times.append(time.monotonic() - begun)
            if got[:3] == "421":
                break
        expect("421 in the end, or slow", got.startswith("421 4.7.0 ") or
               times[-1] > times[0] + 0.9, (got, times))
    wait_for("no session", 20, lambda: not s.processes("mc-session"))
    begun = time.monotonic()
    with Client(s, "mc-ben") as c:
        c.reply()
    late = time.monotonic() - begun
    with Client(s, "mc-anna") as c:
        begun = time.monotonic()
        c.reply()
        other = time.monotonic() - begun
    note("greeting after it: %.1f s, another user's %.3f s" % (late, other))
    expect("the next greeting is late, for that user", late > 0.3 and
           other < late, (late, other))
    expect("told of", not re.search(r"far\.example.*refused", s.log_text()))


if __name__ == "__main__":
    sys.exit(main())
