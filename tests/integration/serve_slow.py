#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What takes more than a minute, all at the same time: serve_slow.py

See serving.py for how these tests are run.
"""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import SLOW, wait_for                  # noqa: E402
from service import DOMAIN, Client                  # noqa: E402
from serving import case, expect, main, note        # noqa: E402


def begin(s, user):
    c = Client(s, user)
    c.hello()
    for line in ("MAIL FROM:<%s@%s>" % (user, DOMAIN),
                 "RCPT TO:<x@far.example>", "DATA"):
        got = c.command(line)
        expect(line, got[:1] in "23", got)
    c.send("Subject: x\r\n\r\n")
    return c


@case
def a_minute(b):
    """data rate: 421 4.4.2 after a minute; what was not logged is told then"""
    s = b.started(limit_data_rate="500", limit_idle="300s")
    slow, quick = begin(s, "mc-anna"), begin(s, "mc-ben")
    with Client(s, "mc-cleo") as c:
        c.hello()
        for _ in range(9):
            c.command("MAIL FROM:<mc-ben@%s>" % DOMAIN)
    began = time.monotonic()
    slow.sock.settimeout(0.1)
    got = ""
    while not got and time.monotonic() - began < 80 * SLOW:
        slow.send("x" * 98 + "\r\n")        # 100 bytes a second
        quick.send(("y" * 98 + "\r\n") * 20)
        time.sleep(0.9)
        try:
            got = slow.reply()
        except TimeoutError:
            pass
    passed = time.monotonic() - began
    note("given up after %.1f s" % passed)
    expect("the slow one", got.startswith("421 4.4.2 ") and passed > 55,
           (got, passed))
    quick.send(".\r\n")
    got = quick.reply()
    expect("the quick one", got.startswith("250 "), got)
    s.wait_refused("mc-anna", "slow")
    lines = wait_for("the sum", 30, lambda: [
        w for w in s.refused("mc-cleo", "sender") if w["pid"] == "-"])
    expect("of the others", [w["count"] for w in lines] == ["4"], lines)
    expect("five alone", len(s.refused("mc-cleo", "sender")) == 6)
    slow.close()
    quick.close()


if __name__ == "__main__":
    sys.exit(main())
