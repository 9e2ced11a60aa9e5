# SPDX-License-Identifier: MIT
"""A proxy that makes loopback as slow as a distant server, and counts.

Each direction takes `delay` seconds.  The handshake of TCP, which the local
kernel would answer at once, is made up for: whatever a client sends right after
connect() is taken to have left one round trip later, and the server sees the
connection after one and a half.

The local kernel would also acknowledge at once, which no distant one can, and
so hide what a client without TCP_NODELAY loses.  So acknowledgements are asked
to ride with the answer; the kernel holds them back for 40 ms at most, so that
a round trip should be a little less.

How round trips are counted, from connect() to the final reply to the message:
the TCP handshake is one; after that each unbroken run of bytes from the server
is one, whatever number of segments it has, because in front of each stands a
wait of the client: for the answer to what it sent, or for the greeting.  The
clock says the same in another way: time from connect() to the final reply,
divided by 2 * delay.  Where the two differ by more than a fraction the client
was busy or waited for something else.
"""
import queue
import socket
import struct
import threading
import time

CHUNK = 262144


def data_segments_in(sock):
    """Segments with data that the kernel has received; None where unknown."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except (AttributeError, OSError):
        return None
    # tcpi_data_segs_in of linux/tcp.h, since Linux 4.6
    return struct.unpack_from("<I", info, 152)[0] if len(info) >= 156 else None


def delay_ack(sock):
    """Not a lasting setting: again after each receive."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
    except (AttributeError, OSError):
        pass


def listen(port=0):
    """Sockets on 127.0.0.1 and, where there is one, ::1; the same port."""
    first = socket.create_server(("127.0.0.1", port))
    socks = [first]
    try:
        socks.append(socket.create_server(
            ("::1", first.getsockname()[1]), family=socket.AF_INET6))
    except OSError:
        pass
    return socks


class Event:
    """Bytes at the client's side of the proxy."""

    def __init__(self, who, read, seen, size, segments):
        self.who = who              # "client" or "server"
        self.read = read            # when the proxy had them
        self.seen = seen            # when the client sent or could read them
        self.size = size
        self.segments = segments    # of the client so far


class Connection:
    def __init__(self, sock, target, delay):
        self.start = time.monotonic()
        self.client = sock
        self.delay = delay
        self.target = target
        self.server = None
        self.events = []
        self.done = threading.Event()
        self.up = queue.Queue()
        self.down = queue.Queue()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        delay_ack(sock)
        for work in (self.from_client, self.to_server, self.to_client):
            threading.Thread(target=work, daemon=True).start()

    def from_client(self):
        while True:
            try:
                data = self.client.recv(CHUNK)
            except OSError:
                data = b""
            now = time.monotonic()
            delay_ack(self.client)
            if data:
                self.events.append(Event("client", now, now, len(data), None))
            left = max(now, self.start + 2 * self.delay)
            self.up.put((left + self.delay, data))
            if not data:
                return

    def from_server(self):
        while True:
            try:
                data = self.server.recv(CHUNK)
            except OSError:
                data = b""
            now = time.monotonic()
            self.down.put((now + self.delay, now, data))
            if not data:
                return

    def to_server(self):
        wait_until(self.start + 3 * self.delay)
        try:
            self.server = socket.create_connection(self.target)
        except OSError:
            self.down.put((0, 0, b""))
            return
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self.from_server, daemon=True).start()
        while True:
            due, data = self.up.get()
            wait_until(due)
            try:
                if not data:
                    self.server.shutdown(socket.SHUT_WR)
                    return
                self.server.sendall(data)
            except OSError:
                return

    def to_client(self):
        while True:
            due, read, data = self.down.get()
            wait_until(due)
            try:
                if not data:
                    self.client.shutdown(socket.SHUT_WR)
                    break
                segments = data_segments_in(self.client)
                self.events.append(Event("server", read, time.monotonic(),
                                         len(data), segments))
                self.client.sendall(data)
            except OSError:
                break
        self.done.set()

    def close(self):
        for sock in (self.client, self.server):
            if sock is not None:
                sock.close()


def wait_until(when):
    left = when - time.monotonic()
    if left > 0:
        time.sleep(left)


class Trips:
    """What one submission came to; None for a figure that cannot be had."""

    def __init__(self, conn, final):
        """final: when the server was about to write the final reply, by the
        clock of time.monotonic()"""
        events = sorted(conn.events, key=lambda e: e.seen)
        self.count = 1
        self.segments = []          # of the client, for each flight
        self.replied = None         # when the client could read the reply
        before, who = 0, "client"
        for event in events:
            if event.who == "server" and who == "client":
                self.count += 1
                if event.segments is not None and event.segments > before:
                    self.segments.append(event.segments - before)
                    before = event.segments
            who = event.who
            if event.who == "server" and event.read >= final:
                self.replied = event.seen
                break
        self.by_clock = None
        if self.replied is not None:
            self.by_clock = (self.replied - conn.start) / (2 * conn.delay)


class Proxy:
    """Forwards to 127.0.0.1:target; connections() gives those since the last
    call, once their client is gone."""

    def __init__(self, target, delay):
        self.target = ("127.0.0.1", target)
        self.delay = delay
        self.lock = threading.Lock()
        self.found = []
        self.socks = listen()
        self.port = self.socks[0].getsockname()[1]
        for sock in self.socks:
            threading.Thread(target=self.accept, args=(sock,),
                             daemon=True).start()

    def accept(self, sock):
        while True:
            try:
                client, _ = sock.accept()
            except OSError:
                return
            with self.lock:
                self.found.append(Connection(client, self.target, self.delay))

    def connections(self):
        with self.lock:
            found, self.found = self.found, []
        for conn in found:
            conn.done.wait(10)
            conn.close()
        return found

    def close(self):
        for sock in self.socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)     # wakes accept()
            except OSError:
                pass
            sock.close()
