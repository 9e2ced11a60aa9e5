#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Crash tests of the spool, as TAP.

    crash.py [--full] [--seed N] [part...]

Parts: nth, races, states, damage, limits, strace, mutants.  Without any: all
but mutants, and that too with --full.  What is sampled follows from the seed.  Environment: top_srcdir, top_builddir, CC,
CPPFLAGS, MC_CRASH_LIBS.
"""

import argparse
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

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
    elif part == "mutants":
        n = mutants.all_mutants(driver.tools, where, tap, args.only)
        print("# %d of %d mutants caught" % (n, len(mutants.MUTANTS)))
    else:
        raise SystemExit("crash.py: no part " + part)


PARTS = ["nth", "races", "states", "damage", "limits", "strace"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="mutants whose names hold this")
    parser.add_argument("parts", nargs="*")
    args = parser.parse_args()
    parts = args.parts or PARTS + (["mutants"] if args.full else [])
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
