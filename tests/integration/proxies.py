# SPDX-License-Identifier: MIT
"""A SOCKS5 and an HTTP CONNECT proxy on loopback, for tests.

Proxy(kind, user, password, manner) listens from its making until stop().
kind: socks5 or http.  manner:
    good        as it should be
    refuse      says no to every connection
    silent      takes the connection and says nothing
    stall       says nothing once it knows where to
    hangup      closes once it knows where to
    garbage     answers with something else
What came is in `asked` ((host, port) as the client wrote them, a host by name
as a str, an address with "ip:" in front), `logins` and `failed` log-ins.
"""
import base64
import select
import socket
import struct
import threading


class Gone(Exception):
    """The other side has closed."""


class Proxy:
    def __init__(self, kind, user=None, password=None, manner="good"):
        self.kind = kind
        self.user = user
        self.password = password
        self.manner = manner
        self.asked, self.logins, self.failed = [], [], 0
        self.stopping = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.2)
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(5)
        self.listener.close()

    def _accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.listener.accept()
            except socket.timeout:
                continue
            thread = threading.Thread(target=self._serve, args=(sock,),
                                      daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock):
        with sock:
            sock.settimeout(10)
            try:
                if self.manner == "silent":
                    self._wait_end(sock)
                elif self.kind == "socks5":
                    self._socks(sock)
                else:
                    while self._http(sock):
                        pass
            except (Gone, OSError):
                pass

    def _wait_end(self, sock):
        while not self.stopping.is_set():
            if select.select([sock], [], [], 0.1)[0] and not sock.recv(4096):
                return

    @staticmethod
    def _exactly(sock, n):
        data = b""
        while len(data) < n:
            piece = sock.recv(n - len(data))
            if not piece:
                raise Gone
            data += piece
        return data

    def _manners(self, sock, refusal):
        """True if the connection is to be made."""
        if self.manner == "good":
            return True
        if self.manner == "refuse":
            sock.sendall(refusal)
        elif self.manner == "garbage":
            sock.sendall(b"220 mail.example.test ESMTP\r\n" * 3)
        elif self.manner == "stall":
            self._wait_end(sock)
        return False

    # RFC 1928 and 1929
    def _socks(self, sock):
        version, n = self._exactly(sock, 2)
        methods = self._exactly(sock, n)
        if version != 5:
            return
        if self.user is None:
            sock.sendall(b"\5\0")
        elif 2 not in methods:
            self.failed += 1
            sock.sendall(b"\5\xff")
            return
        else:
            sock.sendall(b"\5\2")
            user = self._exactly(sock, self._exactly(sock, 2)[1])
            word = self._exactly(sock, self._exactly(sock, 1)[0])
            good = (user, word) == (self.user, self.password)
            self.logins.append((user, word))
            sock.sendall(b"\1\0" if good else b"\1\1")
            if not good:
                self.failed += 1
                return
        kind = self._exactly(sock, 4)[3]
        if kind == 3:
            host = self._exactly(sock, self._exactly(sock, 1)[0]).decode()
        elif kind == 1:
            host = "ip:" + socket.inet_ntop(socket.AF_INET,
                                            self._exactly(sock, 4))
        else:
            host = "ip:" + socket.inet_ntop(socket.AF_INET6,
                                            self._exactly(sock, 16))
        port = struct.unpack(">H", self._exactly(sock, 2))[0]
        self.asked.append((host, port))
        if self._manners(sock, b"\5\2\0\1" + b"\0" * 6):
            self._relay(sock, host, port, b"\5\0\0\1" + b"\0" * 6,
                        b"\5\5\0\1" + b"\0" * 6)

    # RFC 9110 9.3.6; true when another request may come
    def _http(self, sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._exactly(sock, 1)
        lines = head.decode("latin-1").split("\r\n")
        host, _, port = lines[0].split(" ")[1].rpartition(":")
        fields = dict(x.lower().split(": ", 1) for x in lines[1:] if ": " in x)
        raw = dict(x.split(": ", 1) for x in lines[1:] if ": " in x)
        if self.user is not None:
            said = raw.get("Proxy-Authorization", "")
            want = b"Basic " + base64.b64encode(self.user + b":" +
                                                self.password)
            if said:
                self.logins.append(said)
            if said.encode() != want:
                self.failed += 1
                sock.sendall(b"HTTP/1.1 407 Who is it\r\n"
                             b"Proxy-Authenticate: Basic realm=\"x\"\r\n"
                             b"Content-Length: 0\r\n\r\n")
                return True
        self.asked.append((host, int(port)))
        assert "host" in fields
        if self._manners(sock, b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n"
                               b"\r\n"):
            self._relay(sock, host, int(port), b"HTTP/1.1 200 Go\r\n\r\n",
                        b"HTTP/1.1 502 Not there\r\n\r\n")
        return False

    def _relay(self, sock, host, port, good, bad):
        try:
            far = socket.create_connection((host.removeprefix("ip:"), port),
                                           5)
        except OSError:
            sock.sendall(bad)
            return
        with far:
            sock.sendall(good)
            while not self.stopping.is_set():
                for one in select.select([sock, far], [], [], 0.1)[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    (far if one is sock else sock).sendall(data)
