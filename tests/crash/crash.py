#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Crash tests of the spool, as TAP: what becomes of a message when a call
fails, the process dies, the power goes or the disk is full.

    nth      every call fails, is cut short or is the last, in turn, while a
             message is put, sent, reported, kept, put back, removed, checked
    races    one process stopped before each of its calls, another beside it; a
             runner killed while its child still has the message
    states   every state that a power loss may leave, by what fsync covered
    damage   one bit changed on the disk
    limits   a full disk, no inodes, a limit on file sizes, all real
    strace   the calls that decide, failing in a program with nothing loaded
             into it
    runner   the runner that is shipped and its workers: every call of either
             fails or is the last, either is killed, two runners at once,
             thousands of messages, wrong clocks, reports about reports
    mutants  the library with one fsync, lock or check left out: each has to
             be caught by one of the above

Memory that runs out, hostile bytes, names that are not the spool's, odd times
and newer formats belong to tests/unit/test_store.c.

    crash.py [--full] [--seed N] [part...]

Without a part, all of them.  With --full each goes through everything;
without, half a minute's worth on two processors, with the mutants that are
found soonest.  What is drawn by lot follows from the seed.  Environment:
top_srcdir, top_builddir (where the library has been built), CC, CPPFLAGS,
MC_CRASH_LIBS, MC_SANITIZED.
"""

import argparse
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import beside  # noqa: E402
import damage  # noqa: E402
import limits  # noqa: E402
import nth  # noqa: E402
import mutants  # noqa: E402
import races  # noqa: E402
import spool  # noqa: E402
import states  # noqa: E402
import traced  # noqa: E402


def run_part(part, driver, where, tap, args):
    if part == "nth":
        n = nth.all_walks(driver, where, tap, args.full)
        print("# %d fault points" % n)
    elif part == "races":
        n = races.all_races(driver, where, tap, args.full)
        print("# %d places to stop" % n)
    elif part == "states":
        print("# %d states, %d trees" % states.all_states(
            driver, where, tap, args.full, args.seed))
    elif part == "damage":
        damage.all_damage(driver, where, tap, args.full, args.seed)
    elif part == "limits":
        limits.all_limits(driver, where, tap)
    elif part == "strace":
        traced.all_traced(driver, where, tap)
    elif part == "runner":
        print("# %d fault points and places to stop" % beside.all_real(
            driver, where, tap, args.full))
    elif part == "mutants":
        print("# %d of %d mutants caught" % mutants.all_mutants(
            driver.tools, where, tap, args.full, args.only))
    else:
        raise SystemExit("crash.py: no part " + part)


# what sanitizers can see; the rest is the same with them or without
MEMORY_PARTS = ["nth", "damage", "runner"]
PARTS = ["nth", "races", "states", "damage", "limits", "strace", "runner",
         "mutants"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="mutants whose names hold this")
    parser.add_argument("parts", nargs="*")
    args = parser.parse_args()
    parts = args.parts or (PARTS if not spool.SANITIZED or args.full
                           else MEMORY_PARTS)
    if parts is MEMORY_PARTS:
        print("# sanitizers: %s; the others belong to the ordinary build" %
              ", ".join(parts))
    where = spool.scratch()
    tap = spool.Tap()
    try:
        tools = spool.Tools(where)
        driver = spool.Driver(tools)
        for part in parts:
            begun = time.time()
            run_part(part, driver, where, tap, args)
            print("# %s: %.1f s, %d processes so far" % (
                part, time.time() - begun, driver.runs))
    finally:
        shutil.rmtree(where, ignore_errors=True)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
