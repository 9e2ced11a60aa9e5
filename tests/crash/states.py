# SPDX-License-Identifier: MIT
"""What a power loss may leave behind.

The shim logs what a process does to files.  For every prefix of that log all
trees are built in which a change is certain only if a later fsync covered it,
and any other change may have happened or not, in any combination; bytes
written may also be zeros or half there, and a renamed file may have both
names.  Recovery runs on each tree, and what was acknowledged within the
prefix must hold.
"""

import hashlib
import itertools
import os
import random
import shutil
import stat

from nth import LATER, NEW, OLD, Place, check
from spool import Violation, parse_recover, report_id

MOST = 1 << 14      # combinations of one prefix; more are sampled
BATCH = 150


class Op:
    """One change, or one acknowledgement, of the log."""

    def __init__(self, kind, args):
        self.kind = kind
        self.args = args
        self.objects = ()       # what has to be synced to make it certain
        self.needs = "any"      # "any": fdatasync will do; "full": fsync
        self.left = set()
        self.sure_at = None     # index of the sync that made it certain
        self.lost = False       # a sync failed; no later one covers it
        self.extends = False    # writes past the end of the file


def parse(lines):
    ops = []
    for line in lines:
        word = line.rstrip("\n").split(" ")
        op = Op(word[0], word[1:])
        a = op.args
        if op.kind == "write":
            op.args = (int(a[0]), int(a[1]), bytes.fromhex(a[2]))
            op.objects = (int(a[0]),)
        elif op.kind == "trunc":
            op.args = (int(a[0]), int(a[1]))
            op.objects = (int(a[0]),)
        elif op.kind in ("chmod", "utime"):
            op.args = (int(a[0]), int(a[1], 8 if op.kind == "chmod" else 10))
            op.objects, op.needs = (int(a[0]),), "full"
        elif op.kind in ("create", "mkdir"):
            op.args = (int(a[0]), a[1], int(a[2]), int(a[3], 8))
            op.objects, op.needs = (int(a[0]),), "full"
        elif op.kind in ("unlink", "link"):
            op.args = (int(a[0]), a[1], int(a[2]))
            op.objects, op.needs = (int(a[0]),), "full"
        elif op.kind == "rename":
            op.args = (int(a[0]), a[1], int(a[2]), a[3], int(a[4]))
            op.objects = tuple({int(a[0]), int(a[2])})
            op.needs = "full"
        elif op.kind in ("fsync", "fdatasync"):
            op.args = (int(a[0]), a[1] == "ok")
        elif op.kind not in ("ack", "hit"):
            raise Violation("log: " + line)
        op.left = set(op.objects)
        ops.append(op)
    mark_sure(ops)
    return ops


def mark_sure(ops):
    for n, sync in enumerate(ops):
        if sync.kind not in ("fsync", "fdatasync"):
            continue
        ino, ok = sync.args
        for op in ops[:n]:
            if ino not in op.left or op.lost:
                continue
            if sync.kind == "fdatasync" and op.needs == "full":
                continue
            if not ok:
                # after a failure the kernel calls the pages clean
                op.lost = True
                continue
            op.left.discard(ino)
            if not op.left:
                op.sure_at = n


def mark_extending(start, ops):
    sizes = {ino: len(data) for ino, data in start.files.items()}
    for op in ops:
        if op.kind == "create":
            sizes[op.args[2]] = 0
        elif op.kind == "trunc":
            sizes[op.args[0]] = op.args[1]
        elif op.kind == "write":
            end = op.args[1] + len(op.args[2])
            op.extends = end > sizes.get(op.args[0], 0)
            sizes[op.args[0]] = max(end, sizes.get(op.args[0], 0))


# utime is left out: any time is a good one, and promised to nobody
CHANGES = ("write", "trunc", "chmod", "create", "mkdir", "unlink",
           "link", "rename")


def variants(op):
    # a byte overwritten in place is the old one or the new one; new blocks
    # may come without their bytes
    if op.kind == "write" and op.extends:
        return ("no", "yes", "zeros", "half")
    if op.kind == "write" and len(op.args[2]) > 1:
        return ("no", "yes", "half")
    if op.kind == "rename":
        return ("no", "yes", "both")
    return ("no", "yes")


class Tree:
    """Directories, files and their bytes, by inode."""

    def __init__(self):
        self.dirs = {}
        self.files = {}
        self.modes = {}
        self.root = None

    def copy(self):
        t = Tree()
        t.dirs = {i: dict(d) for i, d in self.dirs.items()}
        t.files = dict(self.files)
        t.modes = dict(self.modes)
        t.root = self.root
        return t

    @staticmethod
    def snapshot(path):
        t = Tree()
        t.root = t.take(path)
        return t

    def take(self, path):
        st = os.lstat(path)
        self.modes[st.st_ino] = stat.S_IMODE(st.st_mode)
        if stat.S_ISDIR(st.st_mode):
            self.dirs[st.st_ino] = {
                name: self.take(os.path.join(path, name))
                for name in os.listdir(path)}
        else:
            with open(path, "rb") as f:
                self.files[st.st_ino] = f.read()
        return st.st_ino

    def apply(self, op, how):
        a = op.args
        if how == "no":
            # what exists at all exists even if nobody can find it
            if op.kind == "create":
                self.files[a[2]] = b""
                self.modes[a[2]] = a[3]
            elif op.kind == "mkdir":
                self.dirs[a[2]] = {}
                self.modes[a[2]] = a[3]
            return
        if op.kind == "write":
            ino, off, data = a
            if how == "zeros":
                data = bytes(len(data))
            elif how == "half":
                data = data[:len(data) // 2]
            old = self.files.get(ino, b"")
            old = old.ljust(off, b"\0")
            self.files[ino] = old[:off] + data + old[off + len(data):]
        elif op.kind == "trunc":
            self.files[a[0]] = self.files.get(a[0], b"")[:a[1]].ljust(
                a[1], b"\0")
        elif op.kind == "chmod":
            self.modes[a[0]] = a[1]
        elif op.kind == "create":
            self.dirs[a[0]][a[1]] = a[2]
            self.files[a[2]] = b""
            self.modes[a[2]] = a[3]
        elif op.kind == "mkdir":
            self.dirs[a[0]][a[1]] = a[2]
            self.dirs[a[2]] = {}
            self.modes[a[2]] = a[3]
        elif op.kind == "unlink":
            if self.dirs[a[0]].get(a[1]) == a[2]:
                del self.dirs[a[0]][a[1]]
        elif op.kind == "link":
            self.dirs[a[0]][a[1]] = a[2]
        elif op.kind == "rename":
            if how == "yes" and self.dirs[a[0]].get(a[1]) == a[4]:
                del self.dirs[a[0]][a[1]]
            self.dirs[a[2]][a[3]] = a[4]

    def print_(self):
        """A fingerprint of what can be seen from the root."""
        h = hashlib.sha256()
        seen = {}

        def go(ino, path):
            n = seen.setdefault(ino, len(seen))
            h.update(b"%s %d %o " % (path.encode(), n,
                                     self.modes.get(ino, 0)))
            if ino in self.dirs:
                for name in sorted(self.dirs[ino]):
                    go(self.dirs[ino][name], path + "/" + name)
            else:
                h.update(hashlib.sha256(self.files[ino]).digest())

        go(self.root, "")
        return h.digest()

    def build(self, path):
        made = {}

        def go(ino, at):
            if ino in self.dirs:
                os.mkdir(at, 0o700)
                for name, sub in self.dirs[ino].items():
                    go(sub, at + "/" + name)
                os.chmod(at, self.modes[ino])
            elif ino in made:
                os.link(made[ino], at)
            else:
                fd = os.open(at, os.O_WRONLY | os.O_CREAT, 0o600)
                os.write(fd, self.files[ino])
                os.fchmod(fd, self.modes[ino])
                os.close(fd)
                made[ino] = at

        go(self.root, path)


def choices(unsure, rng):
    """Every combination, or that many of them by lot."""
    kinds = [variants(op) for op in unsure]
    total = 1
    for kind in kinds:
        total *= len(kind)
    if total <= MOST:
        yield from itertools.product(*kinds)
        return
    yield tuple("no" for _ in kinds)
    yield tuple("yes" for _ in kinds)
    for _ in range(MOST):
        yield tuple(rng.choice(kind) for kind in kinds)


def states(start, ops, begin, rng):
    """(prefix, tree) for each state; the same tree once a prefix."""
    for end in range(begin, len(ops) + 1):
        prefix = ops[:end]
        if end < len(ops) and end > begin and \
                ops[end - 1].kind in ("hit",):
            continue
        changes = [op for op in prefix if op.kind in CHANGES]
        unsure = [op for op in changes
                  if op.sure_at is None or op.sure_at >= end]
        seen = set()
        for how in choices(unsure, rng):
            chosen = dict(zip(map(id, unsure), how))
            tree = start.copy()
            for op in changes:
                tree.apply(op, chosen.get(id(op), "yes"))
            key = tree.print_()
            if key not in seen:
                seen.add(key)
                yield end, key, tree


class Explorer:
    def __init__(self, driver, where, seed):
        self.driver = driver
        self.where = os.path.join(where, "trees")
        self.rng = random.Random(seed)
        self.count = 0          # states, each tree of each prefix
        self.distinct = 0

    def explore(self, place, start, ops, judge, begin=0):
        """judge(acks, state) raises Violation."""
        mark_extending(start, ops)
        known = {}
        waiting = []
        where = os.path.relpath(place.dir, place.root)

        def flush():
            shutil.rmtree(self.where, ignore_errors=True)
            os.mkdir(self.where)
            paths = {}
            for n, (key, tree) in enumerate(
                    {k: t for _, k, t in waiting if k not in known}.items()):
                path = os.path.join(self.where, str(n))
                tree.build(path)
                paths[os.path.join(path, where)] = key
            if paths:
                found = parse_recover(self.driver.run("recover", *paths))
                for path, key in paths.items():
                    known[key] = found[path]
                    top = os.path.join(path, "q")
                    for name in os.listdir(top):
                        if name[0] not in "ml":
                            known[key].wrong.append("left: " + name)
            for end, key, _ in waiting:
                acks = [op.args for op in ops[:end] if op.kind == "ack"]
                self.count += 1
                try:
                    check(not known[key].wrong, "recovery says: %s" %
                          known[key].wrong)
                    judge(acks, known[key])
                except Violation as v:
                    tail = ["%s %s" % (op.kind, str(op.args)[:60])
                            for op in ops[max(0, end - 6):end]]
                    raise Violation("crash after change %d: %s\n%s" % (
                        end, v, "\n".join(tail))) from None
            del waiting[:]

        for item in states(start, ops, begin, self.rng):
            waiting.append(item)
            if len(waiting) >= BATCH:
                flush()
        flush()
        self.distinct += len(known)


def record(place, *command, faults=None, only=None, extra=None, keep=False):
    """Run with a log; (state before, changes, what the process said)."""
    if not keep:
        place.renew()
    if os.path.exists(place.log):
        os.unlink(place.log)
    start = Tree.snapshot(place.root)
    done = place.driver.run(*command, root=place.root, log=place.log,
                            faults=faults, only=only, extra=extra)
    with open(place.log) as f:
        return start, f.readlines(), done


# -------------------------------------------------------------------- judgments

def judge_put(place, mark=NEW):
    def judge(acks, state):
        check(state.bad == 0, "damaged: %s" % state.told)
        for old, id in place.ids.items():
            m = state.messages.get(id)
            check(m and m.mark == old and m.cells == "PPP",
                  "%s is gone" % old)
        got = state.by_mark(mark)
        check(len(got) <= 1, "twice there")
        for ack in acks:
            if ack[0] == "queued":
                check(got == [ack[1]], "acknowledged, and lost")
    return judge


def judge_run(place):
    def judge(acks, state):
        check(state.bad == 0, "damaged: %s" % state.told)
        sent = {(a[1], int(a[2])) for a in acks if a[0] == "sent"}
        noted = {(a[1], int(a[2])) for a in acks if a[0] == "noted"}
        cells = {}
        for a in acks:
            if a[0] == "cell":
                cells[a[1], int(a[2])] = a[3]
        for mark, id in place.ids.items():
            rid = report_id(id)
            report = rid in state.messages or (rid, 0) in sent
            m = state.messages.get(id)
            check(m is not None, "%s is gone" % mark)
            check(not m.failed or m.cells == "DDB",
                  "failed with %s" % m.cells)
            for i in range(3):
                cell = cells.get((id, i))
                want = {None: "PDFB", "D": "D", "F": "FB", "B": "B"}[cell]
                check(m.cells[i] in want, "recorded %s, and there stands %s"
                      % (cell, m.cells[i]))
                check(m.cells[i] != "D" or (id, i) in sent, "a false record")
            check(m.cells[2] not in "FB" or (id, 2) in noted,
                  "failed before the reason was written")
            check((id, 2) not in noted or m.notes >= 1, "the reason is lost")
            check(m.cells[2] != "B" or report, "reported, and no report")
            check(rid not in state.messages or m.cells[2] in "FB",
                  "a report about what has not failed")
    return judge


def judge_each(place, verb):
    def judge(acks, state):
        check(state.bad == 0, "damaged: %s" % state.told)
        did = any(a[0] == verb for a in acks)
        m = state.messages.get(place.ids[OLD])
        if verb == "drop":
            check(not did or m is None, "removed, and back")
        else:
            check(m is not None, "gone")
            check(not did or m.held == (verb == "hold"), "%s was lost" % verb)
    return judge


def judge_failed(place, verb):
    """Of a message that had failed."""
    def judge(acks, state):
        check(state.bad == 0, "damaged: %s" % state.told)
        did = any(a[0] == verb for a in acks)
        m = state.messages.get(place.ids[OLD])
        if verb == "revive":
            check(m is not None, "gone")
            check(m.cells == "DDP" if did else m.cells in ("DDB", "DDP"),
                  "put back as %s" % m.cells)
            # the check has been there
            check(m.cells == "DDB" or not m.failed, "pending, and failed")
        else:
            check(not did or m is None, "removed, and back")
            check(m is None or m.cells == "DDB", "%s now" % (m and m.cells))
    return judge


# ------------------------------------------------------------------- explorations

def explore_put(x, place, *marks, extra=None, size=200):
    place.prepare(*marks)
    start, log, done = record(place, "put", place.dir, NEW, size, extra=extra)
    check(done.code == 0, done.err)
    x.explore(place, start, parse(log), judge_put(place))


def price_of_put(driver, where):
    """One write, one fsync of the file, one of the directory; no more."""
    place = Place(driver, where)
    place.prepare(OLD)
    _, log, done = record(place, "put", place.dir, NEW, 500)
    kinds = [line.split()[0] for line in log]
    want = ["create", "write", "utime", "fsync", "rename", "fsync", "ack"]
    check(kinds == want, "a put is now %s" % kinds)
    _, log, _ = record(place, "put", place.dir, NEW, 500,
                       faults="1000:errno:5")
    synced = [line.split()[1] for line in log if line.startswith("fsync")]
    check(len(set(synced)) == 2, "the same thing synced twice")
    return len(want) - 1


def explore_put_sync_fails(x, place):
    """EIO at each fsync: what the kernel dropped stays dropped."""
    place.prepare(OLD)
    for n in itertools.count(1):
        start, log, done = record(place, "put", place.dir, NEW, 200,
                                  faults="%d:errno:5" % n, only="fsync")
        if not done.hit:
            return
        x.explore(place, start, parse(log), judge_put(place))


def explore_set_up_killed(x, place, every=1):
    """One is killed while it makes the spool; the next one puts."""
    place.prepare()
    for n in itertools.count(1, every):
        start, log, done = record(place, "put", place.dir, "first", 100,
                                  faults="%d:kill-after:0" % n)
        if not done.hit:
            return
        first = [line for line in log if not line.startswith("ack")]
        _, log, done = record(place, "put", place.dir, NEW, 100, keep=True)
        check(done.code == 0, "after a killed set-up: %s" % done.err)
        ops = parse(first + log)
        x.explore(place, start, ops, judge_put(place), len(first))


def explore_run(x, place):
    place.prepare(OLD)
    start, log, done = record(place, "run", place.dir, place.sink)
    # the message stays for a while, its report goes
    check(done.code == 0 and len(done.acks("kept")) == 1 and
          len(done.acks("removed")) == 1, done.err)
    x.explore(place, start, parse(log), judge_run(place))


def explore_run_killed(x, place, every, offset=0):
    """A runner is killed, and another goes on from there."""
    place.prepare(OLD)
    judge = judge_run(place)
    for n in itertools.count(1 + offset, every):
        start, log, done = record(place, "run", place.dir, place.sink,
                                  faults="%d:kill-after:0" % n)
        if not done.hit:
            return
        first = len(log)
        _, more, done = record(place, "run", place.dir, place.sink, keep=True)
        check(done.code == 0, "after a killed runner: %s" % done.err)
        x.explore(place, start, parse(log + more), judge, first)


def explore_run_sync_fails(x, place):
    place.prepare(OLD)
    judge = judge_run(place)
    for n in itertools.count(1):
        start, log, done = record(place, "run", place.dir, place.sink,
                                  faults="%d:errno:5" % n,
                                  only="fsync,fdatasync")
        if not done.hit:
            return
        x.explore(place, start, parse(log), judge)


def explore_each(x, place, verb):
    place.prepare(OLD)
    if verb == "release":
        place.then("hold", place.dir)
    start, log, done = record(place, verb, place.dir)
    check(done.code == 0, done.err)
    x.explore(place, start, parse(log), judge_each(place, verb))


def explore_failed(x, place, verb):
    place.prepare(OLD)
    place.then("run", place.dir, place.sink)
    command = (verb, place.dir) if verb != "expired" else (
        "run", place.dir, place.sink, LATER)
    start, log, done = record(place, *command)
    check(done.code == 0 and done.acks(verb), done.err)
    x.explore(place, start, parse(log), judge_failed(place, verb))


def explorations(full, seed):
    yield "put", lambda x, p: explore_put(x, p, OLD)
    yield "put, first of all", lambda x, p: explore_put(x, p)
    yield "put, several writes", lambda x, p: explore_put(x, p, OLD,
                                                          size=150000)
    yield "put without renameat2", lambda x, p: explore_put(
        x, p, OLD, extra={"MC_SHIM_NO_RENAMEAT2": "1"})
    yield "put, fsync fails", explore_put_sync_fails
    yield "set-up killed", lambda x, p: explore_set_up_killed(
        x, p, 1 if full else 3)
    yield "run", explore_run
    yield "run, fsync fails", explore_run_sync_fails
    every = 1 if full else 9
    yield "run killed", lambda x, p: explore_run_killed(
        x, p, every, seed % every)
    for verb in ("hold", "release", "drop"):
        yield verb, lambda x, p, verb=verb: explore_each(x, p, verb)
    for verb in ("revive", "drop", "expired"):
        yield "failed, then " + verb, \
            lambda x, p, verb=verb: explore_failed(x, p, verb)


def all_states(driver, where, tap, full, seed):
    count = distinct = 0
    os.mkdir(os.path.join(where, "price"))
    try:
        n = price_of_put(driver, os.path.join(where, "price"))
    except Violation as v:
        tap.result(False, "price of a put", str(v))
    else:
        tap.result(True, "price of a put: %d changes, two of them fsync" % n)
    for n, (name, explore) in enumerate(explorations(full, seed)):
        folder = os.path.join(where, "states-%d" % n)
        os.mkdir(folder)
        x = Explorer(driver, folder, seed)
        try:
            explore(x, Place(driver, folder))
        except Violation as v:
            tap.result(False, "power loss: " + name, str(v))
            continue
        count += x.count
        distinct += x.distinct
        tap.result(True, "power loss: %s, %d states, %d trees" % (
            name, x.count, x.distinct))
    return count, distinct
