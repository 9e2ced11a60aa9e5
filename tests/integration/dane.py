#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tls-verify = dane: run by dane.tap in namespaces of its own.

Prints TAP.  The DNS server answers from a table; what it says of DNSSEC is one
bit, as a validating resolver on this machine says it.  The relay is the
scripted server of tests/script.
"""
import base64
import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(HERE, "..", "script")
sys.path.insert(0, SCRIPTS)
import server  # noqa: E402

TOP = os.path.abspath(os.environ.get("top_builddir", "."))
BIN = os.environ.get("MAILCHUTE_BIN", TOP + "/mailchute")
HELPER = TOP + "/helper/mailchute-tlsa"
SLOW = float(os.environ.get("MAILCHUTE_SLOW") or 1)

A, CNAME, AAAA, TLSA = 1, 5, 28, 52
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


# ------------------------------------------------------------------------ DNS

def wire_name(name):
    return b"".join(bytes([len(x)]) + x.encode()
                    for x in name.rstrip(".").split(".") if x) + b"\0"


class Said:
    """One answer: records (name, type, data), what DNSSEC says, a code."""

    def __init__(self, records=(), ad=True, rcode=NOERROR, raw=None,
                 silent=False):
        self.records, self.ad, self.rcode = list(records), ad, rcode
        self.raw, self.silent = raw, silent


class Dns:
    """On all addresses, port 53, UDP and TCP; `table` by (name, type)."""

    def __init__(self):
        self.table = {}
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("0.0.0.0", 53))
        # answers have to come from where the question went
        self.udp.setsockopt(socket.IPPROTO_IP, 8, 1)    # IP_PKTINFO
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("0.0.0.0", 53))
        self.tcp.listen(8)
        for work in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    def serve_udp(self):
        while True:
            query, extra, _, peer = self.udp.recvmsg(4096, 256)
            answer = self.answer(query, 512)
            if answer is None:
                continue
            level, kind, data = extra[0]
            spec = data[4:8]
            self.udp.sendmsg([answer], [(level, kind, struct.pack(
                "=I4s4s", 0, spec, b"\0" * 4))], 0, peer)

    def serve_tcp(self):
        while True:
            sock, _ = self.tcp.accept()
            threading.Thread(target=self.one_tcp, args=(sock,),
                             daemon=True).start()

    def one_tcp(self, sock):
        with sock, sock.makefile("rb") as f:
            sock.settimeout(10)
            while True:
                head = f.read(2)
                if len(head) < 2:
                    return
                answer = self.answer(f.read(struct.unpack(">H", head)[0]),
                                     65535)
                if answer is None:
                    return
                sock.sendall(struct.pack(">H", len(answer)) + answer)

    def answer(self, query, most):
        number, flags, _, _, _, more = struct.unpack(">6H", query[:12])
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        said = self.table.get((name, kind)) or self.table.get((name, None))
        if said is None:
            known = any(n == name for n, _ in self.table)
            said = Said(ad=self.vouches(name),
                        rcode=NOERROR if known else NXDOMAIN)
        if said.silent:
            return None
        if said.raw is not None:
            return struct.pack(">H", number) + said.raw + question
        dnssec = flags & 0x20 or (more and b"\0\0\x29" in query[at:])
        bits = 0x8180 | said.rcode | (0x20 if said.ad and dnssec else 0)
        body = b"".join(wire_name(n) + struct.pack(">HHIH", t, 1, 60, len(d))
                        + d if n != name else
                        b"\xc0\x0c" + struct.pack(">HHIH", t, 1, 60, len(d))
                        + d for n, t, d in said.records)
        count = len(said.records)
        if 12 + len(question) + len(body) > most:
            bits, body, count = bits | 0x200, b"", 0
        return struct.pack(">6H", number, bits, 1, count, 0, 0) + \
            question + body

    def vouches(self, name):
        """A host's zone is signed, and what is below the host is in it."""
        name = re.sub(r"^_\d+\._tcp\.", "", name)
        return any(s.ad for (n, _), s in self.table.items() if n == name)


# --------------------------------------------------------------- the surroundings

work = tempfile.mkdtemp(prefix="mcdane")
certs = work + "/certs"
subprocess.run(["sh", SCRIPTS + "/certs.sh", certs], check=True)
# an authority counts only if the server sends it along
for leaf in ("good", "wrongname", "expired"):
    with open("%s/%s-chain.pem" % (certs, leaf), "w") as out:
        for part in (leaf, "ca"):
            with open("%s/%s.pem" % (certs, part)) as f:
                out.write(f.read())
    shutil.copy("%s/%s.key" % (certs, leaf), "%s/%s-chain.key" % (certs, leaf))


def command(*argv):
    subprocess.run(argv, check=True)


def resolv(text):
    with open(work + "/resolv.conf", "w") as f:
        f.write(text)


resolv("nameserver 127.0.0.1\n")
with open(work + "/nsswitch.conf", "w") as f:
    f.write("hosts: dns\n")
command("ip", "link", "set", "lo", "up")
command("ip", "address", "add", "192.0.2.53/32", "dev", "lo")
command("mount", "--bind", work + "/resolv.conf", "/etc/resolv.conf")
if os.path.exists("/etc/nsswitch.conf"):
    command("mount", "--bind", work + "/nsswitch.conf", "/etc/nsswitch.conf")
dns = Dns()

HERE_A = socket.inet_aton("127.0.0.1")
PIN = base64.b64decode(open(certs + "/good.pin").read().split("//", 1)[1])


def der(name):
    with open("%s/%s.pem" % (certs, name)) as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def rr(usage, selector, kind, data):
    return bytes([usage, selector, kind]) + data


EE = rr(3, 1, 1, PIN)
EE_CERT = rr(3, 0, 2, hashlib.sha512(der("good")).digest())
EE_WRONG = rr(3, 1, 1, b"\x55" * 32)
TA = rr(2, 0, 1, hashlib.sha256(der("ca")).digest())
TA_FULL = rr(2, 0, 0, der("ca"))
TA_OTHER = rr(2, 0, 1, hashlib.sha256(der("other")).digest())


class Relay:
    """One server with one name, and what DNS has about both."""

    def __init__(self, host, cert, settings=""):
        self.server = server.Server(
            server.Script("cert = %s\n%s" % (cert, settings),
                          {"user": "user", "password": "password"}), certs,
            work)
        self.host = host
        self.owner = "_%d._tcp.%s" % (self.server.port, host)
        dns.table.clear()
        dns.asked.clear()
        self.address()

    def address(self, host=None, **how):
        host = host or self.host
        dns.table[host, A] = Said([(host, A, HERE_A)], **how)
        dns.table[host, AAAA] = Said(ad=how.get("ad", True))

    def tlsa(self, *records, owner=None, **how):
        owner = owner or self.owner
        dns.table[owner, TLSA] = Said([(owner, TLSA, r) for r in records],
                                      **how)

    def send(self, ca="ca", extra="", verify="dane", seconds=30):
        with open(work + "/config", "w") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write("log = off\nqueue = off\n[account t]\n"
                    "from = me@example.test\nhost = %s\nport = %d\n"
                    "tls = %s\ntls-verify = %s\ntls-ca-file = %s/%s.pem\n"
                    "user = user\npassword = password\ntimeout = 10s\n%s\n"
                    % (self.host, self.server.port,
                       self.server.script.set["tls"], verify, certs, ca,
                       extra))
        began = time.monotonic()
        p = subprocess.Popen(
            [BIN, "-oi", "-v", "-f", "me@example.test", "a@example.test"],
            env={"HOME": work, "PATH": os.environ["PATH"],
                 "MAILCHUTE_CONFIG": work + "/config"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        try:
            said, _ = p.communicate(
                b"From: me@example.test\nTo: a@example.test\n\nhello\n",
                timeout=seconds * SLOW)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            said, _ = p.communicate()
        self.seconds = time.monotonic() - began
        self.status, self.said = p.returncode, said.decode("utf-8", "replace")
        self.server.settle(2)
        self.server.stop()
        return self

    @property
    def taken(self):
        return sum(t.delivered is not None and t.delivered is not False
                   and t.delivered != []
                   for t in self.server.record.transactions)


# ---------------------------------------------------------------------- cases

number = failed = 0


def check(title, good, said=""):
    global number, failed
    number += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", number, title))
    if not good:
        for line in said.splitlines():
            print("# " + line)
    sys.stdout.flush()


def sent(title, relay, pattern):
    check(title, relay.status == 0 and relay.taken == 1 and
          re.search(pattern, relay.said), "status %s, %d taken\n%s" %
          (relay.status, relay.taken, relay.said))


def kept(title, relay, pattern):
    """Status 75, nothing was told to the server, the text says why."""
    record = relay.server.record
    check(title, relay.status == 75 and relay.taken == 0 and
          record.auths == 0 and re.search(pattern, relay.said),
          "status %s, %d taken, %d log-ins\n%s" %
          (relay.status, relay.taken, record.auths, relay.said))


def relay(cert, *records, host="mx.example.test", settings="", **how):
    r = Relay(host, cert, settings)
    if records:
        r.tlsa(*records, **how)
    return r


BY_NAME = "verified by authority and name"
NO_MATCH = "matches none of the TLSA records"
UNKNOWN = "unknown authority"


def matches():
    sent("DANE-EE: the authority does not matter",
         relay("good", EE).send(ca="other"), r"verified by DANE \(TLSA 3 1 1")
    sent("DANE-EE, nor the name",
         relay("good", EE, host="mx.other.test").send(ca="other"),
         r"verified by DANE \(TLSA 3 1 1")
    sent("DANE-EE with SHA-512 of the certificate",
         relay("good", EE_CERT).send(ca="other"), r"TLSA 3 0 2")
    sent("DANE-EE after STARTTLS",
         relay("good", EE, settings="tls = starttls").send(ca="other"),
         r"TLSA 3 1 1")
    sent("one record that fits is enough",
         relay("good", EE_WRONG, TA_OTHER, EE).send(ca="other"),
         r"TLSA 3 1 1")
    kept("DANE-EE that does not match, although the authority would do",
         relay("good", EE_WRONG).send(), NO_MATCH)
    sent("DANE-TA", relay("good-chain", TA).send(ca="other"), "TLSA 2 0 1")
    sent("DANE-TA with the whole certificate",
         relay("good", TA_FULL).send(ca="other"), "TLSA 2 0 0")
    kept("DANE-TA with the wrong name",
         relay("wrongname-chain", TA).send(), "is for mail.elsewhere.test")
    kept("DANE-TA, expired", relay("expired-chain", TA).send(), "expired on")
    kept("DANE-TA of another authority",
         relay("good-chain", TA_OTHER).send(), NO_MATCH)


def authorities():
    r = relay("good").send()
    sent("no records: the authority decides", r, BY_NAME)
    check("and it says so", "it has no TLSA records" in r.said, r.said)
    kept("no records, unknown authority", relay("otherca").send(), UNKNOWN)
    kept("no records, wrong name", relay("wrongname").send(),
         "is for mail.elsewhere.test")
    r = relay("good", EE_WRONG, ad=False).send()
    sent("records without DNSSEC do not count", r, BY_NAME)
    check("and it says so", "not signed by DNSSEC" in r.said, r.said)
    kept("nor do they make anything good",
         relay("good", EE, ad=False).send(ca="other"), UNKNOWN)
    r = relay("good", EE_WRONG)
    r.address(ad=False)
    r.send()
    sent("an address without DNSSEC: no records are asked for", r, BY_NAME)
    check("really not", not any(k == TLSA for _, k in dns.asked),
          str(dns.asked))
    r = relay("good", EE, rcode=NXDOMAIN)
    dns.table[r.owner, TLSA] = Said(rcode=NXDOMAIN)
    sent("a proof that the name does not exist", r.send(),
         "it has no TLSA records(?s:.*)" + BY_NAME)
    for title, record in (
            ("PKIX-EE", rr(1, 1, 1, PIN)), ("PKIX-TA", rr(0, 0, 1, TA[3:])),
            ("an unknown usage", rr(4, 1, 1, PIN)),
            ("an unknown selector", rr(3, 2, 1, PIN)),
            ("an unknown matching type", rr(3, 1, 3, PIN)),
            ("a digest that is too short", EE[:-1]),
            ("a digest that is too long", EE + b"\0"),
            ("a record without data", rr(3, 1, 1, b"")),
            ("a record of one byte", b"\3"),
            ("a certificate that is none", rr(3, 0, 0, b"\x30\x80"))):
        sent("%s does not count" % title,
             relay("good", record).send(), BY_NAME)
        kept("%s makes nothing good" % title,
             relay("good", record).send(ca="other"), UNKNOWN)
    kept("unusable ones take nothing from those that are usable",
         relay("good", EE[:-1], EE_WRONG).send(), NO_MATCH)


def deferred():
    about = "no valid answer about TLSA of _"
    for title, said in (
            ("SERVFAIL, also for a wrong signature", Said(rcode=SERVFAIL)),
            ("REFUSED", Said(rcode=REFUSED)),
            ("an answer that ends too early",
             Said(raw=b"\x81\xa0\0\1\0\5\0\0\0\0")),
            ("a pointer that leads nowhere", Said())):
        r = relay("good")
        dns.table[r.owner, TLSA] = said
        if title.startswith("a pointer"):
            said.records = [(r.owner, CNAME, b"\xc0\xff")]
        kept(title, r.send(), about)
    r = relay("good")
    dns.table[r.host, None] = Said(rcode=SERVFAIL)
    del dns.table[r.host, A], dns.table[r.host, AAAA]
    kept("SERVFAIL for the address", r.send(), "about the address of")
    r = relay("good")
    dns.table[r.owner, TLSA] = Said(silent=True)
    kept("no answer at all", r.send(extra="connect-timeout = 2s"),
         "no answer about the TLSA records of mx.example.test in time")
    check("in the time that connecting has", r.seconds < 8 * SLOW,
          "%g s" % r.seconds)
    kept("a thousand records", relay("good", *[EE] * 1000).send(),
         "more than 100 TLSA records")
    sent("a hundred records, over TCP",
         relay("good", *[EE_WRONG] * 99, EE).send(ca="other"), "TLSA 3 1 1")


def aliases():
    def alias(ad=True, records=(EE,), target_ad=True):
        r = Relay("mx.other.test", "good")
        to = "real.example.test"
        dns.table[r.host, A] = Said([(r.host, CNAME, wire_name(to)),
                                     (to, A, HERE_A)], ad=ad and target_ad)
        dns.table[r.host, AAAA] = Said([(r.host, CNAME, wire_name(to))],
                                       ad=ad and target_ad)
        dns.table[r.host, CNAME] = Said([(r.host, CNAME, wire_name(to))],
                                        ad=ad)
        r.target = r.owner.replace(r.host, to)
        return r

    r = alias()
    r.tlsa(EE, owner=r.target)
    r.tlsa(EE_WRONG)
    sent("an alias: records of its end come first", r.send(ca="other"),
         "TLSA 3 1 1")
    check("and the server is asked for by that name",
          r.server.record.sni == ["real.example.test"],
          str(r.server.record.sni))
    r = alias()
    r.tlsa(TA_FULL, owner=r.target)
    sent("an alias: the certificate may be for its end", r.send(ca="other"),
         "TLSA 2 0 0")
    r = alias()
    r.tlsa(EE)
    sent("an alias: its own records, if the end has none",
         r.send(ca="other"), "TLSA 3 1 1")
    r = alias()
    r.tlsa(EE, owner=r.target, ad=False)
    r.tlsa(EE_WRONG)
    kept("an alias: insecure records of its end do not count", r.send(),
         NO_MATCH)
    r = alias(target_ad=False)
    r.tlsa(EE)
    sent("an alias out of a secure zone: its own records",
         r.send(ca="other"), "TLSA 3 1 1")
    check("and not those of the end",
          (r.target, TLSA) not in dns.asked, str(dns.asked))
    r = alias(ad=False)
    r.tlsa(EE)
    r.tlsa(EE, owner=r.target)
    kept("an insecure alias: no records", r.send(), "and not for mx.other")
    r = alias()
    dns.table[r.target, TLSA] = Said(rcode=SERVFAIL)
    r.tlsa(EE)
    kept("an alias: a failure at its end is none of its own",
         r.send(ca="other"), "no valid answer about TLSA")
    r = relay("good")
    dns.table[r.owner, TLSA] = Said(
        [(r.owner, CNAME, wire_name("_dane.example.test")),
         ("_dane.example.test", TLSA, EE)])
    sent("the records themselves behind an alias", r.send(ca="other"),
         "TLSA 3 1 1")
    r = relay("good")
    dns.table[r.owner, TLSA] = Said(
        [("_465._tcp.evil.example.test", TLSA, EE_WRONG)])
    sent("records of another name in the answer", r.send(), BY_NAME)
    r = relay("good")
    dns.table[r.owner, TLSA] = Said(
        [(r.owner, CNAME, wire_name(r.owner))] * 40)
    kept("an alias to itself", r.send(), "no valid answer about TLSA")


def resolvers():
    for text, who in (("nameserver 192.0.2.53\n", "another machine"),
                      ("nameserver 127.0.0.11\n", "a container's forwarder"),
                      ("nameserver 127.0.0.1\nnameserver 192.0.2.53\n",
                       "another machine as well"),
                      ("nameserver 127.0.0.1\nnameserver fd00::53\n",
                       "another machine by IPv6")):
        resolv(text)
        r = relay("good", EE_WRONG).send()
        sent("the word of %s does not count" % who, r, BY_NAME)
        check("and it says so",
              "is not on this machine" in r.said and
              not any(k == TLSA for _, k in dns.asked), r.said)
    resolv("nameserver 192.0.2.53\noptions trust-ad\n")
    kept("with trust-ad it does", relay("good", EE_WRONG).send(), NO_MATCH)
    resolv("nameserver 127.0.0.53\n")
    kept("as on any loopback address", relay("good", EE_WRONG).send(),
         NO_MATCH)
    resolv("nameserver 127.0.0.1\n")


def others():
    pin = "tls-pin = " + open(certs + "/good.pin").read().strip()
    wrong = "tls-pin = sha256//" + base64.b64encode(b"\7" * 32).decode()
    sent("a pin beside the records", relay("good", EE).send(extra=pin),
         r"TLSA 3 1 1\) and pin")
    kept("a pin that does not fit", relay("good", EE).send(extra=wrong),
         "not among tls-pin")
    kept("records that do not fit the pin's key",
         relay("good", EE_WRONG).send(extra=pin), NO_MATCH)
    sent("a pin alone", relay("good").send(ca="other", extra=pin),
         "verified by pin")
    for verify in ("yes", "no"):
        r = relay("good", EE_WRONG).send(verify=verify)
        check("tls-verify = %s asks for no records" % verify,
              "TLSA" not in r.said and
              not any(k == TLSA for _, k in dns.asked), r.said)
    r = relay("good")
    r.host = "127.0.0.1"
    sent("an address has no records", r.send(), BY_NAME)
    for argv in ([], ["mx.example.test"], ["a b", "25"], ["", "25"],
                 ["mx.example.test", "0"], ["mx.example.test", "65536"],
                 ["mx.example.test", "25x"], ["mx.example.test", ""],
                 ["a" * 254, "25"], ["a\nnone", "25"], ["x", "25", "y"]):
        p = subprocess.run([HELPER] + argv, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=60 * SLOW)
        check("the helper refuses %r" % (argv,), p.returncode == 64 and
              not p.stdout, str(p))


def main():
    signal.alarm(int(500 * SLOW))
    try:
        for part in (matches, authorities, deferred, aliases, resolvers,
                     others):
            part()
        print("1..%d" % number)
    finally:
        for path in ("/etc/resolv.conf", "/etc/nsswitch.conf"):
            subprocess.run(["umount", path], stderr=subprocess.DEVNULL)
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(1 if failed else 0)


main()
