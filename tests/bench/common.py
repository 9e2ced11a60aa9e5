# SPDX-License-Identifier: MIT
"""What the benches share: the server, the small programs, and the directory
with other clients."""
import os
import queue
import random
import shlex
import subprocess
import threading

import clients
from clients import TLS, STARTTLS, CLEAR

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = (TLS, STARTTLS, CLEAR)
TITLES = {TLS: "implicit TLS, AUTH PLAIN", STARTTLS: "STARTTLS, AUTH PLAIN",
          CLEAR: "no TLS, no log-in"}
LIBRARIES = {"sink": ("-lssl", "-lcrypto", "-lpthread")}


def build(place, name, *options, source=None):
    """One of the small programs beside this file."""
    out = os.path.join(place, name)
    subprocess.run(
        shlex.split(os.environ.get("CC", "cc")) +
        ["-O2", "-std=gnu17", "-o", out,
         source or os.path.join(HERE, name + ".c"),
         *LIBRARIES.get(name, ()), *options], check=True)
    return out


def turns(ones):
    """The same in another order each time: what one leaves behind for the next,
    on the disk and in the caches, shall not be the same one's each time."""
    return random.sample(ones, len(ones))


def peers_dir():
    peers = os.environ.get("BENCH_PEERS")
    return os.path.abspath(peers) if peers else None


def make_trust(place):
    """The certificates of the tests, and trust in them."""
    certs = os.path.join(place, "certs")
    subprocess.run(["sh", os.path.join(HERE, "..", "script", "certs.sh"),
                    certs], check=True)
    return certs, clients.Trust(place, "trust",
                                os.path.join(certs, "ca.pem"))


class Result:
    """What run.c printed, and what the program wrote."""

    def __init__(self, line, said):
        f = [int(word) for word in line.split()]
        self.status, self.cpu = f[0], (f[1] + f[2]) / 1000      # ms
        self.rss = f[3]                                         # KiB
        self.start, self.end = f[4] / 1e9, f[5] / 1e9           # s
        self.said = said

    @property
    def wall(self):
        return self.end - self.start


class Seen:
    """A connection, as the server saw it: a line of sink.c."""

    def __init__(self, f):
        self.port = int(f[1])
        self.messages = int(f[2])
        self.bytes = int(f[3])
        self.login, self.quit, self.wrong = (f[i] == "1" for i in (4, 5, 7))
        self.final = int(f[6]) / 1e9
        self.tls = f[8]
        self.rcpts = int(f[9])


class Sink:
    """The server."""

    def __init__(self, program, certs, *options):
        self.process = subprocess.Popen(
            [program, "-c", certs + "/good.pem", "-k", certs + "/good.key",
             "-u", clients.USER, "-p", clients.PASSWORD, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        words = self.process.stdout.readline().decode().split()
        self.ports = dict(zip(MODES, map(int, words[1:])))
        self.seen = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.seen.put(Seen(line.decode().split()))

    def clear(self):
        while not self.seen.empty():
            self.seen.get()

    def delivered(self):
        """The connection that brought a message, or None."""
        try:
            while True:
                seen = self.seen.get(timeout=5)
                if seen.messages > 0:
                    return seen
        except queue.Empty:
            return None

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
