# SPDX-License-Identifier: MIT
"""Bytes that changed on the disk: D9 with a runner at the end of it."""

import os
import random

from nth import OLD, After, Place, check
from spool import Violation


def walk(driver, where, most=40, seed=1):
    """A message with one bit turned over is not sent, and not lost."""
    rng = random.Random(seed)
    place = Place(driver, where)
    place.prepare("hurt", OLD)
    id = place.ids.pop("hurt")
    size = os.path.getsize(place.q("m-" + id))
    offsets = [0, 8, 12, 16, 40, 4096, 4101, size - 1, size - 9, size - 41]
    offsets += [rng.randrange(4096, size) for _ in range(most)]
    for off in offsets:
        place.renew()
        with open(place.q("m-" + id), "r+b") as f:
            f.seek(off)
            byte = f.read(1)[0] ^ 1 << rng.randrange(8)
            f.seek(off)
            f.write(bytes([byte]))
        done = driver.run("run", place.dir, place.sink)
        check(done.code == 0, "byte %d stopped the runner" % off)
        check(not [a for a in done.acks("sent") if a[0] == id],
              "byte %d changed, and sent" % off)
        after = After(place)
        check(after.state.bad == 1, "byte %d changed, and lost" % off)
        after.drained(place.ids.items())
    return len(offsets)


def all_damage(driver, where, tap, full, seed):
    folder = os.path.join(where, "damage")
    os.mkdir(folder)
    try:
        n = walk(driver, folder, 1000 if full else 40, seed)
    except Violation as v:
        tap.result(False, "damage: one bit", str(v))
    else:
        tap.result(True, "damage: one bit in each of %d places" % n)
