#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Attempts to get mail relayed by the local service: relay.py [PATTERN]...

Prints TAP.  Root, in mount and network namespaces of its own (relay.tap), where
the service runs; a second network namespace is the neighbour, at the other end
of a cable.  MAILCHUTE_BIN names the program.
"""
import base64
import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases                                        # noqa: E402
import servers                                      # noqa: E402
import service                                      # noqa: E402
from cases import Skip, equal, expect               # noqa: E402
from servers import SLOW, wait_for                  # noqa: E402
from service import DOMAIN, Client                  # noqa: E402

CASES = []
ANNA = "mc-anna@" + DOMAIN
BEN = "mc-ben@" + DOMAIN
BOB = "bob@far.example"
OUR4, THEIR4 = "10.73.0.1", "10.73.0.2"
OUR6, THEIR6 = "fd73::1", "fd73::2"
LETTER = b"From: <a@b.example>\r\nTo: <bob@far.example>\r\n\r\nBuy!\r\n"


def case(function):
    CASES.append(function)
    return function


def ip(*words):
    subprocess.run(["ip", *words], check=True, stdout=subprocess.DEVNULL)


def switch(name, value):
    servers.write("/proc/sys/net/ipv4/conf/%s" % name, value)


# --------------------------------------------------------------- the neighbour

# prints the first bytes that come from each address, or why there are none;
# "route" is a source route through the first address to the second
ASK = r"""
import socket, sys
for word in sys.argv[2:]:
    way, _, end = word.partition(">")
    six = ":" in way
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET) as s:
        s.settimeout(0.7)
        said = b""
        try:
            if end:
                s.setsockopt(socket.IPPROTO_IP, 4, bytes([131, 7, 4]) +
                             socket.inet_aton(end) + b"\0")
            s.connect((way, int(sys.argv[1])))
            s.sendall(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\n")
            while len(said) < 2000:
                piece = s.recv(2000)
                if not piece:
                    break
                said += piece
        except OSError as problem:
            said = said or str(problem).encode()
        print(repr(said))
"""
# a handshake and a message in the name of loopback, blindly
SPOOF = r"""
import socket, struct, sys
def total(data):
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def packet(source, target, port, flags, seq, ack, text=b""):
    text += b" " * (len(text) % 2)
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    def tcp(check):
        return struct.pack("!HHIIBBHHH", 4000, port, seq, ack, 80, flags,
                           4096, check, 0) + text
    pseudo = ends + struct.pack("!BBH", 0, 6, len(tcp(0)))
    return struct.pack("!BBHHHBBH", 69, 0, 20 + len(tcp(0)), 1, 0, 64, 6,
                       0) + ends + tcp(total(pseudo + tcp(0)))
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
mail = (b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@far.example>\r\n"
        b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n")
n = 0
for source in ("127.0.0.1", "127.0.0.2", "10.73.0.1"):
    for target in ("127.0.0.1", "10.73.0.1"):
        for step in (packet(source, target, int(sys.argv[1]), 2, 1, 0),
                     packet(source, target, int(sys.argv[1]), 24, 2, 1, mail)):
            try:
                n += s.sendto(step, (target, 0)) > 0
            except OSError as problem:
                print(problem)
print(n)
"""


class Network(cases.Bench):
    """A cable to a neighbour, who thinks that 127.0.0.1 is over there."""

    def __init__(self, where):
        super().__init__(where)
        ip("link", "set", "lo", "up")
        # its life is that of its standard input
        self.far = subprocess.Popen(["unshare", "--net", "sh", "-c",
                                     "echo ready; exec cat"],
                                    stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
        servers.Daemon.guard.add(self.far.pid)
        self.far.stdout.readline()
        self.there = ["nsenter", "--net=/proc/%d/ns/net" % self.far.pid]
        ip("link", "add", "near0", "type", "veth", "peer", "name", "far0",
           "netns", str(self.far.pid))
        for inside, name, four, six in (
                ([], "near0", OUR4, OUR6), (self.there, "far0", THEIR4,
                                            THEIR6)):
            for words in (["addr", "add", four + "/24", "dev", name],
                          ["addr", "add", six + "/64", "dev", name, "nodad"],
                          ["link", "set", name, "up"]):
                subprocess.run([*inside, "ip", *words], check=True)
        # there lo is down, so that its own 127.0.0.1 is nobody
        for words in (["ip", "route", "add", "127.0.0.0/8", "via", OUR4,
                       "dev", "far0"],
                      ["ip", "-6", "route", "add", "::1/128", "via", OUR6,
                       "dev", "far0"]):
            subprocess.run([*self.there, *words], check=True)
        subprocess.run([*self.there, "sh", "-c",
                        "for n in all far0; do "
                        "echo 1 >/proc/sys/net/ipv4/conf/$n/route_localnet; "
                        "echo 0 >/proc/sys/net/ipv4/conf/$n/rp_filter; done"],
                       check=True)

    def leave(self):
        self.far.stdin.close()
        self.far.wait()

    def ask(self, port, *words):
        done = subprocess.run([*self.there, cases.PYTHON, "-c", ASK,
                               str(port), *words], check=True,
                              stdout=subprocess.PIPE, timeout=60 * SLOW)
        return done.stdout.decode().splitlines()

    def none(self, s):
        """Nothing was taken and nothing relayed."""
        expect("nothing is queued", not s.queued(), s.queued())
        self.nothing(s)


@contextlib.contextmanager
def listener(address, family=socket.AF_INET):
    """Of the test's own: greets whoever comes"""
    with socket.socket(family) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 0))
        s.listen()
        s.settimeout(5)
        pid = os.fork()
        if pid == 0:
            try:
                while True:
                    with s.accept()[0] as c:
                        c.sendall(b"reached\r\n")
            finally:
                os._exit(0)
        try:
            yield s.getsockname()[1]
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@case
def neighbour(b):
    """a neighbour does not reach the service by any address"""
    with listener("0.0.0.0") as port:
        said = b.ask(port, OUR4)
        expect("there is a cable", "reached" in said[0], said)
    s = b.tcp(trust_loopback="yes")
    ways = [OUR4, "127.0.0.1", "127.1.2.3", OUR6, "::1", "::ffff:" + OUR4,
            "::ffff:127.0.0.1", OUR4 + ">127.0.0.1", "127.0.0.1>127.0.0.1",
            OUR4 + ">" + OUR4]
    switch("all/accept_source_route", "1")
    switch("near0/accept_source_route", "1")
    for way, said in zip(ways, b.ask(s.port, *ways)):
        expect("no answer by " + way, "220" not in said and
               "250" not in said, said)
    done = subprocess.run([*b.there, cases.PYTHON, "-c", SPOOF,
                           str(s.port)], check=True, stdout=subprocess.PIPE)
    expect("packets left", int(done.stdout.split()[-1]) > 0, done.stdout)
    b.none(s)


@case
def martians_let_in(b):
    """nor where the kernel lets 127.0.0.1 in, as for some containers"""
    for name in ("all", "near0"):
        switch(name + "/route_localnet", "1")
        switch(name + "/rp_filter", "0")
    try:
        with listener("127.0.0.1") as port:
            said = b.ask(port, "127.0.0.1")
            if "reached" not in said[0]:
                raise Skip("this kernel does not let it in")
        for trust in ("yes", "no"):
            s = b.tcp(trust_loopback=trust)
            said = b.ask(s.port, "127.0.0.1")
            equal("the answer", said,
                  [repr(b"421 4.7.0 Not for you, or not now\r\n")])
            subprocess.run([*b.there, cases.PYTHON, "-c", SPOOF,
                            str(s.port)], check=True,
                           stdout=subprocess.DEVNULL)
            wait_for("a line", 5, lambda s=s: re.search(
                r"refused source=%s uid=- pid=- reason=peer " % re.escape(
                    THEIR4), s.log_text()))
            b.none(s)
            s.stop()
    finally:
        for name in ("all", "near0"):
            switch(name + "/route_localnet", "0")


def refuses(s, argv, fds=()):
    done = subprocess.run(
        argv, env=s.environment(), stdin=subprocess.DEVNULL, cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=fds,
        timeout=30 * SLOW, check=False,
        preexec_fn=service.become(service.USERS["mc-serve"]))
    said = done.stdout.decode("utf-8", "replace") + s.log_text()
    expect("78", done.returncode == 78, (done.returncode, said))
    expect("no socket is left", not os.path.exists(s.path))
    return said


@case
def other_addresses(b):
    """to listen where others can reach it is refused with 78"""
    port = servers.free_ports(1)[0]
    for text in ("0.0.0.0", "[::]", OUR4, "[%s]" % OUR6, "[::ffff:127.0.0.1]",
                 "[::ffff:%s]" % OUR4, "128.0.0.1", "126.255.255.255",
                 "127.0.0.1:2525 0.0.0.0", "*", "localhost", "[::1%near0]",
                 "[fe80::1]"):
        s = b.service(start=False, listen="%s:%d" % (text, port))
        said = refuses(s, [cases.BINARY, "serve", "-C", s.conf])
        expect("it says why", "listen" in said, said)
    for address, family in (("0.0.0.0", socket.AF_INET), (OUR4, socket.AF_INET),
                            ("::", socket.AF_INET6), (OUR6, socket.AF_INET6),
                            ("::ffff:127.0.0.1", socket.AF_INET6)):
        s = b.service(start=False)
        with socket.socket(family) as made:
            made.bind((address, 0))
            made.listen()
            said = refuses(s, cases.handed([made.fileno()], [
                cases.BINARY, "serve", "-C", s.conf]), (made.fileno(),))
            expect("it says why", "loopback" in said, said)


# ------------------------------------------------------------ without a token

def greeted(port):
    s = socket.create_connection(("127.0.0.1", port), 20 * SLOW)
    expect("a greeting", s.recv(1000)[:4] == b"220 ")
    return s


def dialogue(s, pieces, ca=None):
    """All that is said to that, the end included; each piece waits for a
    reply, but for the last one"""
    said = b""
    try:
        if ca is not None:
            s.sendall(b"EHLO x\r\n")
            said += s.recv(1000)
            s.sendall(b"STARTTLS\r\n")
            said += s.recv(1000)
            s = ssl.create_default_context(cafile=ca).wrap_socket(
                s, server_hostname="localhost")
        for piece in pieces[:-1]:
            s.sendall(piece)
            said += s.recv(2000)
        s.sendall(pieces[-1])
        while True:
            piece = s.recv(2000)
            if not piece:
                break
            said += piece
    except ConnectionError:
        pass
    finally:
        s.close()
    return said


def b64(text):
    return base64.b64encode(text)


SENDERS = [b"<a@b.example>", b"<>", ANNA.encode().join((b"<", b">")), b"<root>",
           b"<mc-anna>", b"<postmaster@[127.0.0.1]>", b"<root@localhost>",
           b"<\"mc-anna\"@work.example>", b"<@work.example:a@b.example>"]
RCPTS = [b"<bob@far.example>", b"<bob%far.example@work.example>",
         b"<bob%far.example@localhost>", b"<bob%far.example@[127.0.0.1]>",
         b"<far.example!bob>", b"<far.example!bob@work.example>",
         b"<\"bob@far.example\">", b"<\"bob@far.example\"@work.example>",
         b"<\"bob%far.example\"@localhost>",
         b"<@work.example:bob@far.example>",
         b"<@work.example,@localhost:bob@far.example>",
         b"<bob@[192.0.2.1]>", b"<bob@[IPv6:2001:db8::1]>",
         b"<\"far.example!bob\"@[127.0.0.1]>", b"<mc-ben>", b"<postmaster>",
         b"<bob@far.example@work.example>", b"<>", b"bob@far.example"]
AUTHS = [b"PLAIN " + b64(b"\0\0"), b"PLAIN " + b64(b"\0mc-anna\0"),
         b"PLAIN " + b64(b"\0nobody-at-all\0x"), b"PLAIN " + b64(b"\0root\0"),
         b"PLAIN " + b64(b"root\0mc-anna\0x"), b"PLAIN " + b64(b"mc-anna"),
         b"PLAIN " + b64(b"\0root\0root"), b"PLAIN " + b64(b"\0*\0*"),
         b"PLAIN " + b64(b"\0mc-anna\0\0"), b"PLAIN " + b64(b"\0#\0"),
         b"PLAIN =", b"PLAIN *", b"LOGIN " + b64(b"mc-anna"), b"LOGIN =",
         b"ANONYMOUS", b"EXTERNAL =", b"CRAM-MD5", b"XOAUTH2 " + b64(
             b"user=mc-anna\1auth=Bearer x\1\1"), b"plain", b""]


def whole(sender, rcpt):
    return (b"MAIL FROM:%s\r\nRCPT TO:%s\r\nDATA\r\n%s.\r\nBDAT %d LAST\r\n%s"
            b"QUIT\r\n" % (sender, rcpt, LETTER, len(LETTER), LETTER))


def fruitless(s, what, said):
    expect("nothing is taken: %r" % (what,), b"queued as" not in said and
           b"\n354" not in said and b"\n235" not in said, said)
    expect("nothing is queued: %r" % (what,), not s.queued(), said)


def tried(b, things, tls=True):
    """(what is said, name) of each (name, *pieces), without TLS and with it.
    Whoever has made errors is served slowly, so all connect before the first
    one errs.  One user has a token."""
    for at in range(0, len(things), 20):
        s = b.tcp(limit_sessions=200, limit_sessions_loopback=100,
                  limit_errors=1000, limit_junk=1000)
        b.token(s, "mc-anna")
        todo = [(greeted(s.port), ca, name, pieces)
                for name, *pieces in things[at:at + 20]
                for ca in ((None, s.ca) if tls else (None,))]
        for sock, ca, name, pieces in todo:
            said = dialogue(sock, pieces, ca)
            fruitless(s, name, said)
            yield said, name
        b.none(s)
        s.stop()


@case
def addresses(b):
    """without a log-in nobody is sent mail, however he is called"""
    pairs = [(sender, RCPTS[0]) for sender in SENDERS]
    pairs += [(SENDERS[0], rcpt) for rcpt in RCPTS]
    done = list(tried(b, [(pair, b"EHLO x\r\n" + whole(*pair))
                          for pair in pairs]))
    equal("how many", len(done), 2 * len(pairs))
    for said, pair in done:
        expect("log in first: %r" % (pair,), b"\n530 5.7.0 " in said or
               b"\n501 5.1.7 " in said, said)


@case
def log_ins(b):
    """a log-in without a token is none"""
    done = list(tried(b, [(auth, b"EHLO x\r\n", b"AUTH %s\r\n" % auth,
                           b"\r\n", whole(SENDERS[2], RCPTS[0]))
                          for auth in AUTHS]))
    equal("how many", len(done), 2 * len(AUTHS))


@case
def no_tokens(b):
    """where there are no tokens, or a bad file of them, nobody logs in"""
    for text in (None, "", "mc-anna\n", ":\n", "mc-anna:\n"):
        s = b.tcp()
        name = s.spool + "/tokens"
        if text is None:
            expect("no file of tokens", not os.path.exists(name))
        else:
            servers.write(name, text, 0o600)
            os.chown(name, s.uid, s.uid)
        socks = [greeted(s.port) for _ in AUTHS[:5]]
        for auth, sock in zip(AUTHS, socks):
            fruitless(s, auth, dialogue(
                sock, [b"EHLO x\r\n", b"AUTH %s\r\n" % auth, b"\r\n",
                         whole(SENDERS[2], RCPTS[0])], s.ca))
        b.none(s)
        s.stop()


@case
def foreign(b):
    """browsers, proxies, early talkers, and all in one piece"""
    plain = b"EHLO x\r\n" + whole(SENDERS[0], RCPTS[0])
    texts = {
            "POST": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                    b"%d\r\n\r\n%s" % (len(plain), plain),
            "POST, lines of old": plain.join((b"POST / HTTP/1.0\n\n", b"")),
            "CONNECT": b"CONNECT far.example:25 HTTP/1.1\r\n\r\n" + plain,
            "GET": b"GET /%0d%0aEHLO%20x HTTP/1.1\r\n\r\n" + plain,
            "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + plain,
            "PROXY": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\n" + plain,
            "PROXY 2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\x7f\0\0\1" *
                       2 + b"\0\1\0\x19" + plain,
            "XCLIENT": b"EHLO x\r\nXCLIENT ADDR=127.0.0.1 LOGIN=mc-anna\r\n" +
                       plain,
            "XFORWARD": b"EHLO x\r\nXFORWARD ADDR=127.0.0.1\r\n" + plain,
            "TLS at once": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + plain,
            "TLS and more": b"EHLO x\r\nSTARTTLS\r\n" + plain,
            "AUTH and more": b"EHLO x\r\nAUTH PLAIN AAA=\r\n" + plain,
            "AUTH=": b"EHLO x\r\nMAIL FROM:<a@b.example> AUTH=mc-anna\r\n"
                     b"RCPT TO:<bob@far.example>\r\nDATA\r\n%s.\r\n" % LETTER,
            "HELO": b"HELO x\r\n" + whole(SENDERS[0], RCPTS[0]),
            "LHLO": b"LHLO x\r\n" + whole(SENDERS[0], RCPTS[0]),
            "ETRN, TURN": b"EHLO x\r\nETRN far.example\r\nTURN\r\nATRN\r\n" +
                          plain,
            "VRFY, EXPN, SEND": b"EHLO x\r\nVRFY mc-anna\r\nEXPN root\r\n"
                                b"SEND FROM:<a@b.example>\r\nSOML FROM:<a@b."
                                b"example>\r\n" + plain,
            "no greeting": whole(SENDERS[0], RCPTS[0]),
            "bare LF": plain.replace(b"\r\n", b"\n"),
            "many": plain.replace(b"QUIT\r\n", b"RSET\r\n") * 20 +
                    b"QUIT\r\n"}
    for said, what in tried(b, list(texts.items()), tls=False):
        expect("no user is told of: " + what, b"mc-anna" not in said, said)
        if what in ("POST", "CONNECT", "GET"):
            expect("the end at once: " + what, said.count(b"\n") <= 2 and
                   b"421" in said, said)
    # before the greeting, in pieces
    s = b.tcp()
    with socket.create_connection(("127.0.0.1", s.port), 20) as c:
        for i in range(0, len(plain), 7):
            with contextlib.suppress(ConnectionError):
                c.sendall(plain[i:i + 7])
        c.settimeout(20)
        said = b""
        with contextlib.suppress(ConnectionError):
            while True:
                piece = c.recv(2000)
                if not piece:
                    break
                said += piece
    fruitless(s, "early", said)
    b.none(s)


# ------------------------------------------------------------------ containers

# the socket at another path, as a container has it
INSIDE = """\
set -e
: >"$2"
mount --bind "$1" "$2"
shift 2
exec "$@"
"""
TALK = r"""
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
f = s.makefile("rb")
try:
    for line in ["", *sys.argv[2:]]:
        # nothing at first: to send nothing fails too, once the other has gone
        if line:
            s.sendall(line.encode() + b"\r\n")
        got = b"   -"
        while got[3:4] == b"-":
            got = f.readline()
        if not got:
            break
        print(got.decode().rstrip())
except ConnectionError:
    pass
"""


def contained(b, s, who, uid, *lines):
    """What a process of that user sees at a bind mount; `who` are words of
    setpriv's and unshare's"""
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", INSIDE,
         "sh", s.path, b.dir + "/mounted", "setpriv", "--reuid", str(uid),
         "--regid", str(uid), "--clear-groups", "--", *who, cases.PYTHON,
         "-c", TALK, b.dir + "/mounted", *lines], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=30 * SLOW, check=False)
    return done.stdout.decode()


@case
def containers(b):
    """at a bind mount: strangers get 421, and root inside is a user outside"""
    s = b.service()
    away = "421 4.7.0 Not for you, or not now\n"
    for uid in (65534, 161802, 4294967294):
        equal("uid %d" % uid, contained(b, s, [], uid, "EHLO x"), away)
    anna = service.USERS["mc-anna"]
    ways = [[]]
    if subprocess.run(["setpriv", "--reuid", str(anna), "--regid", str(anna),
                       "--clear-groups", "unshare", "--user",
                       "--map-root-user", "true"], check=False,
                      stderr=subprocess.DEVNULL).returncode == 0:
        ways += [["unshare", "--user"], ["unshare", "--user",
                                         "--map-root-user"]]
    for who in ways:
        said = contained(b, s, who, anna, "EHLO x", "MAIL FROM:<%s>" % BEN,
                         "MAIL FROM:<>", "MAIL FROM:<%s>" % ANNA)
        equal("replies", [line[:3] for line in said.splitlines()],
              ["220", "250", "550", "550", "250"])
    b.none(s)


@case
def service_inside(b):
    """a service in a user namespace: whoever has no number there gets 421"""
    s = b.service(start=False)
    child = subprocess.Popen(
        ["unshare", "--user", "sh", "-c", "read go && exec setpriv --reuid %d "
         "--regid %d --clear-groups -- \"$@\"" % (s.uid, s.uid), "sh",
         cases.BINARY, "serve", "-C", s.conf], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=open(s.dir + "/out", "ab"),
        env=s.environment(), cwd="/", start_new_session=True)
    s.child = child
    servers.Daemon.guard.add(child.pid)
    here = os.readlink("/proc/self/ns/user")
    wait_for("the namespace", 5, lambda: child.poll() is not None or (
        os.readlink("/proc/%d/ns/user" % child.pid) != here))
    if child.poll() is not None:
        raise Skip("no user namespace can be made here")
    # root and the service's own user, and anna; not ben
    numbers = "0 0 1\n%d %d 2\n" % (s.uid, s.uid)
    for name in ("uid_map", "gid_map"):
        servers.write("/proc/%d/%s" % (child.pid, name), numbers)
    child.stdin.write(b"go\n")
    child.stdin.close()
    wait_for("the service", 10, s.ready)
    with Client(s, "mc-ben") as c:
        equal("ben", c.reply(), "421 4.7.0 Not for you, or not now\n")
    wait_for("a line", 5, lambda: "refused source=unix uid=65534 " in
             s.log_text())
    with Client(s, "mc-anna") as c:
        expect("anna", c.hello().startswith("220 "))
        expect("as herself", c.command("MAIL FROM:<%s>" % ANNA)[:3] == "250")
        c.command("RSET")
        expect("and nobody else",
               c.command("MAIL FROM:<%s>" % BEN)[:3] == "550")
    b.none(s)


if __name__ == "__main__":
    sys.exit(cases.run(CASES, sys.argv[1:], "mc-relay-", Network))
