# SPDX-License-Identifier: MIT
"""A DNS server that answers from a table, well or badly, and a web server with
certificates of its own: for tests of what finds servers.  Loopback only."""
import os
import re
import socket
import ssl
import struct
import subprocess
import threading

A, CNAME, MX, TXT, AAAA, SRV = 1, 5, 15, 16, 28, 33
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


# ------------------------------------------------------------------------- DNS

def wire_name(name):
    return b"".join(bytes([len(x)]) + x.encode("latin-1")
                    for x in name.rstrip(".").split(".") if x) + b"\0"


def srv(priority, weight, port, target):
    return struct.pack(">HHH", priority, weight, port) + wire_name(target)


def mx(preference, host):
    return struct.pack(">H", preference) + wire_name(host)


def txt(*strings):
    return b"".join(bytes([len(s)]) + s for s in strings)


def a(address):
    return socket.inet_aton(address)


def aaaa(address):
    return socket.inet_pton(socket.AF_INET6, address)


class Said:
    """One answer: data of records, and all that can be wrong with it."""

    def __init__(self, *records, ad=False, rcode=NOERROR, silent=False,
                 raw=None, wrong_id=False, cut=None, owner=None,
                 only_tcp=False, alias=None):
        self.records, self.ad, self.rcode = records, ad, rcode
        self.silent, self.raw, self.wrong_id = silent, raw, wrong_id
        self.cut, self.owner, self.only_tcp = cut, owner, only_tcp
        self.alias = alias


class Dns:
    """Answers for `table`, by (name, type); UDP and TCP on one port."""

    def __init__(self, address="127.0.0.1", port=0):
        self.table = {}
        self.asked = []         # (name, type, "udp" or "tcp")
        self.flags = []         # of the questions
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for _ in range(20):
            self.udp.bind((address, port))
            try:
                self.tcp.bind((address, self.udp.getsockname()[1]))
                break
            except OSError:
                self.udp.close()
                self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = self.udp.getsockname()[1]
        self.place = "%s:%d" % (address, self.port)
        self.tcp.listen(8)
        for work in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    def say(self, name, kind, *records, **how):
        self.table[name.lower(), kind] = Said(*records, **how)

    def serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            answer = self.answer(query, "udp")
            if answer is not None:
                self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while True:
            sock, _ = self.tcp.accept()
            threading.Thread(target=self.one_tcp, args=(sock,),
                             daemon=True).start()

    def one_tcp(self, sock):
        with sock, sock.makefile("rb") as f:
            sock.settimeout(10)
            while True:
                try:
                    head = f.read(2)
                    if len(head) < 2:
                        return
                    answer = self.answer(
                        f.read(struct.unpack(">H", head)[0]), "tcp")
                    if answer is None:
                        return
                    sock.sendall(struct.pack(">H", len(answer)) + answer)
                except OSError:
                    return

    def answer(self, query, over):
        number, flags, _, _, _, more = struct.unpack(">6H", query[:12])
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        self.asked.append((name, kind, over))
        self.flags.append(flags)
        # EDNS: how much the other end takes
        most = struct.unpack(">H", query[at + 8:at + 10])[0] if more else 512
        said = self.table.get((name, kind)) or self.table.get((name, None))
        if said is None:
            known = any(n == name for n, _ in self.table)
            said = Said(rcode=NOERROR if known else NXDOMAIN)
        if said.silent:
            return None
        if said.raw is not None:
            return struct.pack(">H", number) + said.raw
        if said.wrong_id:
            number ^= 0x1234
        bits = 0x8180 | said.rcode
        if said.ad and flags & 0x20:
            bits |= 0x20
        owner = wire_name(said.owner) if said.owner else b"\xc0\x0c"
        body, count = b"", len(said.records)
        if said.alias:
            data = wire_name(said.alias)
            body = owner + struct.pack(">HHIH", CNAME, 1, 60, len(data)) + data
            owner, count = data, count + 1
        body += b"".join(owner + struct.pack(">HHIH", kind, 1, 60, len(d)) + d
                         for d in said.records)
        if over == "udp" and (said.only_tcp or
                              12 + len(question) + len(body) > most):
            bits, body, count = bits | 0x200, b"", 0
        whole = struct.pack(">6H", number, bits, 1, count, 0, 0) + \
            question + body
        return whole if said.cut is None else whole[:said.cut]


# ----------------------------------------------------------------- certificates

def openssl(*argv):
    subprocess.run(("openssl",) + argv, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def authority(where, name="ca"):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=authority " + name,
            "-addext", "keyUsage=critical,keyCertSign",
            "-keyout", "%s/%s.key" % (where, name),
            "-out", "%s/%s.pem" % (where, name))


def certificate(where, name, hosts, ca="ca"):
    """NAME.pem with what is to be proved to clients, and NAME.key."""
    base = os.path.join(where, name)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", "/CN=" + name, "-keyout", base + ".key",
            "-out", base + ".csr")
    with open(base + ".ext", "w") as f:
        f.write("subjectAltName=%s\nextendedKeyUsage=serverAuth\n" %
                ",".join("DNS:" + h for h in hosts))
    openssl("x509", "-req", "-in", base + ".csr", "-days", "20",
            "-CA", "%s/%s.pem" % (where, ca),
            "-CAkey", "%s/%s.key" % (where, ca),
            "-CAcreateserial", "-extfile", base + ".ext",
            "-out", base + ".pem")


# -------------------------------------------------------------------------- web

def page(body, status="200 OK", *more):
    if isinstance(body, str):
        body = body.encode()
    head = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body),
            "Connection: close"] + list(more)
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def redirect(to):
    return page("", "302 Found", "Location: " + to)


class Web:
    """HTTPS on one port; `pages` by (host, path): bytes, or a function of the
    socket.  What is not there is 404."""

    def __init__(self, cert, address="127.0.0.1", port=0):
        self.pages = {}
        self.requests = []      # (host, target, all of the header)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert + ".pem", cert + ".key")
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.place = "%s:%d" % (address, self.port)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            sock, _ = self.listener.accept()
            threading.Thread(target=self.one, args=(sock,),
                             daemon=True).start()

    def one(self, sock):
        try:
            sock.settimeout(20)
            with self.context.wrap_socket(sock, server_side=True) as tls:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = tls.recv(4096)
                    if not piece:
                        return
                    head += piece
                head = head.decode("latin-1")
                target = head.split(" ")[1]
                host = re.search(r"(?im)^host: *([^:\r\n]*)", head).group(1)
                self.requests.append((host, target, head))
                answer = self.pages.get((host, target.split("?")[0]),
                                        page("not here", "404 Not Found"))
                if callable(answer):
                    answer(tls)
                else:
                    tls.sendall(answer)
        except OSError:
            pass


def document(*servers):
    """servers: (host, port, socketType, username, [authentication])"""
    return """<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="example.test">
    <domain>example.test</domain>
    <incomingServer type="imap">
      <hostname>imap.example.test</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <username>wrong</username>
    </incomingServer>
%s  </emailProvider>
</clientConfig>
""" % "".join("""    <outgoingServer type="smtp">
      <hostname>%s</hostname>
      <port>%s</port>
      <socketType>%s</socketType>
      <username>%s</username>
%s    </outgoingServer>
""" % (h, p, s, u, "".join("      <authentication>%s</authentication>\n" % x
                           for x in auth)) for h, p, s, u, auth in servers)
