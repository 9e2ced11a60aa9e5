# SPDX-License-Identifier: MIT
"""The N-th call fails, is cut short, or is the last.

Every scenario is run again and again, the fault one call later each time,
until a run ends unhit.  After each the spool is recovered, judged, and
emptied by a runner that nothing disturbs.
"""

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from spool import (SANITIZED, Message, Violation, copy_tree, parse_recover,
                   read_sink)

# mode, errno, and which calls count (None: all)
MODES = (
    ("errno", errno.EIO, None),
    ("errno", errno.ENOSPC, None),
    ("errno", errno.EINTR, None),
    ("errno", errno.ENOMEM, None),
    ("errno-on", errno.EIO, None),
    ("errno-on", errno.ENOSPC, None),
    ("errno-on", errno.EROFS, "write,pwrite,open,ftruncate,rename,unlink"),
    ("errno-on", errno.EIO, "fsync,fdatasync"),
    ("errno-on", errno.EDQUOT, "write,pwrite"),
    ("half", errno.ENOSPC, None),
    ("half-on", errno.ENOSPC, None),
    ("half-kill", 0, None),
    ("kill-before", 0, None),
    ("kill-after", 0, None),
)
QUICK_MODES = tuple(m for m in MODES if m[:2] not in (
    ("errno", errno.ENOMEM), ("errno-on", errno.EROFS),
    ("errno-on", errno.ENOSPC)))
FEW_MODES = tuple(m for m in MODES if m in (
    ("errno", errno.EIO, None), ("errno-on", errno.EIO, None),
    ("half-kill", 0, None), ("kill-after", 0, None)))
OLD = "old"
NEW = "new"
# the first message's report sorts behind it, the second's before it, so that
# a runner comes to them in that order
IDS = ("b" * 26, "z" * 26, "m" * 26)
NOW = 3000      # as in driver.c
KEEP = 2000
LATER = NOW + KEEP + 1


class Place:
    """A scratch root with a spool, remembered so that it can be had anew."""

    def __init__(self, driver, where):
        self.driver = driver
        self.where = where
        self.root = os.path.join(where, "root")
        self.start = os.path.join(where, "start")
        self.dir = os.path.join(self.root, "a", "spool")
        self.sink = os.path.join(where, "sink")
        self.log = os.path.join(where, "log")
        self.ids = {}

    def prepare(self, *marks, size=500):
        shutil.rmtree(self.root, ignore_errors=True)
        os.makedirs(self.root)
        self.ids = {}
        for mark, id in zip(marks, IDS):
            done = self.driver.run("put", self.dir, mark, size, id)
            if done.code != 0:
                raise Violation("cannot even begin: " + done.err)
            self.ids[mark] = id
        self.remember()

    def then(self, *command):
        """Before what is looked at, do this too."""
        done = self.driver.run(*command)
        if done.code != 0:
            raise Violation("cannot even %s: %s" % (command[0], done.err))
        self.remember()

    def remember(self):
        copy_tree(self.root, self.start)

    def renew(self):
        # mtimes matter to nobody here, and copytree keeps them
        copy_tree(self.start, self.root)
        if os.path.exists(self.sink):
            os.unlink(self.sink)

    def q(self, name=""):
        return os.path.join(self.dir, "q", name)

    def names(self):
        return sorted(os.listdir(self.q())) if os.path.isdir(self.q()) else []


def check(true, text):
    if not true:
        raise Violation(text)


class After:
    """The spool recovered, and what a runner then sent."""

    def __init__(self, place):
        before = place.names()
        done = place.driver.run("settle", place.dir, place.sink)
        self.state = parse_recover(done)[place.dir]
        check(not self.state.wrong, "recovery says: %s" % self.state.wrong)
        check(self.state.bad is not None, "recovery could not look at all")
        check(not [t for t in self.state.told if "never finished" in t],
              "opening it left what was never finished")
        check(not place.names(), "not empty at the end: %s, from %s\n%s" % (
            place.names(), before, done.err))
        # what had failed for somebody was there to be seen until its time
        self.kept = {words[0]: Message(words[1:])
                     for words in done.acks("settled")}
        for id, m in self.kept.items():
            check(m.failed and NOW + KEEP <= m.next <= LATER + KEEP,
                  "%s is left, and not as failed" % id)
        self.sent = {}
        for id, to, mark, whole in read_sink(place.sink):
            check(whole == "whole", "sent altered: %s %s" % (id, mark))
            self.sent[mark, to] = self.sent.get((mark, to), 0) + 1

    def drained(self, must, may=(), twice=(), reports=1):
        """Each recipient of `must` has it once, of `may` at most once."""
        known = set()
        for mark, id in list(must) + list(may):
            m = self.kept.get(id)
            check(m is not None or (mark, id) in may,
                  "%s failed for one, and is not kept" % mark)
            check(m is None or (m.cells == "DDB" and m.notes >= 1),
                  "%s is kept with %s" % (mark, m and m.cells))
            for to in ("good1@x.example", "good2@x.example"):
                n = self.sent.get((mark, to), 0)
                known.add((mark, to))
                check(n >= 1 or (mark, id) in may,
                      "%s never got %s" % (to, mark))
                check(n <= (2 if (id, to) in twice else 1),
                      "%s got %s %d times" % (to, mark, n))
            key = ("report-" + id, "me@x.example")
            known.add(key)
            n = self.sent.get(key, 0)
            check(n >= 1 or (mark, id) in may, "no report about %s" % mark)
            check(n <= reports, "%d reports about %s" % (n, mark))
        for key in self.sent:
            check(key in known, "who sent %s?" % (key,))
        for id in self.kept:
            check(id in [i for _, i in list(must) + list(may)],
                  "%s is kept, and who is that?" % id)

    def was_failed(self, place, there, reports):
        """A message that had failed already, and is kept again, or gone."""
        id = place.ids[OLD]
        check((id in self.kept) == there, "kept: %s" % list(self.kept))
        check(not there or self.kept[id].cells == "DDB",
              "kept with %s" % (there and self.kept[id].cells))
        n = self.sent.pop(("report-" + id, "me@x.example"), 0)
        check(not self.sent, "sent once more: %s" % self.sent)
        check(n in reports, "%d more reports" % n)


# --------------------------------------------------------------------- putting

def judge_put(place, done, mode, only, fixed=None):
    if done.acks("refused") and mode in ("errno", "half") and \
            done.hit != "unlink":
        left = [n for n in place.names() if n.startswith("t-")]
        check(not left, "refused, and left behind: %s" % left)
    after = After(place)
    state = after.state
    check(state.bad == 0, "damaged messages: %s" % state.told)
    for mark, id in place.ids.items():
        m = state.messages.get(id)
        check(m and m.cells == "PPP" and m.mark == mark,
              "%s is gone" % mark)
    new = state.by_mark(NEW)
    acked = done.acks("queued")
    refused = done.acks("refused")
    check(len(new) <= 1, "queued twice: %s" % new)
    check(not (acked and refused), "both taken and not")
    if not done.killed:
        check(bool(acked) != bool(refused), "neither yes nor no")
        check((done.code == 0) == bool(acked), "the status says otherwise")
    if acked:
        check(new == [acked[0][0]], "acknowledged and lost")
        check(fixed is None or new == [fixed], "another identifier")
    # P2: only where taking it back failed too
    if refused and mode in ("errno", "half"):
        check(not new, "refused and queued")
    if refused and new:
        check("log: " in done.err and new[0] in done.err,
              "refused, queued, and nobody is told")
    may = [] if acked else [(NEW, id) for id in new]
    must = list(place.ids.items()) + [(NEW, id[0]) for id in acked]
    after.drained(must, may)


def scenario_put(size, *marks):
    def prepare(place):
        place.prepare(*marks)

    def command(place):
        return ("put", place.dir, NEW, size)

    return prepare, command, judge_put, {}


def scenario_fixed(again):
    fixed = "abcdefghijklmnopqrstuvwxyz"

    def prepare(place):
        place.prepare(OLD)
        if again:
            done = place.driver.run("put", place.dir, "first", 20, fixed)
            check(done.code == 0, "put with an identifier: %s" % done.err)
            place.ids["first"] = fixed
            place.remember()

    def command(place):
        return ("put", place.dir, NEW, 300, fixed)

    def judge(place, done, mode, only):
        if again:
            check(not done.acks("queued"), "took the place of another")
        judge_put(place, done, mode, only, fixed)

    return prepare, command, judge, {}


# --------------------------------------------------------------------- running

def judge_run(place, done, mode, only):
    """done: of the process that was disturbed."""
    after = After(place)
    state = after.state
    check(state.bad == 0, "damaged messages: %s" % state.told)
    sent = {(id, int(i)) for id, i in done.acks("sent")}
    cells = {}
    for id, i, cell in done.acks("cell"):
        cells[id, int(i)] = cell
    noted = {(id, int(i)) for id, i in done.acks("noted")}
    for (id, i), cell in cells.items():
        m = state.messages.get(id)
        ok = {"D": "D", "F": "FB", "B": "B"}[cell]
        check(m is None or m.cells[i] in ok,
              "recorded %s, but there stands %s" % (cell, m and m.cells))
    for id, i in noted:
        m = state.messages.get(id)
        check(m is None or m.cells[i] not in "FB" or m.notes >= 1,
              "failed, and the reason is lost")
    for mark, id in place.ids.items():
        m = state.messages.get(id)
        check(m is not None, "%s vanished" % mark)
        for i in (0, 1):
            check(m.cells[i] != "D" or (id, i) in sent,
                  "recorded before it was sent")
        check(not m.failed or m.cells == "DDB", "failed with %s" % m.cells)
        if mode == "errno" or mode == "half":
            check([id] not in done.acks("kept") or m.failed,
                  "said to be kept, and is not")
    # everything that writes fails from the start: nothing may be sent
    if only is not None and done.first and mode == "errno-on" \
            and not only.startswith("write,pwrite,open"):
        check(not sent, "sent what could not be recorded")
    # P5: sent and not recorded, because of the fault
    names = {0: "good1@x.example", 1: "good2@x.example"}
    twice = {(id, names.get(i)) for id, i in sent if (id, i) not in cells}
    check(len(twice) <= 1, "went on sending without a record: %s" % twice)
    if mode in ("errno", "half"):
        check(not twice, "one fault, and a duplicate")
    reports = 1 if mode in ("errno", "half") else 2
    after.drained(place.ids.items(), (), twice, reports)


def scenario_run(*marks):
    def prepare(place):
        place.prepare(*marks)

    def command(place):
        return ("run", place.dir, place.sink)

    return prepare, command, judge_run, {}


# ------------------------------------------------------------ holding, removing

def scenario_each(verb):
    def prepare(place):
        place.prepare(OLD)
        if verb == "release":
            place.then("hold", place.dir)

    def command(place):
        return (verb, place.dir)

    def judge(place, done, mode, only):
        after = After(place)
        state = after.state
        check(state.bad == 0, "damaged messages: %s" % state.told)
        id = place.ids[OLD]
        m = state.messages.get(id)
        if verb == "drop":
            check(not done.acks("drop") or m is None, "removed, and there")
            after.drained([(OLD, id)] if m else [])
            return
        check(m is not None, "gone")
        if done.acks(verb):
            check(m.held == (verb == "hold"), "said %s, and is not" % verb)
        after.drained([(OLD, id)])

    return prepare, command, judge, {}


def scenario_failed(verb):
    """Put back, removed, or its time is over."""
    def prepare(place):
        place.prepare(OLD)
        place.then("run", place.dir, place.sink)

    def command(place):
        return (("run", place.dir, place.sink, LATER) if verb == "expired"
                else (verb, place.dir))

    def judge(place, done, mode, only):
        after = After(place)
        state = after.state
        check(state.bad == 0, "damaged messages: %s" % state.told)
        m = state.messages.get(place.ids[OLD])
        did = bool(done.acks(verb))
        if verb == "revive":
            check(m is not None, "gone")
            check(m.cells == "DDP" if did else m.cells in ("DDB", "DDP"),
                  "put back as %s" % m.cells)
            check(m.cells == "DDB" or not m.failed, "pending, and failed")
            after.was_failed(place, True, (1,) if m.cells == "DDP" else (0,))
        else:
            check(not did or m is None, "removed, and there")
            check(m is None or m.cells == "DDB", "%s now" % (m and m.cells))
            after.was_failed(place, m is not None, (0,))

    return prepare, command, judge, {}


def scenario_check():
    """Recovery itself is disturbed: old leftovers, a done one, a damaged."""
    def prepare(place):
        place.prepare(OLD, "done", "hurt")
        with open(place.q("m-" + place.ids["done"]), "r+b") as f:
            f.seek(64)
            f.write(b"DDD")
        # what a crash left of one that was put back
        os.chmod(place.q("m-" + place.ids[OLD]), 0o700)
        with open(place.q("m-" + place.ids["hurt"]), "r+b") as f:
            f.seek(-100, 2)
            f.write(b"!")
        with open(place.q("t-" + "a" * 26), "wb") as f:
            f.write(b"MCQ")
        with open(place.q("l-" + "b" * 26), "wb") as f:
            f.write(b"x")
        place.remember()

    def command(place):
        return ("recover", place.dir)

    def judge(place, done, mode, only):
        after = After(place)
        state = after.state
        check(state.bad == 1, "a damaged message was lost, or another one is")
        check(place.ids["done"] not in state.messages, "done, and there")
        check(not state.messages[place.ids[OLD]].failed, "pending, and failed")
        after.drained([(OLD, place.ids[OLD])])

    return prepare, command, judge, {}


SCENARIOS = {
    "put": scenario_put(500, OLD),
    "put, first of all": scenario_put(500),
    "put, 200 KB": scenario_put(200000, OLD),
    "put with an identifier": scenario_fixed(False),
    "put with one that is taken": scenario_fixed(True),
    "put without renameat2": scenario_put(500, OLD)[:3] + (
        {"extra": {"MC_SHIM_NO_RENAMEAT2": "1"}},),
    "run": scenario_run(OLD),
    "run, two messages": scenario_run("one", "two"),
    "hold": scenario_each("hold"),
    "release": scenario_each("release"),
    "drop": scenario_each("drop"),
    "failed, put back": scenario_failed("revive"),
    "failed, removed": scenario_failed("drop"),
    "failed, its time is over": scenario_failed("expired"),
    "check": scenario_check(),
}
QUICK_SKIP = ("run, two messages",)
QUICK_ALL = ("put", "run", "drop", "failed, put back")
QUICK_FEW = ("put, first of all", "hold", "release", "check",
             "put with an identifier", "failed, removed",
             "failed, its time is over")
# with sanitizers a process takes five times as long, and what they look for
# is on the ways out of a fault
MEMORY_MODES = tuple(m for m in MODES if m in (
    ("errno", errno.EIO, None), ("errno-on", errno.ENOSPC, None)))
MEMORY = ("put", "put with one that is taken", "run", "drop",
          "failed, put back", "check")


def walk(driver, where, name, modes=MODES, most=400):
    """One scenario in every mode; returns how many faults there were."""
    prepare, command, judge, more = SCENARIOS[name]
    place = Place(driver, where)
    prepare(place)
    points = 0
    for mode, sys, only in modes:
        n = 0
        while True:
            n += 1
            if n > most:
                raise Violation("no end of calls")
            place.renew()
            done = driver.run(*command(place), root=place.root, only=only,
                              faults="%d:%s:%d" % (n, mode, sys), **more)
            done.first = n == 1
            try:
                judge(place, done, mode if done.hit else "errno", only)
            except Violation as v:
                raise Violation("%s; call %d (%s), %s %d%s: %s\n%s\n%s" % (
                    name, n, done.hit, mode, sys,
                    " of " + only if only else "", v,
                    "\n".join(done.lines), done.err)) from None
            if done.hit is None:
                check(done.code == 0 or name.endswith("taken"),
                      "%s undisturbed: %s" % (name, done.err))
                break
            points += 1
    return points


def choose(name, full):
    """The modes for a scenario; none: not at all."""
    if full:
        return MODES
    if SANITIZED:
        return MEMORY_MODES if name in MEMORY else ()
    if name in QUICK_SKIP:
        return ()
    return MODES if name in QUICK_ALL else FEW_MODES if name in QUICK_FEW \
        else QUICK_MODES


def all_walks(driver, where, tap, full):
    names = [n for n in SCENARIOS if choose(n, full)]
    total = 0

    def one(number):
        folder = os.path.join(where, "nth-%d" % number)
        os.mkdir(folder)
        return walk(driver, folder, names[number], choose(names[number], full))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(one, n) for n in range(len(names))]
        for name, run in zip(names, runs):
            try:
                points = run.result()
            except Violation as v:
                tap.result(False, "faults: " + name, str(v))
                continue
            total += points
            tap.result(True, "faults: %s, %d fault points" % (name, points))
    return total
