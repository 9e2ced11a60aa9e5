# SPDX-License-Identifier: MIT
"""The same faults put in by strace, into a program that nothing is loaded
into.  Slower, so only the calls that decide."""

import itertools
import os
import shutil
import subprocess

from nth import NEW, OLD, Place, judge_put, judge_run
from spool import Violation

FAULTS = (
    ("fsync", "error=EIO"), ("fsync", "signal=KILL"),
    ("fdatasync", "error=EIO"), ("fdatasync", "signal=KILL"),
    ("renameat2", "error=EIO"), ("renameat2", "signal=KILL"),
    ("write", "error=ENOSPC"), ("write", "signal=KILL"),
    ("pwrite64", "error=EIO"), ("pwrite64", "signal=KILL"),
    ("flock", "error=ENOLCK"), ("unlinkat", "signal=KILL"),
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
            # -P: or ld.so's own calls would be counted, and killed
            done = place.driver.run(*command(place), wrap=[
                "strace", "-f", "-qq", "-o", trace, "-e", "trace=" + call,
                "-P", place.dir, "-P", place.dir + "/q",
                *itertools.chain(*(("-P", place.q(name))
                                   for name in place.names())),
                "-e", "inject=%s:%s:when=%d" % (call, fault, n)])
            with open(trace) as f:
                text = f.read()
            hit = "(INJECTED)" in text or "killed by SIGKILL" in text
            done.killed = "killed by SIGKILL" in text
            done.first = False
            try:
                judge(place, done, "errno-on" if hit else "errno", None)
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
