# SPDX-License-Identifier: MIT
"""The runner that is shipped, and its workers, under faults.

What a server took is a line of the sink, which a worker writes before it
tells the runner; so the sink knows of every copy.
"""

import errno
import os
import random
import shutil
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from nth import FEW_MODES, MODES, Place, check
from spool import SANITIZED, Driver, Violation, parse_recover

ME = "me@x.example"
OLD = "old"
# a fault that lasts goes on for so long before the runner is told to end
LASTS_MS = 120
CONFIG = """[account work]
host = mail.example
from = me@x.example
connections = 1
unsure-retries = 1
queue-lifetime = 1000
%s
[account dead]
host = dead.example
from = me@x.example
[account net]
host = far.example
from = me@x.example
queue-lifetime = 1000
"""


class RealPlace(Place):
    """A spool with messages of given names, and a configuration."""

    def __init__(self, driver, where, more=""):
        Place.__init__(self, driver, where)
        self.config = os.path.join(where, "config")
        self.clock = None
        self.gate = os.path.join(where, "gate")
        with open(self.config, "w") as f:
            f.write(CONFIG % more)

    def begin(self):
        os.makedirs(self.root, exist_ok=True)
        self.ids = {}

    def put(self, mark, *words, size=300):
        """Words with = are settings, the others recipients."""
        more = () if "times=" in " ".join(words) else (
            "id=" + chr(ord("b") + len(self.ids)) * 26,
            "due=%d" % (len(self.ids) - 900))
        done = self.driver.run("put", self.dir, mark, size, *more, *words,
                               clock=self.clock)
        if done.code != 0:
            raise Violation("cannot even begin: " + done.err)
        self.ids[mark] = done.acks("queued")[0][0]

    def run(self, *words, **fault):
        return self.driver.run("run", self.dir, self.sink, self.config,
                               *words, clock=self.clock, **fault)

    def taken(self):
        """What the server has, a line each: (to, mark, whole, size, action,
        about)."""
        if not os.path.exists(self.sink):
            return []
        with open(self.sink) as f:
            return [tuple(line.split()) for line in f]


def key(line):
    """What nobody should get twice."""
    to, mark, _, _, action, about = line
    return to, mark, action, about


class Settled:
    """The spool recovered by the code that is shipped, then run until empty."""

    def __init__(self, place, rounds=8):
        self.place = place
        self.before = [key(line) for line in place.taken()]
        done = place.driver.run("settle", place.dir, place.sink, place.config,
                                "rounds=%d" % rounds,
                                "gate=" + place.gate)
        self.state = parse_recover(done)[place.dir]
        check(not self.state.wrong, "recovery says: %s" % self.state.wrong)
        check(self.state.bad == 0, "damaged: %s" % self.state.told)
        check(not [n for n in place.names() if n.startswith("t-")],
              "left what was never finished")
        self.left = {words[0]: words[1] for words in done.acks("settled")}
        self.sent = {}
        for line in place.taken():
            check(line[2] == "whole", "sent altered: %s" % (line,))
            self.sent[key(line)] = self.sent.get(key(line), 0) + 1

    def cell(self, mark, i):
        """As it was recovered; None: the message is gone."""
        m = self.state.messages.get(self.place.ids.get(mark))
        return None if m is None else m.cells[i]

    def may_repeat(self, k, expect, report_first):
        """Taken, and not yet recorded as that.

        report_first: the report may go before the message that it is about
        comes to its turn, which makes a second one then.
        """
        to, mark, _, about = k
        if k not in self.before and not (report_first and to == ME):
            return False
        if to != ME:
            return self.cell(mark, expect.names[mark].index(
                to.split("@")[0])) in ("P", "U")
        # the report itself, or what it is about
        reports = [m.cells for m in self.state.messages.values()
                   if m.mark == mark]
        of = mark.split(":")[1]
        return "P" in reports or self.cell(of, expect.names[of].index(
            about.split(",")[0])) in ("F", "P", "U")


class Expect:
    """What has to come of a scenario in the end."""

    def __init__(self, messages, sent, left, rounds=8):
        self.names = {mark: [w for w in words.split() if "=" not in w]
                      for mark, words in messages}
        self.sent = sent        # key -> how often, undisturbed
        self.left = left        # mark -> cells
        self.rounds = rounds
        # message and report are due in the same second
        self.same_second = False
        # recipients that the server has taken and nobody has recorded
        self.most_open = 100


def judge(place, done, mode, expect, extra=0):
    """done: of the run that was disturbed."""
    after = Settled(place, expect.rounds)
    lasting = done.killed or mode.endswith("-on")
    for k, n in expect.sent.items():
        got = after.sent.pop(k, 0)
        # nobody is promised these
        if k[2] in ("relayed", "delayed") and done.hit:
            check(got <= 2, "%s came %d times" % (k, got))
            continue
        check(got >= n, "%s came %d times" % (k, got))
        # the note that counts what is unsure may be lost
        more = extra
        if lasting and after.may_repeat(k, expect, not done.killed or
                                        expect.same_second):
            more += 1
        check(got <= n + more, "%s came %d times, recorded as %s" % (
            k, got, after.cell(k[1], 0)))
    check(not after.sent, "who sent %s?" % after.sent)
    for mark, id in place.ids.items():
        cells = after.left.pop(id, None)
        check(cells == expect.left.get(mark), "%s is left with %s" % (
            mark, cells))
    check(not after.left, "left over: %s" % after.left)
    open_now = [k for k in after.before if k[0] != ME and after.cell(
        k[1], expect.names[k[1]].index(k[0].split("@")[0])) == "P"]
    check(len(open_now) <= expect.most_open,
          "sent on without a record: %s" % open_now)
    for id, to, verdict in done.acks("event"):
        m = after.state.messages.get(id)
        marks = [mark for mark, i in place.ids.items() if i == id]
        if m is None or not marks or verdict not in "DF":
            continue
        i = expect.names[marks[0]].index(to.split("@")[0])
        check(m.cells[i] in {"D": "D", "F": "FB"}[verdict],
              "told %s of %s, and there stands %s" % (verdict, to, m.cells))
    return after


def once(mark, *names):
    return {(name + "@y.example", mark, "-", "-"): 1 for name in names}


def report(mark, *names, action="failed"):
    return {(ME, "report:" + mark, action, ",".join(names)): 1}


class Scenario:
    def __init__(self, messages, verbs, sent, left, more="", rounds=8,
                 extra=0):
        self.messages = messages
        self.verbs = verbs
        self.expect = Expect(messages, sent, left, rounds)
        self.more = more
        self.extra = extra

    def prepare(self, place):
        place.begin()
        for mark, words in self.messages:
            place.put(mark, *words.split())
        for verb in self.verbs:
            done = place.driver.run(verb, place.dir)
            check(done.code == 0, "cannot even %s: %s" % (verb, done.err))
        place.remember()


def twice(sent):
    return {k: 2 for k in sent}


# name: messages (mark, recipients and settings), what is done to them before,
# what has to be sent, what is left in the end
SCENARIOS = {
    "deliver and record": Scenario(
        [(OLD, "ok1 ok2")], [], once(OLD, "ok1", "ok2"), {}),
    "one fails": Scenario(
        [(OLD, "ok1 bad ok2")], [],
        {**once(OLD, "ok1", "ok2"), **report(OLD, "bad")}, {OLD: "DBD"}),
    "two messages": Scenario(
        [("one", "ok1 bad"), ("two", "ok2 bad2")], [],
        {**once("one", "ok1"), **once("two", "ok2"), **report("one", "bad"),
         **report("two", "bad2")}, {"one": "DB", "two": "DB"}),
    "report not yet made": Scenario(
        [(OLD, "bad ok")], ["fail"],
        {**once(OLD, "ok"), **report(OLD, "bad")}, {OLD: "BD"}),
    "nobody to report to": Scenario(
        [(OLD, "from= bad ok")], [], once(OLD, "ok"), {OLD: "BD"}),
    "unsure, then taken": Scenario(
        [(OLD, "once")], [], twice(once(OLD, "once")), {}, extra=1),
    "unsure for ever": Scenario(
        [(OLD, "unsure")], [],
        {**twice(once(OLD, "unsure")), **report(OLD, "unsure")}, {OLD: "B"},
        extra=1),
    "deferred": Scenario(
        [(OLD, "ok later")], [], once(OLD, "ok"), {OLD: "DP"}, rounds=2),
    "too old": Scenario(
        [(OLD, "later age=6000")], ["old"], report(OLD, "later"),
        {OLD: "B"}),
    "told of success": Scenario(
        [(OLD, "ok notify=1")], [],
        {**once(OLD, "ok"), **report(OLD, "ok", action="relayed")}, {}),
    "told of delay": Scenario(
        [(OLD, "later notify=4 age=300")], [],
        report(OLD, "later", action="delayed"), {OLD: "P"},
        "delay-report = 100", 2),
    "no network": Scenario(
        [(OLD, "account=net ok age=6000")], ["old"], {}, {OLD: "P"}, rounds=2),
    "one at a time": Scenario(
        [(OLD, "ok1 ok2 ok3")], [], once(OLD, "ok1", "ok2", "ok3"), {},
        "max-recipients = 1"),
    "half put back": Scenario(
        [(OLD, "bad ok")], ["fail", "revive"],
        {**once(OLD, "ok"), **report(OLD, "bad")}, {OLD: "BD"}),
}
SCENARIOS["half put back"].expect.same_second = True
SCENARIOS["one at a time"].expect.most_open = 1

# a worker that cannot be reached counts as an attempt
NETWORK_MODES = (("errno", errno.EIO, "open,pread,pwrite,fdatasync"),
                 ("kill-after", 0, None))

# a process each, and most of them wait for something
THREADS = 4
QUICK = {
    "deliver and record": MODES,
    "one fails": FEW_MODES,
    "report not yet made": FEW_MODES[2:],
    "unsure, then taken": FEW_MODES[2:],
    "one at a time": FEW_MODES[1:2],
    "no network": NETWORK_MODES,
}


def fault_env(who):
    return {"extra": {"MC_SHIM_WHO": who, "MC_SHIM_ALARM": str(LASTS_MS)}}


def walk(driver, where, name, modes=MODES, who="parent", most=600, words=()):
    """One scenario in every mode; returns how many faults there were."""
    scenario = SCENARIOS[name]
    place = RealPlace(driver, where, scenario.more)
    scenario.prepare(place)
    points = 0
    for mode, sys, only in modes:
        n = 0
        while True:
            n += 1
            if n > most:
                raise Violation("no end of calls")
            place.renew()
            done = place.run(*words, root=place.root, only=only,
                             faults="%d:%s:%d" % (n, mode, sys),
                             **fault_env(who))
            try:
                judge(place, done, mode if done.hit else "errno",
                      scenario.expect, scenario.extra)
            except Violation as v:
                raise Violation("%s; call %d of the %s (%s), %s %d%s: %s\n%s"
                                "\n%s" % (
                                    name, n, who, done.hit, mode, sys,
                                    " of " + only if only else "", v,
                                    "\n".join(done.lines), done.err)) from None
            if done.hit is None:
                check(done.code == 0, "%s undisturbed: %s" % (name, done.err))
                break
            points += 1
    return points


# ------------------------------------------------------------- killed workers

# what a worker sends and reads, one call after the other: OPEN, RCPT, ...
WORKER_MODES = (("kill-before", 0, None), ("kill-after", 0, None),
                ("errno", errno.EIO, None), ("errno-on", errno.EIO, None),
                ("half", errno.EIO, None))


def judge_worker(place, done, scenario):
    """The runner goes on; what was taken and not told of may come twice."""
    check(not done.killed, "the runner died of its worker")
    judge(place, done, "worker-on", scenario.expect, scenario.extra)


def walk_worker(driver, where, name, modes=WORKER_MODES):
    scenario = SCENARIOS[name]
    place = RealPlace(driver, where, scenario.more)
    scenario.prepare(place)
    points = 0
    for mode, sys, only in modes:
        for n in range(1, 200):
            place.renew()
            done = place.run(root=place.root, faults="%d:%s:%d" % (
                n, mode, sys), **fault_env("child"))
            try:
                judge_worker(place, done, scenario)
            except Violation as v:
                raise Violation("%s; call %d of a worker (%s), %s: %s\n%s\n%s"
                                % (name, n, done.hit, mode, v,
                                   "\n".join(done.lines), done.err)) from None
            if done.hit is None:
                break
            points += 1
    return points


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
        for name in names:
            for k in once(name, "ok-" + name):
                n = after.sent.pop(k, 0)
                check(n >= 1, "%s never came" % name)
                check(n <= 1 + killed, "%s came %d times" % (name, n))
                killed -= n - 1
        check(not after.sent and not after.left, "left over")
        check(killed >= 0, "more duplicates than kills")
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
    """Each of those that another has is waited for, not only the first."""
    place = RealPlace(driver, where)
    place.begin()
    place.put("many", "times=400", "due=-900", "ok")
    other = driver.popen("claim", place.dir, 350)
    check(other.stdout.readline() == b"claimed\n", "cannot even claim")
    done = place.run()
    check(done.code == 0 and len(place.taken()) == 400,
          "%d of 400 were sent: %s" % (len(place.taken()), done.err))


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
        if full or name == "deliver and record":
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
