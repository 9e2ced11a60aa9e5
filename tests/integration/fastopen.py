#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TCP Fast Open: what leaves with the SYN, and all that may go wrong.  TAP.

For fastopen.tap, which makes a network where servers take part in it.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "script")
sys.path[:0] = [SCRIPT]
from server import Script, Server  # noqa: E402

BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
SLOW = 3 if os.environ.get("MC_SANITIZED") == "yes" else 1
PASSWORD = "Frobozz-magic-53cret"
CAPS = "caps = PIPELINING; CHUNKING\n"
MESSAGE = b"From: me@x.example\nTo: a@x.example\nSubject: fast\n\nHello.\n"


def counters():
    """Of the kernel: connections whose SYN brought data that was taken, as
    their client and as their server."""
    with open("/proc/net/netstat", encoding="ascii") as f:
        lines = [x.split() for x in f if x.startswith("TcpExt:")]
    values = dict(zip(*lines))
    return (int(values["TCPFastOpenActive"]),
            int(values["TCPFastOpenPassive"]))


class Test:
    def __init__(self, place):
        self.n = self.failed = 0
        self.place = place
        self.certs = os.path.join(place, "certs")
        subprocess.run(["/bin/sh", os.path.join(SCRIPT, "certs.sh"),
                        self.certs], check=True, stdin=subprocess.DEVNULL)

    def ok(self, good, name, *notes):
        self.n += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.n, name),
              flush=True)
        for note in () if good else notes:
            print("#   %r" % (note,))

    def server(self, text=CAPS):
        return Server(Script(text, {"user": "joe", "password": PASSWORD}),
                      self.certs, self.place)

    def send(self, port, more="", fast="yes", host="127.0.0.1",
             auth="PLAIN", limit=5):
        """Status, standard error, what the counters did, seconds."""
        name = os.path.join(self.place, "config")
        with open(name, "w", encoding="ascii") as f:
            f.write("queue = off\nlog = off\nhost = %s\nport = %d\n"
                    "tls-ca-file = %s/ca.pem\nuser = joe\npassword = %s\n"
                    "auth = %s\nfrom = me@x.example\ntimeout = %ds\n"
                    "connect-timeout = %ds\ntcp-fast-open = %s\n%s" %
                    (host, port, self.certs, PASSWORD, auth, 5 * SLOW,
                     limit * SLOW, fast, more))
        os.chmod(name, 0o600)
        env = {"PATH": os.environ["PATH"], "HOME": self.place,
               "MAILCHUTE_CONFIG": name}
        env.update({k: v for k, v in os.environ.items()
                    if k.endswith("SAN_OPTIONS")})
        before = counters()
        begun = time.monotonic()
        done = subprocess.run([BIN, "-oi", "a@x.example"], input=MESSAGE,
                              env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60 * SLOW)
        took = time.monotonic() - begun
        grown = tuple(a - b for a, b in zip(counters(), before))
        return done.returncode, done.stderr.decode(), grown, took


class Hole:
    """Takes the SYN and never answers: its backlog is full."""

    def __init__(self, port=0):
        self.socks = [socket.socket()]
        self.socks[0].bind(("127.0.0.1", port))
        self.socks[0].listen(0)
        self.port = self.socks[0].getsockname()[1]
        for _ in range(64):
            sock = socket.socket()
            self.socks.append(sock)
            sock.settimeout(0.1)
            try:
                sock.connect(("127.0.0.1", self.port))
            except socket.timeout:
                return
        raise RuntimeError("the backlog does not fill up")

    def close(self):
        for sock in self.socks:
            sock.close()


def refused_port():
    """Nothing listens there."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]


def delivered(test, name, server, count, result, grown):
    server.settle(3)
    record = server.record
    test.ok(result[0] == 0 and len(record.delivered()) == count and
            not record.violations and result[2] == grown, name, result,
            record.commands, record.violations)


def sends(test):
    server = test.server()
    delivered(test, "the first connection only gets the cookie", server, 1,
              test.send(server.port), (0, 0))
    first = list(server.record.commands)
    delivered(test, "the second one has data in the SYN", server, 2,
              test.send(server.port), (1, 1))
    test.ok(server.record.commands == first * 2, "what is said is the same",
            server.record.commands)
    delivered(test, "not so without the key", server, 3,
              test.send(server.port, fast="no"), (0, 0))
    server.stop()
    for tls, auth in ("starttls", "PLAIN"), ("off", "off"):
        server = test.server("tls = %s\n%s" % (tls, CAPS))
        delivered(test, "no effect with tls = " + tls, server, 1,
                  test.send(server.port, "tls = %s\n" % tls, auth=auth),
                  (0, 0))
        server.stop()


def same_failure(test, name, port, words):
    slow = test.send(port, fast="no", limit=1)
    fast = test.send(port, limit=1)
    test.ok(slow[:2] == fast[:2] and fast[0] == 75 and words in fast[1] and
            fast[3] < slow[3] + SLOW, "the same failure: " + name, slow, fast)
    return fast


def failures(test):
    sock, port = refused_port()
    same_failure(test, "refused", port, "Connection refused")
    sock.close()
    hole = Hole()
    same_failure(test, "no answer", hole.port, "timed out")
    hole.close()
    # at once, a reset could come before or after the connection is seen to be
    # made, which are two failures
    for how in "close", "reset":
        server = test.server("tls = off\nat CONNECT delay 0.3\n"
                             "at CONNECT %s\n" % how)
        fast = same_failure(test, "%s in place of TLS" % how, server.port, "")
        test.ok(fast[2][0] == 1, "and its SYN had data", fast)
        server.stop()


def addresses(test):
    """localhost: 127.0.0.1, for which there is a cookie, and ::1."""
    server = test.server("listen = inet6\n" + CAPS)
    delivered(test, "refused by the first address, taken by the second",
              server, 1, test.send(server.port, host="localhost"), (0, 0))
    delivered(test, "once more, with data in the second SYN", server, 2,
              test.send(server.port, host="localhost"), (1, 1))
    hole = Hole(server.port)
    delivered(test, "no answer from the first address, taken by the second",
              server, 3, test.send(server.port, host="localhost"), (0, 0))
    hole.close()
    server.stop()


def main():
    place = tempfile.mkdtemp(prefix="mctfo")
    try:
        test = Test(place)
        sends(test)
        failures(test)
        addresses(test)
        print("1..%d" % test.n)
        return test.failed != 0
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
