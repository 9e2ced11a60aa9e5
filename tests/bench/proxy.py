# SPDX-License-Identifier: MIT
"""Loopback as slow as a distant server, and round trips counted: runs proxy.c.

Each direction takes `delay` seconds.  The handshake of TCP, which the local
kernel would answer at once, is made up for: connect() returns one round trip
too early, so what a client sends before the first answer leaves one round trip
after the proxy has it, and the server sees the connection after one and a half.

The local kernel would also acknowledge at once, which no distant one can, and
so hide what a client without TCP_NODELAY loses.  So acknowledgements are asked
to ride with the answer.  The kernel holds them back for 40 ms at most: with a
round trip of 50 ms such a client still loses 10 ms less than it would.  There
is no limit of bandwidth, no loss and no slow start.

How round trips are counted, from connect() to the final reply to the (last)
message: the handshake of TCP is one; after that each unbroken run of bytes from
the server is one, whatever number of segments it has, because in front of each
stands a wait of the client: for the answer to what it sent, or for the
greeting.  With several messages on their way at once the client does not wait
in front of each, so this is more than what it waits for; but it never is less.

Two other figures stand beside it.  The chain: the longest row of flights of
which each could leave only when the answer to the one before had arrived.  And
the clock: time from connect() to the final reply divided by 2 * delay.  Where
that is more than the chain by more than a fraction the client was busy or
waited for something else.
"""
import queue
import subprocess
import threading


class Event:
    """Bytes at the client's side of the proxy."""

    def __init__(self, word):
        f = word.split(":")
        self.who = {"c": "client", "s": "server"}[f[0]]
        self.read = int(f[1]) / 1e9     # when the proxy had them
        self.seen = self.read           # when the client could read them
        self.segments = -1              # of the client so far
        if f[0] == "s":
            self.seen = int(f[2]) / 1e9
            self.segments = int(f[5])
        self.size = int(f[-2 if f[0] == "c" else 3])
        self.depth = int(f[-1 if f[0] == "c" else 4])


class Trips:
    """What one connection came to, up to the final reply."""

    def __init__(self, line, delay, final):
        """final: when the server was about to write it, by the monotonic
        clock"""
        self.start = int(line[2]) / 1e9
        self.count = 1
        self.chain = 1
        self.segments = []          # of the client, for each flight
        self.replied = None         # when the client could read the reply
        before, who = 0, "client"
        for event in map(Event, line[3:]):
            if event.who == "server":
                self.chain = max(self.chain, event.depth)
            if event.who == "server" and who == "client":
                self.count += 1
                if event.segments > before:
                    self.segments.append(event.segments - before)
                    before = event.segments
            who = event.who
            if event.who == "server" and event.read >= final:
                self.replied = event.seen
                break
        self.by_clock = None
        if self.replied is not None:
            self.by_clock = (self.replied - self.start) / (2 * delay)


class Proxy:
    """Forwards to 127.0.0.1:target."""

    def __init__(self, program, target, delay):
        self.delay = delay
        self.process = subprocess.Popen(
            [program, str(round(1e6 * delay)), str(target)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().split()[1])
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode().split())

    def trips(self, finals, patience=15):
        """Of each connection that the server says brought a message:
        {port: final}.  None where one of them is not seen."""
        found = {}
        try:
            while len(found) < len(finals):
                line = self.lines.get(timeout=patience)
                if int(line[1]) in finals:
                    found[int(line[1])] = Trips(line, self.delay,
                                                finals[int(line[1])])
        except queue.Empty:
            return None
        if any(t.replied is None for t in found.values()):
            return None
        return list(found.values())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
