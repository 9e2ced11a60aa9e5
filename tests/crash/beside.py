# SPDX-License-Identifier: MIT
"""The runner that is shipped: two at once, killed ones, many messages, odd
clocks, reports about reports.  Faults are in real.py."""

import os
import random
import shutil
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from nth import FEW_MODES, MODES, check
from real import (ME, OLD, QUICK, SCENARIOS, WORKER_MODES, RealPlace, Settled,
                  fault_env, judge, key, once, report, twice, walk,
                  walk_worker, Expect)
from spool import SANITIZED, Driver, Violation

# a process each, and most of them wait for something
THREADS = 4


# -------------------------------------------------------------- killed runners

def begun(child):
    """The worker has the message, and stands still: its process."""
    for line in child.stdout:
        if line.startswith(b"begun "):
            return int(line.split()[1])
    raise Violation("nothing was begun")


def is_there(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def wait_gone(pid, seconds=5):
    until = time.time() + seconds
    while is_there(pid):
        if time.time() > until:
            return False
        time.sleep(0.01)
    return True


def start(place, *words):
    return place.driver.popen("run", place.dir, place.sink, place.config,
                              "gate=" + place.gate, *words, clock=place.clock)


def killed_and_stuck(driver, where):
    """D17: the runner dies, and its worker with it; another runner sends."""
    place = RealPlace(driver, where)
    place.begin()
    place.put(OLD, "deaf")
    runner = start(place)
    worker = begun(runner)
    # it holds the lock of the message while all live, whoever asks how
    for words in ([], ["id=" + place.ids[OLD]], ["wait=0"]):
        if words:
            other = place.run(*words)
            check(other.code == 0 and not other.acks("begun"),
                  "sent at the same time: %s" % other.lines)
    runner.kill()
    runner.wait()
    check(wait_gone(worker), "the worker lives on without its runner")
    check(not place.taken(), "sent in the end")
    open(place.gate, "w").close()
    other = place.run("gate=" + place.gate)
    check(other.code == 0 and len(place.taken()) == 1,
          "not sent: %s" % other.err)
    judge(place, other, "errno", Expect([(OLD, "deaf")], once(OLD, "deaf"),
                                        {}))


def killed_and_orphan(driver, where):
    """D17, D8: a worker that outlives its runner keeps the message."""
    place = RealPlace(driver, where)
    place.begin()
    place.put(OLD, "orphan")
    place.put("other", "ok")
    runner = start(place)
    worker = begun(runner)
    runner.kill()
    runner.wait()
    try:
        for words in ([], ["id=" + place.ids[OLD]]):
            other = place.run(*words, "gate=" + place.gate)
            check(other.code == 0, "beside an orphan: %s" % other.err)
            check(not other.acks("begun"), "sent at the same time")
        check(sorted(key(l) for l in place.taken()) == sorted(
            once("other", "ok")), "the other did not flow: %s" % place.taken())
        check(is_there(worker), "the orphan is gone")
    finally:
        open(place.gate, "w").close()
    check(wait_gone(worker), "the orphan does not end")
    check(len(place.taken()) == 2, "it did not send")
    # its reply found nobody who writes it down: the one duplicate
    after = Settled(place)
    check(after.sent == {**twice(once(OLD, "orphan")), **once("other", "ok")},
          "sent: %s" % after.sent)
    check(not after.left, "left: %s" % after.left)


DEPTH = 8       # pipeline-depth, unless somebody says otherwise


def killed_at_random(driver, where, times=12, seed=1):
    """Runner or worker killed at any time while it works at twenty."""
    lot = random.Random(seed)
    place = RealPlace(driver, where)
    place.begin()
    names = ["m%d" % i for i in range(20)]
    for name in names:
        place.put(name, "ok-" + name)
    place.remember()
    for _ in range(times):
        place.renew()
        killed = 0
        while killed < 4 and place.names():
            child = driver.popen("run", place.dir, place.sink, place.config)
            time.sleep(lot.uniform(0.002, 0.06))
            child.kill()
            child.wait()
            child.stdout.close()
            child.stdin.close()
            killed += 1
        after = Settled(place)
        # a kill leaves at most those open that are on their way
        spare = killed * DEPTH
        for name in names:
            for k in once(name, "ok-" + name):
                n = after.sent.pop(k, 0)
                check(n >= 1, "%s never came" % name)
                check(n <= 1 + killed, "%s came %d times" % (name, n))
                spare -= n - 1
        check(not after.sent and not after.left, "left over")
        check(spare >= 0, "more duplicates than were on their way")
    return times * 4


# ------------------------------------------------------------------ two runners

def two_runners(one, two, beside):
    """The first stopped before each of its calls, the second beside it.

    Words: of each; beside: the second comes to its end while the first stands
    still, else it waits for it.
    """
    def race(place, n):
        place.renew()
        first = [w.replace("ID", place.ids["one"]) for w in one]
        second = [w.replace("ID", place.ids["one"]) for w in two]
        stopped, *parts = place.driver.start(
            "run", place.dir, place.sink, place.config, *first,
            root=place.root, faults="%d:stop:0" % n, **fault_env("parent"))
        other = None
        if not stopped:
            return False
        if beside:
            other = place.run(*second)
            check(other.code == 0, "the second: %s" % other.err)
            done = place.driver.finish(*parts)
        else:
            other = place.driver.popen("run", place.dir, place.sink,
                                       place.config, *second)
            time.sleep(0.05)
            done = place.driver.finish(*parts)
            check(other.wait(60) == 0, "the second failed")
        check(done.code == 0 or "there is no message" in done.err,
              "the first: %s" % done.err)
        # all is in the sink, but what the second left to the first
        judge(place, done, "errno", RACED.expect)
        return True
    return race


def run_and_put(place, n):
    """What is put beside a run that is about to end is not left lying."""
    place.renew()
    stopped, *parts = place.driver.start(
        "run", place.dir, place.sink, place.config, root=place.root,
        faults="%d:stop:0" % n, **fault_env("parent"))
    ids = dict(place.ids)
    place.put("new", "ok-new")
    other = place.run("wait=0")
    done = place.driver.finish(*parts)
    place.ids = ids
    check(done.code == 0 and other.code == 0, "a run failed: %s" % done.err)
    names = [t[0] for t in place.taken()]
    check(not stopped or names.count("ok-new@y.example") == 1,
          "what was put beside a run came %d times" %
          names.count("ok-new@y.example"))
    return stopped


RACED = SCENARIOS["two messages"]
RACES = {
    "over all, then put and one that does not wait": run_and_put,
    "one by name, then over all": two_runners(["id=ID"], [], True),
    "over all, then one by name": two_runners([], ["id=ID"], True),
    "over all, then one that does not wait": two_runners([], ["wait=0"], True),
    "over all, then the same": two_runners([], [], False),
    "one by name, then the same": two_runners(["id=ID"], ["id=ID"], True),
}


def race(driver, where, name, step=1, first=1):
    place = RealPlace(driver, where)
    RACED.prepare(place)
    n, points = first, 0
    while True:
        try:
            if not RACES[name](place, n):
                return points
        except Violation as v:
            raise Violation("%s; stopped before call %d: %s" % (
                name, n, v)) from None
        finally:
            driver.end_all()
        n += step
        points += 1
        if n > 1000:
            raise Violation("no end of calls")


# --------------------------------------------------------- D8, D13, D14 and D15

def killed_between(driver, where):
    """D8: killed after the server took it, before that is written down."""
    place = RealPlace(driver, where)
    place.begin()
    place.put(OLD, "ok1", "ok2")
    # the first write is the probe's
    done = place.run(root=place.root, only="pwrite", faults="2:kill-before:0",
                     **fault_env("parent"))
    check(done.killed and len(place.taken()) == 2, "not as was meant")
    after = Settled(place)
    check(after.sent == twice(once(OLD, "ok1", "ok2")), "sent: %s" % after.sent)


RSS_MOST = 32 << 10     # KiB


def rss(done):
    return int(done.acks("rss")[-1][0])


def many(driver, where, n=2000):
    """D14: an account that is down and a message that breaks connections do
    not keep the others."""
    place = RealPlace(driver, where)
    place.begin()
    place.put("poison", "drop")
    # more than are looked at in one go, and all of them first
    down = max(300, n // 20)
    place.put("down", "account=dead", "times=%d" % down, "due=-%d" % (n + 9000),
              "ok")
    place.put("many", "times=%d" % n, "due=-%d" % (n + 1000), "ok", size=2000)
    done = place.run()
    check(done.code == 0, "the run: %s" % done.err)
    taken = place.taken()
    check(len(taken) == n and {t[1] for t in taken} == {"many"},
          "%d of %d flowed" % (len(taken), n))
    left = [name for name in place.names() if name.startswith("m-")]
    check(len(left) == 1 + down, "%d are left" % len(left))
    if not SANITIZED:
        check(rss(done) < RSS_MOST, "%d KiB for %d" % (rss(done), n))
    return rss(done)


DAY = 86400
CLOCKS = {"a year ago": -365 * DAY, "six days on": 6 * DAY,
          "1970": 5000 - int(time.time()), "2040": 14 * 365 * DAY}


class Clock:
    def __init__(self, place):
        self.path = place.clock = os.path.join(place.where, "clock")
        self.set(0)

    def set(self, seconds):
        with open(self.path, "r+b" if os.path.exists(self.path)
                  else "wb") as f:
            f.write(struct.pack("=q", seconds))


def wrong_clock(driver, where, seconds):
    """D13: nobody is told of a failure, and nothing waits for ever."""
    place = RealPlace(driver, where)
    clock = Clock(place)
    place.begin()
    place.put("before", "ok")
    place.put("wait", "once")
    for i in range(8):
        place.put("later%d" % i, "later")
    clock.set(seconds)
    place.put("now", "ok2")
    for _ in range(2):
        done = place.run()
        check(done.code == 0, "the run: %s" % done.err)
        place.driver.run("due", place.dir, clock=place.clock)
    check(not [t for t in place.taken() if t[0] == ME],
          "a clock, and somebody was told: %s" % place.taken())
    taken = [key(line)[:2] for line in place.taken()]
    for want in (("ok@y.example", "before"), ("ok2@y.example", "now")):
        check(taken.count(want) == 1, "%s came %d times" % (
            want, taken.count(want)))
    # the clock is right again: who is due so late is due now, unless it is a
    # matter of days
    place.put("again", "once2")
    done = place.run()
    clock.set(0)
    done = place.run()
    check(done.code == 0, "the run: %s" % done.err)
    check(not [t for t in place.taken() if t[0] == ME],
          "a clock, and somebody was told: %s" % place.taken())
    n = len([t for t in place.taken() if t[1] == "again"])
    check(n == (1 if 0 < seconds <= 9 * DAY else 2),
          "what was put off by a wrong clock came %d times" % n)


def clock_steps(driver, where):
    """The clock is set while a run is at work."""
    for seconds in (6 * DAY, -365 * DAY):
        folder = os.path.join(where, str(seconds))
        os.mkdir(folder)
        place = RealPlace(driver, folder)
        clock = Clock(place)
        place.begin()
        place.put(OLD, "stuck")
        for i in range(4):
            place.put("n%d" % i, "ok")
            place.put("later%d" % i, "later")
        child = start(place)
        begun(child)
        clock.set(seconds)
        open(place.gate, "w").close()
        check(child.wait(30) == 0, "the run failed")
        taken = sorted(key(line)[0] for line in place.taken())
        check(taken == ["ok@y.example"] * 4 + ["stuck@y.example"],
              "sent: %s" % taken)


def no_loops(driver, where):
    """D15: no report about a report, and none is large."""
    place = RealPlace(driver, where)
    place.begin()
    place.put("a", "from=bad9@y.example", "bad")
    place.put("b", "from=", "bad")
    place.put("c", "report=1", "bad")
    place.put("d", "bad", size=50 << 20)
    for _ in range(3):
        done = place.run()
        check(done.code == 0, "the run: %s" % done.err)
        place.driver.run("due", place.dir)
    taken = place.taken()
    check([key(t) for t in taken] == list(report("d", "bad")),
          "sent: %s" % taken)
    check(int(taken[0][3]) < 64 << 10, "a report of %s bytes" % taken[0][3])
    if not SANITIZED:
        check(rss(done) < RSS_MOST, "%d KiB for a large one" % rss(done))
    left = [n for n in place.names() if n.startswith("m-")]
    # four, and the report to nobody
    check(len(left) == 5, "left: %s" % left)


# ------------------------------------------------------------------ power losses

def order(driver, where):
    """What has to be on stable storage before what: from a log of calls."""
    scenario = SCENARIOS["one fails"]
    place = RealPlace(driver, where)
    scenario.prepare(place)
    done = place.run(root=place.root, log=place.log, **fault_env("parent"))
    check(done.code == 0, "the run: %s" % done.err)
    with open(place.log) as f:
        calls = [line.split() for line in f]
    notes = None        # inode
    dirty, renamed, seen, last = set(), None, "", None
    for call in calls:
        if call[0] == "create" and call[2].startswith("l-"):
            notes = call[3]
            dirty.add("name of notes")
        elif call[0] == "write" and call[1] == notes:
            dirty.add("notes")
        elif call[0] == "write" and len(call[3]) == 2:
            cell = bytes.fromhex(call[3]).decode()
            check(cell == "P" or last in (None, cell),
                  "%s, and %s is not yet safe" % (cell, last))
            check(cell != "F" or not dirty, "F before its reason is safe: %s" %
                  dirty)
            check(cell != "B" or renamed == "safe",
                  "B before its report is safe")
            seen += cell
            last = cell if cell != "P" else None
        elif call[0] == "rename":
            renamed = "there"
        elif call[0] == "fdatasync" and call[1] == notes:
            dirty.discard("notes")
        elif call[0] == "fdatasync":
            last = None
        elif call[0] == "fsync":
            dirty.discard("name of notes")
            renamed = renamed and "safe"
    check([c for c in seen if c != "P"] == ["D", "D", "F", "B", "D"],
          "cells in this order: %s" % seen)


def busy_for_a_while(driver, where):
    """Each of those that another has is waited for, not only the first.

    Which of them a mistake forgets is a matter of milliseconds, so that its
    mutant is not among those that are always tried.
    """
    for ms in (150, 250, 300, 350, 450):
        folder = os.path.join(where, str(ms))
        os.mkdir(folder)
        place = RealPlace(driver, folder)
        place.begin()
        place.put("many", "times=400", "due=-900", "ok")
        other = driver.popen("claim", place.dir, ms)
        check(other.stdout.readline() == b"claimed\n", "cannot even claim")
        # one that is at its end looks at all once more, whatever it forgot
        child = start(place, "watch=1")
        until = time.time() + 10
        while len(place.taken()) < 400 and time.time() < until:
            time.sleep(0.02)
        child.terminate()
        check(child.wait(30) == 0, "the run failed")
        check(len(place.taken()) == 400,
              "%d of 400 were sent" % len(place.taken()))


def lets_go(driver, where):
    """A worker that is at the next message has no lock on the last one."""
    place = RealPlace(driver, where)
    place.begin()
    place.put("one", "later")
    place.put("two", "stuck")
    child = start(place)
    begun(child)
    other = place.run("id=" + place.ids["one"])
    check(other.code == 0 and len(other.acks("event")) == 1,
          "the message is still locked")
    open(place.gate, "w").close()
    check(child.wait(30) == 0, "the run failed")


# ------------------------------------------------------------------------- all

def jobs(full):
    """(what it is called, what does it and says how many points, most of the
    time it needs first)"""
    def add(name, go, *args):
        todo.append((name, lambda d, w: go(d, w, *args)))

    todo = []
    names = SCENARIOS if full else QUICK
    if SANITIZED and not full:
        add("faults: one fails", walk, "one fails", FEW_MODES[:1])
        add("worker: one fails", walk_worker, "one fails", WORKER_MODES[2:3])
        return todo
    for name in RACES:
        add("two runners: " + name, race, name, 1 if full else 7)
    for name in names:
        add("faults: " + name, walk, name, MODES if full and
            name != "no network" else QUICK[name])
        # the end of a worker is an attempt, which "no network" has none of
        if name != "no network" and (full or name == "deliver and record"):
            add("worker: " + name, walk_worker, name)
    add("killed, its worker too", killed_and_stuck)
    add("killed, its worker goes on", killed_and_orphan)
    add("order of what is made safe", order)
    add("locks are let go", lets_go)
    add("busy for a while", busy_for_a_while)
    add("killed between reply and record", killed_between)
    add("killed at random", killed_at_random, 60 if full else 6)
    add("many, one account down, one poisonous", many,
        10000 if full else 2000)
    for name, seconds in CLOCKS.items():
        add("clock: " + name, wrong_clock, seconds)
    add("clock: set during a run", clock_steps)
    add("no loops, no large reports", no_loops)
    return todo


def all_real(driver, where, tap, full):
    todo = jobs(full)
    total = 0

    def one(number):
        folder = os.path.join(where, "real-%d" % number)
        os.mkdir(folder)
        own = Driver(driver.tools, driver.tools.runner)
        try:
            return todo[number][1](own, folder)
        finally:
            own.end_all()
            driver.runs += own.runs
            shutil.rmtree(folder, ignore_errors=True)

    with ThreadPoolExecutor(THREADS) as pool:
        runs = [pool.submit(one, n) for n in range(len(todo))]
        for (name, _), run in zip(todo, runs):
            try:
                n = run.result()
            except Violation as v:
                tap.result(False, "runner: " + name, str(v))
                continue
            if name.startswith(("faults", "worker", "two")):
                total += n
                name += ", %d points" % n
            elif name.startswith("many"):
                name += ", %d KiB" % n
            tap.result(True, "runner: " + name)
    return total
