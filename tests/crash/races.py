# SPDX-License-Identifier: MIT
"""Two processes at one spool, the first stopped before each of its calls.

The second runs to its end meanwhile, then the first goes on.
"""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

from nth import KEEP, LATER, NEW, NOW, OLD, After, Place, check
from spool import Driver, Violation, read_sink, report_id


class Race:
    """A process that is stopped at a call, and what it said in the end."""

    def __init__(self, place, command, faults):
        self.place = place
        self.stopped, *self.parts = place.driver.start(
            *command, root=place.root, faults=faults)

    def finish(self):
        return self.place.driver.finish(*self.parts)


def whole_run(place, sent_by):
    """All messages once each, whoever sent them."""
    for done in sent_by:
        check(done.code == 0, "a runner failed: %s" % done.err)
        check(not done.acks("unrecorded"), "a runner could not record")
    after = After(place)
    check(after.state.bad == 0, "damaged: %s" % after.state.told)
    return after


def runner_and_runner(place, n):
    place.renew()
    race = Race(place, ("run", place.dir, place.sink), "%d:stop:0" % n)
    other = place.driver.run("run", place.dir, place.sink)
    done = race.finish()
    after = whole_run(place, (done, other))
    after.drained(place.ids.items())
    return race.stopped


def runner_and_killed(place, n):
    """One runner stands still while another sends some and is killed."""
    place.renew()
    race = Race(place, ("run", place.dir, place.sink), "%d:stop:0" % n)
    # two cells were recorded then, and nothing was removed
    other = place.driver.run("run", place.dir, place.sink, root=place.root,
                             only="fdatasync", faults="4:kill-before:0")
    done = race.finish()
    check(done.code == 0, "a runner failed: %s" % done.err)
    after = After(place)
    lost = {(id, int(i)) for id, i in other.acks("sent")} - {
        (id, int(i)) for id, i, _ in other.acks("cell")}
    names = ("good1@x.example", "good2@x.example")
    after.drained(place.ids.items(), (), {(id, names[i]) for id, i in lost})
    return race.stopped


def runner_and_drop(place, n):
    """A person removes a message while a runner stands still."""
    place.renew()
    race = Race(place, ("run", place.dir, place.sink), "%d:stop:0" % n)
    before = read_sink(place.sink)
    other = place.driver.run("drop", place.dir)
    done = race.finish()
    check(done.code == 0, "a runner failed: %s" % done.err)
    after = After(place)
    check(not done.acks("refused"),
          "a message that is gone is no error: %s" % done.err)
    dropped = {ack[0] for ack in other.acks("drop")}
    id = place.ids[OLD]
    late = read_sink(place.sink)[len(before):]
    check(not [sent for sent in late if sent[0] in dropped],
          "removed, and sent: %s" % late)
    check(id not in dropped or id not in after.kept, "removed, and kept")
    if id in dropped:
        check(sorted(after.sent.values()) in ([], [1, 1], [1, 1, 1]),
              "sent: %s" % after.sent)
    elif report_id(id) in dropped:
        check(not [k for k in after.sent if k[0] != OLD],
              "a report was removed, and sent")
        check(sorted(after.sent.values()) == [1, 1], "sent: %s" % after.sent)
    else:
        after.drained(place.ids.items())
    return race.stopped


def runner_and_put(place, n):
    """A message comes in while a runner stands still."""
    place.renew()
    race = Race(place, ("run", place.dir, place.sink), "%d:stop:0" % n)
    other = place.driver.run("put", place.dir, NEW, 100)
    check(other.code == 0, "put beside a runner: %s" % other.err)
    done = race.finish()
    after = whole_run(place, (done,))
    after.drained(list(place.ids.items()) + [(NEW, other.acks("queued")[0][0])])
    return race.stopped


def runner_and_revive(place, n):
    """A person puts a failed message back while a runner stands still."""
    place.renew()
    race = Race(place, ("run", place.dir, place.sink, NOW + KEEP - 1),
                "%d:stop:0" % n)
    other = place.driver.run("revive", place.dir)
    check(other.code == 0, "revive beside a runner: %s" % other.err)
    done = race.finish()
    check(done.code == 0, "a runner failed: %s" % done.err)
    After(place).was_failed(place, True, (1,))
    return race.stopped


def revive_and_runner(place, n):
    place.renew()
    race = Race(place, ("revive", place.dir), "%d:stop:0" % n)
    other = place.driver.run("run", place.dir, place.sink)
    check(other.code == 0, "a runner failed: %s" % other.err)
    done = race.finish()
    check(done.acks("revive"), "not put back: %s" % done.err)
    After(place).was_failed(place, True, (1,))
    return race.stopped


def expiry_and_revive(place, n):
    """Its time is over, a runner is about to remove it, a person wants it."""
    place.renew()
    race = Race(place, ("run", place.dir, place.sink, LATER), "%d:stop:0" % n)
    other = place.driver.run("revive", place.dir)
    done = race.finish()
    check(done.code == 0, "a runner failed: %s" % done.err)
    revived = bool(other.acks("revive"))
    check(revived != bool(done.acks("expired")), "put back, and removed")
    After(place).was_failed(place, revived, (1,) if revived else (0,))
    return race.stopped


def put_and(command):
    def race_put(place, n):
        place.renew()
        race = Race(place, ("put", place.dir, NEW, 100), "%d:stop:0" % n)
        args = (command, place.dir) + (
            (place.sink,) if command == "run" else ())
        other = place.driver.run(*args)
        check(other.code == 0, "%s beside put: %s" % (command, other.err))
        done = race.finish()
        check(done.code == 0 and done.acks("queued"),
              "put was not taken: %s" % done.err)
        after = whole_run(place, ())
        after.drained(list(place.ids.items()) +
                      [(NEW, done.acks("queued")[0][0])])
        return race.stopped
    return race_put


def withdrawn(place, n):
    """fsync of the directory fails; a runner comes before the name goes."""
    place.renew()
    alone = place.driver.run("put", place.dir, NEW, 100, root=place.root,
                             faults="%d:errno:%d" % (n, errno.EIO))
    if alone.hit != "fsync":
        return alone.hit is not None
    place.renew()
    race = Race(place, ("put", place.dir, NEW, 100),
                "%d:errno:%d,%d:stop:0" % (n, errno.EIO, n + 1))
    check(race.stopped, "no call after a failed fsync")
    other = place.driver.run("run", place.dir, place.sink)
    check(other.code == 0, "run beside put: %s" % other.err)
    done = race.finish()
    check(done.acks("refused"), "a failed fsync, and taken")
    after = whole_run(place, ())
    after.drained(place.ids.items())
    return True


def set_up_and_put(place, n):
    """One makes the spool, stops; another uses it."""
    place.renew()
    race = Race(place, ("put", place.dir, NEW, 100), "%d:stop:0" % n)
    other = place.driver.run("put", place.dir, "other", 100)
    check(other.code == 0, "beside set-up: %s" % other.err)
    done = race.finish()
    check(done.code == 0, "set-up beside another: %s" % done.err)
    after = whole_run(place, ())
    after.drained([(NEW, done.acks("queued")[0][0]),
                   ("other", other.acks("queued")[0][0])])
    return race.stopped


def orphan(place, n):
    """A runner is killed while its child delivers: nobody else may send."""
    if n > 1:
        return False
    place.renew()
    child = place.driver.popen("deliver", place.dir, place.sink)
    check(child.stdout.readline().startswith(b"begun"), "did not begin")
    child.kill()
    child.wait()
    other = place.driver.run("run", place.dir, place.sink)
    check(len(other.acks("busy")) == 2 and not other.acks("sent"),
          "sent at the same time: %s" % other.lines)
    child.stdin.close()
    # until it has let go of the file, it may have it
    check(child.stdout.read().startswith(b"sent"), "did not send")
    child.stdout.close()
    check(len(read_sink(place.sink)) == 1, "sent: %s" % read_sink(place.sink))
    After(place).drained(place.ids.items(), (), {
        (place.ids[OLD], "good1@x.example")})
    return True


FAILED = "one message, for which a runner has been"

RACES = {
    "two runners": (runner_and_runner, ("one", "two")),
    "two runners, killed": (runner_and_killed, ("one",)),
    "runner, then drop": (runner_and_drop, (OLD,)),
    "runner, then put back": (runner_and_revive, FAILED),
    "put back, then runner": (revive_and_runner, FAILED),
    "its time is over, then put back": (expiry_and_revive, FAILED),
    "runner, then put": (runner_and_put, (OLD,)),
    "put, then runner": (put_and("run"), (OLD,)),
    "put, then check": (put_and("recover"), (OLD,)),
    "withdrawal, then runner": (withdrawn, (OLD,)),
    "set-up, then put": (set_up_and_put, ()),
    "killed runner, its child goes on": (orphan, (OLD,)),
}


def walk(driver, where, name, step=1):
    race, marks = RACES[name]
    # of its own: others race at the same time
    own = Driver(driver.tools, driver.binary)
    place = Place(own, where)
    if marks is FAILED:
        place.prepare(OLD)
        place.then("run", place.dir, place.sink)
    else:
        place.prepare(*marks)
    n, points = 1, 0
    while True:
        try:
            if not race(place, n):
                return points
        except Violation as v:
            raise Violation("%s; stopped before call %d: %s" % (
                name, n, v)) from None
        finally:
            own.end_all()
            driver.runs += own.runs
            own.runs = 0
        n += step
        points += 1
        if n > 1000:
            raise Violation("no end of calls")


def all_races(driver, where, tap, full):
    def one(number):
        folder = os.path.join(where, "race-%d" % number)
        os.mkdir(folder)
        return walk(driver, folder, list(RACES)[number])

    total = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(one, n) for n in range(len(RACES))]
        for name, run in zip(RACES, runs):
            try:
                points = run.result()
            except Violation as v:
                tap.result(False, "races: " + name, str(v))
                continue
            total += points
            tap.result(True, "races: %s, %d places to stop" % (name, points))
    return total


