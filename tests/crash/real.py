# SPDX-License-Identifier: MIT
"""The runner that is shipped, and its workers, under faults.

What a server took is a line of the sink, which a worker writes before it
tells the runner; so the sink knows of every copy.
"""

import errno
import os

from nth import FEW_MODES, MODES, Place, check
from spool import Violation, parse_recover

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
confine = no
%s
[account dead]
host = dead.example
from = me@x.example
confine = no
[account net]
host = far.example
from = me@x.example
queue-lifetime = 1000
confine = no
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
    # a worker that is lost with several on their way is a kill to those
    lasting = done.killed or mode.endswith("-on") or done.hit == "sendmsg"
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
        "max-recipients = 1\npipeline-depth = 1"),
    "several at once": Scenario(
        [("one", "ok1"), ("two", "ok2 bad"), ("three", "ok3"),
         ("four", "ok4"), ("five", "ok5")], [],
        {**once("one", "ok1"), **once("two", "ok2"), **once("three", "ok3"),
         **once("four", "ok4"), **once("five", "ok5"),
         **report("two", "bad")}, {"two": "DB"}, "pipeline-depth = 2"),
    "half put back": Scenario(
        [(OLD, "bad ok")], ["fail", "revive"],
        {**once(OLD, "ok"), **report(OLD, "bad")}, {OLD: "BD"}),
}
SCENARIOS["half put back"].expect.same_second = True
SCENARIOS["one at a time"].expect.most_open = 1
SCENARIOS["several at once"].expect.most_open = 2

# a worker that cannot be reached counts as an attempt
NETWORK_MODES = (("errno", errno.EIO, "open,pread,pwrite,fdatasync"),
                 ("kill-after", 0, None))

QUICK = {
    "deliver and record": MODES,
    "one fails": FEW_MODES,
    "report not yet made": FEW_MODES[2:],
    "unsure, then taken": FEW_MODES[2:],
    "one at a time": FEW_MODES[1:2],
    "several at once": FEW_MODES,
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
