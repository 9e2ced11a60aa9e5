# SPDX-License-Identifier: MIT
"""The same faults put in by strace, into a program that nothing is loaded
into.  Slower, so only the calls that decide."""

import itertools
import os
import shutil
import subprocess

from nth import NEW, OLD, Place, judge_put, judge_run
from spool import Violation

# calls that the loader and the C library do not make on their own, so that
# every one that is counted is the spool's
FAULTS = (
    ("fsync", "error=EIO"), ("fsync", "signal=KILL"),
    ("fdatasync", "error=EIO"), ("fdatasync", "signal=KILL"),
    ("renameat2", "error=EIO"), ("renameat2", "signal=KILL"),
    ("pwrite64", "error=EIO"), ("pwrite64", "signal=KILL"),
    ("flock", "error=ENOLCK"), ("flock", "signal=KILL"),
    ("unlinkat", "error=EIO"), ("unlinkat", "signal=KILL"),
    ("fchmod", "error=EPERM"), ("fchmod", "signal=KILL"),
    ("utimensat", "error=EPERM"), ("utimensat", "signal=KILL"),
)


def usable():
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-o", "/dev/null", "true"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def walk(place, command, judge):
    points = 0
    for call, fault in FAULTS:
        for n in itertools.count(1):
            place.renew()
            trace = os.path.join(place.where, "trace")
            done = place.driver.run(*command(place), wrap=[
                "strace", "-f", "-qq", "-o", trace, "-e", "trace=" + call,
                "-e", "inject=%s:%s:when=%d" % (call, fault, n)])
            with open(trace) as f:
                text = f.read()
            hit = "(INJECTED)" in text or "killed by SIGKILL" in text
            done.killed = "killed by SIGKILL" in text
            done.first = False
            if hit:
                done.hit = "unlink" if call == "unlinkat" else call
            try:
                judge(place, done, "kill-before" if "KILL" in fault
                      else "errno", None)
            except Violation as v:
                raise Violation("%s %s, call %d: %s" % (
                    call, fault, n, v)) from None
            if not hit:
                break
            points += 1
    return points


def all_traced(driver, where, tap):
    tests = (("put", lambda p: ("put", p.dir, NEW, 300), judge_put),
             ("run", lambda p: ("run", p.dir, p.sink), judge_run))
    for name, command, judge in tests:
        what = "strace: " + name
        if not usable():
            tap.skip(what, "no strace that works here")
            continue
        folder = os.path.join(where, "strace-" + name)
        os.mkdir(folder)
        place = Place(driver, folder)
        place.prepare(OLD)
        try:
            points = walk(place, command, judge)
        except Violation as v:
            tap.result(False, what, str(v))
            continue
        tap.result(points > 0, "%s, %d fault points" % (what, points))
