#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mailchute-lookup: what it says of good, bad and hostile answers.

Prints TAP.  lookup.py [PATTERN]: only titles in which PATTERN is found."""
import gzip
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import names                                            # noqa: E402
from names import (A, AAAA, MX, REFUSED, SERVFAIL, SRV, TXT, Dns, Web,
                   document, mx, page, redirect, srv, txt)     # noqa: E402

TOP = os.path.abspath(os.environ.get("top_builddir", "."))
HELPER = TOP + "/helper/mailchute-lookup"
SLOW = float(os.environ.get("MAILCHUTE_SLOW") or 1)
BARE = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
BARE.update((k, v) for k, v in os.environ.items() if k.endswith("_OPTIONS"))

number = failed = 0


def check(title, good, said=""):
    global number, failed
    number += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", number, title))
    if not good:
        for line in str(said).splitlines():
            print("# " + line)
    sys.stdout.flush()


class Answer:
    def __init__(self, *argv, env=None, seconds=20):
        began = time.monotonic()
        p = subprocess.run([HELPER] + list(argv), stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=seconds * SLOW,
                           env=dict(BARE, **(env or {})))
        self.seconds = time.monotonic() - began
        self.status, self.err = p.returncode, p.stderr.decode()
        self.raw = p.stdout
        self.rows = [r.split("\t") for r in
                     p.stdout.decode("utf-8").splitlines()]

    def __str__(self):
        return "status %d, %.1f s\n%s\n%s" % (
            self.status, self.seconds,
            "\n".join(map(repr, self.rows)), self.err)

    def is_error(self, word, *texts):
        return self.status == 0 and len(self.rows) == 1 and \
            self.rows[0][:2] == ["error", word] and \
            all(t in self.rows[0][2] for t in texts)


def rows(title, answer, *wanted):
    check(title, answer.status == 0 and
          answer.rows == [list(w) for w in wanted], answer)


def error(title, answer, word, *texts):
    check(title, answer.is_error(word, *texts), answer)


# ------------------------------------------------------------------------- DNS

def test_records(dns):
    def ask(*argv, server=dns.place):
        return Answer("--server", server, "--timeout", "5", *argv)

    service = "_submissions._tcp.example.test"
    dns.say(service, SRV, srv(20, 0, 465, "late.example.test"),
            srv(10, 5, 465, "light.example.test"),
            srv(10, 60, 587, "Heavy.example.test"))
    rows("SRV by priority, then by weight", ask("srv", service),
         ("srv", "0", "10", "60", "587", "Heavy.example.test"),
         ("srv", "0", "10", "5", "465", "light.example.test"),
         ("srv", "0", "20", "0", "465", "late.example.test"))
    check("the question asks for the AD bit", dns.flags[-1] & 0x20,
          dns.flags)
    dns.say(service, SRV, srv(0, 1, 465, "mx.example.test"), ad=True)
    rows("AD of a server on this machine counts", ask("srv", service),
         ("srv", "1", "0", "1", "465", "mx.example.test"))
    hands_on = Dns("127.0.0.11")
    hands_on.say(service, SRV, srv(0, 1, 465, "mx.example.test"), ad=True)
    rows("AD of what only hands on, as in containers, does not",
         ask("srv", service, server=hands_on.place),
         ("srv", "0", "0", "1", "465", "mx.example.test"))
    dns.say(service, SRV, srv(0, 0, 0, "."))
    answer = ask("srv", service)
    check("a target \".\" is decidedly no service",
          answer.is_error("none", "no such service") and
          answer.rows[0][3:] == ["decided"], answer)
    dns.say(service, SRV, srv(0, 0, 465, "a b.example.test"),
            srv(0, 0, 465, "x\ty.example.test"),
            srv(0, 0, 465, "e\x1b[31m.example.test"),
            srv(0, 0, 0, "noport.example.test"),
            srv(0, 0, 465, "-dash.example.test"),
            srv(1, 0, 465, "good.example.test"))
    rows("targets that are no hosts are left out", ask("srv", service),
         ("srv", "0", "1", "0", "465", "good.example.test"))
    dns.say(service, SRV, srv(0, 0, 465, "a b.example.test"))
    error("and if there are no others, there is none",
          ask("srv", service), "none")
    dns.say(service, SRV, srv(3, 0, 465, "mx.example.test"),
            alias="real.example.test")
    rows("behind an alias", ask("srv", service),
         ("srv", "0", "3", "0", "465", "mx.example.test"))

    dns.say("example.test", TXT, txt(b"v=spf1 -all"),
            txt(b"one ", b"two ", b"three"), txt(b"tab\there\nline\x00\xff"))
    rows("TXT: strings of one record are joined, controls are replaced",
         ask("txt", "example.test"), ("txt", "0", "v=spf1 -all"),
         ("txt", "0", "one two three"), ("txt", "0", "tab?here?line??"))
    long = [b"%03d:" % i + b"x" * 250 for i in range(10)]
    dns.say("sel._domainkey.example.test", TXT, txt(*long))
    dns.asked.clear()
    answer = ask("txt", "sel._domainkey.example.test")
    rows("TXT of 2540 bytes", answer, ("txt", "0", b"".join(long).decode()))
    check("which came over TCP", [x[2] for x in dns.asked] == ["udp", "tcp"],
          dns.asked)
    dns.say("utf8.example.test", TXT, txt("größe \u202eevil".encode()))
    rows("UTF-8 stays, what turns the writing around does not",
         ask("txt", "utf8.example.test"), ("txt", "0", "größe ?evil"))

    dns.say("example.test", MX, mx(20, "b.example.test"),
            mx(10, "a.example.test"))
    rows("MX by preference", ask("mx", "example.test"),
         ("mx", "0", "10", "a.example.test"),
         ("mx", "0", "20", "b.example.test"))
    dns.say("xn--bcher-kva.test", MX, mx(10, "a.example.test"))
    rows("a name outside ASCII", ask("mx", "bücher.test"),
         ("mx", "0", "10", "a.example.test"))
    rows("the same, without asking", ask("name", "Bücher.test"),
         ("name", "xn--bcher-kva.test"))
    dns.say("null.test", MX, mx(0, "."))
    answer = ask("mx", "null.test")
    check("a null MX is a decided no", answer.is_error("none", "no mail") and
          answer.rows[0][3:] == ["decided"], answer)

    dns.say("mx.example.test", A, names.a("192.0.2.1"), ad=True)
    dns.say("mx.example.test", AAAA, names.aaaa("2001:db8::1"))
    rows("addresses", ask("addr", "mx.example.test"),
         ("addr", "1", "192.0.2.1"), ("addr", "0", "2001:db8::1"))
    dns.say("half.example.test", A, names.a("192.0.2.2"))
    rows("of one kind", ask("addr", "half.example.test"),
         ("addr", "0", "192.0.2.2"))
    error("no addresses", ask("addr", "example.test"), "none")
    error("no such name", ask("srv", "_submission._tcp.nowhere.test"), "none",
          "_submission._tcp.nowhere.test has no SRV record")
    error("no such type", ask("mx", "mx.example.test"), "none")
    rows("a name with a capital", ask("mx", "EXAMPLE.test"),
         ("mx", "0", "10", "a.example.test"),
         ("mx", "0", "20", "b.example.test"))


def test_bad_servers(dns):
    def ask(*argv, seconds="2"):
        return Answer("--server", dns.place, "--timeout", seconds, *argv)

    dns.say("servfail.test", MX, rcode=SERVFAIL)
    error("SERVFAIL", ask("mx", "servfail.test"), "temporary",
          "trouble at the domain, or wrong signatures")
    dns.say("refused.test", MX, rcode=REFUSED)
    error("REFUSED", ask("mx", "refused.test"), "temporary")
    dns.say("silent.test", None, silent=True)
    dns.say("wrongid.test", MX, mx(1, "evil.test"), wrong_id=True)
    dns.say("garbage.test", MX, raw=b"\xff" * 40)
    dns.say("short.test", MX, raw=b"\x81")
    with ThreadPoolExecutor(4) as pool:
        silent, *others = pool.map(
            lambda name: ask("mx", name + ".test", seconds="1"),
            ("silent", "wrongid", "garbage", "short"))
    error("no answer", silent, "temporary", "in time", "/etc/resolv.conf")
    check("in the time that was set", silent.seconds < 2.5 * SLOW, silent)
    for title, answer in zip(("an answer to another question", "garbage",
                              "three bytes"), others):
        error(title, answer, "temporary")
    dns.say("only.test", MX, mx(1, "mx.only.test"), only_tcp=True)
    rows("cut over UDP, whole over TCP", ask("mx", "only.test"),
         ("mx", "0", "1", "mx.only.test"))
    def cut(kind, name, data, length):
        host = "%s%03d.test" % (name, length)
        dns.say(host, kind, data, cut=length)
        answer = ask(name, host, seconds="1")
        good = answer.status == 0 and answer.rows[0][0] == "error"
        return None if good else "%d: %s" % (length, answer)

    with ThreadPoolExecutor(16) as pool:
        seen = []
        for kind, name, data in ((MX, "mx", mx(1, "mx.cut.test")),
                                 (SRV, "srv", srv(1, 1, 465, "mx.cut.test")),
                                 (TXT, "txt", txt(b"some", b"text"))):
            whole = 12 + len(names.wire_name(name + "000.test")) + 16 + \
                len(data)
            seen += [pool.submit(cut, kind, name, data, n)
                     for n in range(14, whole, 5)]
        bad = [x.result() for x in seen if x.result() is not None]
    check("answers cut short at %d places" % len(seen), not bad,
          "\n".join(bad))
    pointer = b"\x81\x80\0\1\0\1\0\0\0\0" + names.wire_name("loop.test") + \
        b"\0\x0f\0\1\xc0\x0c\0\x0f\0\1\0\0\0\1\0\4\0\1\xc0\x25"
    dns.say("loop.test", MX, raw=pointer)
    answer = ask("mx", "loop.test")
    check("a name that points at itself", answer.status == 0 and
          answer.rows[0][0] == "error", answer)
    dns.say("many.test", MX, *[mx(i, "mx%d.many.test" % i)
                               for i in range(300)])
    answer = ask("mx", "many.test")
    check("300 records: no more than 100 are told", answer.status == 0 and
          len(answer.rows) == 100, answer)
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind(("127.0.0.1", 0))
    place = "127.0.0.1:%d" % probe.getsockname()[1]
    probe.close()
    answer = Answer("--server", place, "--timeout", "2", "mx", "example.test")
    error("no server at all", answer, "temporary", "no DNS server answered")


def test_words():
    for title, argv in (
            ("no command", ()), ("a command without a name", ("mx",)),
            ("no command of that name", ("ptr", "example.test")),
            ("a name with a blank", ("mx", "a b.test")),
            ("a name with an escape", ("mx", "a\x1b.test")),
            ("an empty label", ("mx", "a..test")),
            ("a label of 64", ("mx", "x" * 64 + ".test")),
            ("a name of 254", ("mx", ".".join(["x" * 62] * 4) + ".test")),
            ("a label that begins with -", ("mx", "-a.test")),
            ("a label that ends with -", ("mx", "a-.test")),
            ("a name that IDNA does not take", ("mx", "a\u2028b.test")),
            ("a name that is not UTF-8", ("mx", b"b\xfccher.test")),
            ("a host with _", ("mx", "_x.test")),
            ("an unknown option", ("--colour", "red", "mx", "a.test")),
            ("a server without port", ("--server", "127.0.0.1", "mx",
                                       "a.test")),
            ("two servers", ("--server", "127.0.0.1:53,127.0.0.2:53", "mx",
                             "a.test")),
            ("no seconds", ("--timeout", "0", "mx", "a.test")),
            ("no address", ("autoconfig", "example.test")),
            ("an address at a number", ("autoconfig", "me@127.0.0.1")),
            ("an address at a literal", ("autoconfig", "me@[127.0.0.1]")),
            ("an address at one label", ("autoconfig", "me@localhost")),
            ("an address with a line end", ("autoconfig",
                                            "me\n@example.test"))):
        answer = Answer(*argv)
        check("%s: 64" % title, answer.status == 64 and not answer.rows and
              "usage: mailchute-lookup" in answer.err, answer)


# ---------------------------------------------------------------------- unbound

def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return udp.getsockname()[1]


def test_unbound(work, dns):
    program = shutil.which("unbound")
    if program is None:
        check("a real resolver # SKIP unbound is missing", True)
        return
    port = free_port()
    spf = " ".join("ip4:192.0.2.%d" % i for i in range(120))
    cut = [spf[i:i + 200] for i in range(0, len(spf), 200)]
    with open(work + "/unbound.conf", "w") as f:
        f.write("""server:
  directory: "%s"
  chroot: ""
  username: ""
  pidfile: "%s/unbound.pid"
  use-syslog: no
  logfile: ""
  do-daemonize: no
  interface: 127.0.0.1
  port: %d
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "real.test." static
  local-data: "_submission._tcp.real.test. SRV 5 1 587 smtp.real.test."
  local-data: "_submissions._tcp.real.test. SRV 0 0 0 ."
  local-data: "real.test. MX 10 mx.real.test."
  local-data: 'real.test. TXT %s'
  local-data: "smtp.real.test. A 192.0.2.7"
  local-data: "smtp.real.test. AAAA 2001:db8::7"
  local-zone: "test." transparent
forward-zone:
  name: "broken.test."
  forward-addr: 127.0.0.1@%d
remote-control:
  control-enable: no
""" % (work, work, port, " ".join('"%s"' % c for c in cut), dns.port))
    dns.say("broken.test", None, rcode=SERVFAIL)
    child = subprocess.Popen([program, "-d", "-p", "-c",
                              work + "/unbound.conf"],
                             stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL,
                             stderr=open(work + "/unbound.log", "wb"))
    try:
        def ask(*argv):
            return Answer("--server", "127.0.0.1:%d" % port, "--timeout", "8",
                          *argv)

        end = time.monotonic() + 10 * SLOW
        while child.poll() is None and time.monotonic() < end:
            with open(work + "/unbound.log", errors="replace") as f:
                if "start of service" in f.read():
                    break
            time.sleep(0.02)
        rows("unbound: SRV", ask("srv", "_submission._tcp.real.test"),
             ("srv", "0", "5", "1", "587", "smtp.real.test"))
        error("unbound: no such service",
              ask("srv", "_submissions._tcp.real.test"), "none", "no such")
        rows("unbound: MX", ask("mx", "real.test"),
             ("mx", "0", "10", "mx.real.test"))
        rows("unbound: addresses", ask("addr", "smtp.real.test"),
             ("addr", "0", "192.0.2.7"), ("addr", "0", "2001:db8::7"))
        rows("unbound: TXT of %d strings, over TCP" % len(cut),
             ask("txt", "real.test"), ("txt", "0", spf))
        error("unbound: no such name", ask("mx", "gone.real.test"), "none")
        error("unbound: a domain in trouble", ask("mx", "broken.test"),
              "temporary", "failed")
    finally:
        child.terminate()
        child.wait()
        if failed:
            with open(work + "/unbound.log", errors="replace") as f:
                print("".join("# " + x for x in f.readlines()[-20:]), end="")


# ------------------------------------------------------------------- autoconfig

URL = "https://autoconfig.example.test/mail/config-v1.1.xml" \
    "?emailaddress=ada%40example.test"
FIRST = ("autoconfig.example.test", "/mail/config-v1.1.xml")
SECOND = ("example.test", "/.well-known/autoconfig/mail/config-v1.1.xml")
GOOD = ("smtp.example.test", "465", "SSL", "%EMAILADDRESS%",
        ["password-cleartext"])
TOLD = ("server", URL, "smtp.example.test", "465", "on",
        "password-cleartext", "ada@example.test")


def ask_web(work, web, address="ada@example.test", ca="ca", seconds="6",
            more=(), env=None):
    return Answer("--ca-file", "%s/%s.pem" % (work, ca), "--connect",
                  web.place, "--timeout", seconds, *more, "autoconfig",
                  address, env=env)


def test_autoconfig(work, web):
    web.pages[FIRST] = page(document(
        GOOD, ("out.%EMAILDOMAIN%", " 587\n", "STARTTLS", "%EMAILLOCALPART%",
               ["OAuth2", "password-encrypted"]),
        ("plain.example.test", "25", "plain", "", [])))
    rows("a document: all its submission servers", ask_web(work, web), TOLD,
         ("server", URL, "out.example.test", "587", "starttls",
          "OAuth2,password-encrypted", "ada"),
         ("server", URL, "plain.example.test", "25", "off", "", ""))
    host, target, head = web.requests[-1]
    check("the request tells the address, and holds no cookie and no log-in",
          target == "/mail/config-v1.1.xml?emailaddress=ada%40example.test" and
          "cookie" not in head.lower() and
          "authorization" not in head.lower(), head)
    web.pages[FIRST] = page("gone", "404 Not Found")
    web.pages[SECOND] = page(document(GOOD))
    url = "https://%s%s?emailaddress=ada%%40example.test" % SECOND
    rows("the second place", ask_web(work, web), TOLD[:1] + (url,) + TOLD[2:])
    web.pages[FIRST] = page(gzip.compress(document(GOOD).encode()), "200 OK",
                            "Content-Encoding: gzip")
    rows("a compressed document", ask_web(work, web), TOLD)
    web.pages[FIRST] = redirect("https://autoconfig.example.test/a")
    web.pages[FIRST[0], "/a"] = redirect("/b")
    web.pages[FIRST[0], "/b"] = redirect("https://other.example.test/c")
    web.pages["other.example.test", "/c"] = page(document(GOOD))
    rows("three redirections, and where they led", ask_web(work, web),
         TOLD[:1] + ("https://other.example.test/c",) + TOLD[2:])
    web.pages.pop(SECOND)
    web.pages[FIRST] = page(document(GOOD), "200 OK",
                            "Set-Cookie: a=b; Domain=example.test")
    web.pages[FIRST] = page("", "302 Found", "Location: /again",
                            "Set-Cookie: a=b; Path=/")
    web.pages[FIRST[0], "/again"] = page(document(GOOD))
    answer = ask_web(work, web)
    check("cookies are not sent back", answer.rows[0][0] == "server" and
          "cookie" not in web.requests[-1][2].lower(), web.requests[-1][2])
    web.pages[FIRST] = page(document(GOOD))
    answer = ask_web(work, web, address="a+b&c=d%/ü@example.test")
    check("an odd address is one parameter", web.requests[-1][1] ==
          "/mail/config-v1.1.xml?emailaddress=a%2Bb%26c%3Dd%25%2F%C3%BC%40"
          "example.test" and answer.rows[0][6] == "a+b&c=d%/ü@example.test",
          "%s %s" % (web.requests[-1][1], answer))
    web.pages.clear()
    error("no document at all", ask_web(work, web), "none", "404")
    web.pages[FIRST] = page("later", "503 Service Unavailable")
    error("a web server in trouble", ask_web(work, web), "temporary", "503")


def only(web, what):
    web.pages.clear()
    web.pages[FIRST] = what


def endless(sock):
    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        sock.sendall(b"<a>" * 4096)


def endless_header(sock):
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        sock.sendall(b"X-More: %s\r\n" % (b"x" * 1000))


def slow(sock):
    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(100):
        sock.sendall(b" ")
        time.sleep(0.2)


def mute(sock):
    time.sleep(20)


def test_hostile(work, web):
    good = document(GOOD)

    def refused(title, what, *texts, word="refused", seconds="6"):
        only(web, what)
        answer = ask_web(work, web, seconds=seconds)
        error(title, answer, word, *texts)
        return answer

    only(web, page(good))
    error("another authority", ask_web(work, web, ca="other"), "refused",
          "certificate")
    error("another name", ask_web(work, web, "me@elsewhere.test"), "refused",
          "certificate")
    refused("a document of 1 MiB", page(good + " " * (1 << 20)), "64 KiB")
    refused("an endless document", endless, "64 KiB")
    refused("an endless header", endless_header, "64 KiB")
    bomb = gzip.compress(b"\0" * (64 << 20), 9)
    answer = refused("64 MiB that come as %d bytes" % len(bomb),
                     page(bomb, "200 OK", "Content-Encoding: gzip"), "64 KiB")
    check("which is over at once", answer.seconds < 3 * SLOW, answer)
    refused("not what it says to be", page(b"\x1f\x8bno", "200 OK",
                                           "Content-Encoding: gzip"))
    for title, what in (("slow", slow), ("mute", mute)):
        answer = refused("a %s web server" % title, what, word="temporary",
                         seconds="1")
        check("%s: no longer than was said" % title,
              answer.seconds < 3 * SLOW, answer)
    web.pages[FIRST], web.pages[SECOND] = mute, page(good)
    answer = ask_web(work, web, seconds="2")
    check("the second place is asked when the first one hangs",
          answer.rows[0][0] == "server", answer)

    for to, why in (
            ("http://autoconfig.example.test/x", "not https"),
            ("file:///etc/passwd", "not https"),
            ("ftp://autoconfig.example.test/x", "not https"),
            ("gopher://x.example.test/", "not https"),
            ("javascript:alert(1)", "not https"),
            ("https://user:secret@other.example.test/", "user name"),
            ("https://user@other.example.test/", "user name"),
            ("https://127.0.0.1/x", "private"),
            ("https://127.1/x", "private"),
            ("https://2130706433/x", "private"),
            ("https://0x7f.0.0.1/x", "private"),
            ("https://10.1.2.3/x", "private"),
            ("https://172.16.0.1/", "private"),
            ("https://192.168.0.1/", "private"),
            ("https://169.254.169.254/latest/meta-data/", "private"),
            ("https://100.64.0.1/", "private"),
            ("https://0.0.0.0/", "private"),
            ("https://[::1]/", "private"),
            ("https://[::ffff:127.0.0.1]/", "private"),
            ("https://[fe80::1]/", "private"),
            ("https://[fd00::1]/", "private"),
            ("https://[64:ff9b::a00:1]/", "private"),
            ("https://localhost/", "private"),
            ("https://x.localhost./", "private"),
            ("https://other.example.test/" + "x" * 3000, "too long")):
        before = len(web.requests)
        refused("redirection to " + to[:50], redirect(to), why)
        check("and it was not followed", all(
            r[0] in ("autoconfig.example.test", "example.test")
            for r in web.requests[before:]), web.requests[before:])
    refused("redirection in a circle",
            redirect("https://autoconfig.example.test/mail/config-v1.1.xml"),
            "more than 3")
    refused("redirection to a host without a certificate for it",
            redirect("https://elsewhere.test/"), "certificate")

    laughs = '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">' + "".join(
        '<!ENTITY a%d "%s">' % (i, "&a%s;" % (i - 1 if i else "") * 10)
        for i in range(9)) + "]>"
    refused("a thousand million laughs", page(good.replace(
        "?>", "?>" + laughs, 1).replace("smtp.example.test", "&a8;")),
        "DOCTYPE")
    refused("an entity from a file", page(good.replace(
        "?>", '?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>', 1)
        .replace("smtp.example.test", "&f;")), "DOCTYPE")
    refused("an external DTD", page(good.replace(
        "?>", '?><!DOCTYPE x SYSTEM "https://other.example.test/x.dtd">', 1)),
        "DOCTYPE")
    refused("an entity that nobody defined", page(good.replace(
        "smtp.example.test", "&f;")), "entity")
    refused("elements in elements", page("<a>" * 5000), "nested")
    refused("elements in elements, where servers stand", page(good.replace(
        "<hostname>", "<hostname>" + "<b>" * 20, 1).replace(
        "</hostname>", "</b>" * 20 + "</hostname>", 1)), "nested")
    refused("no XML", page("<html><body><p>Hello<br></body></html>"),
            "mismatched")
    refused("nothing", page(""))
    refused("bytes", page(bytes(range(256)) * 8))
    answer = refused("broken after a good server",
                     page(good.replace("</clientConfig>", "<x>")))
    check("and nothing is told of it", len(answer.rows) == 1, answer)
    refused("a document about something else", page("<a><b/></a>"),
            "no submission server", word="none")
    refused("servers in another place", page(
        good.replace("emailProvider", "webMail")), word="none")
    refused("servers below another root", page(
        good.replace("clientConfig", "clientConfigs")), word="none")


def test_values(work, web):
    """Servers that are not to be used are left out, the good one stays."""
    for title, bad in (
            ("a host with an escape", ("a&#9;b.example.test",)),
            ("a host with a blank", ("a b.example.test",)),
            ("a host that is a number", ("127.0.0.1",)),
            ("a host outside ASCII", ("smtp\u0430.example.test",)),
            ("a host too long", ("x" * 600 + ".example.test",)),
            ("a host with a user", ("me@smtp.example.test",)),
            ("an empty host", ("",)),
            ("port 0", ("a.example.test", "0")),
            ("port 65536", ("a.example.test", "65536")),
            ("port -1", ("a.example.test", "-1")),
            ("a port with a word", ("a.example.test", "465x")),
            ("an unknown socketType", ("a.example.test", "465", "MAGIC")),
            ("a user with a line end", ("a.example.test", "465", "SSL",
                                        "x&#10;y")),
            ("a user with a TAB", ("a.example.test", "465", "SSL", "x&#9;y")),
            ("a user written backwards", ("a.example.test", "465", "SSL",
                                          "x&#x202E;y")),
            ("a user without end", ("a.example.test", "465", "SSL",
                                    "%EMAILADDRESS%" * 36))):
        only(web, page(document(bad + GOOD[len(bad):], GOOD)))
        rows(title, ask_web(work, web), TOLD)
    only(web, page(document(GOOD[:4] + (["bad word", "a\tb", "OAuth2"],))))
    rows("words of authentication that are none are left out",
         ask_web(work, web), TOLD[:5] + ("OAuth2",) + TOLD[6:])
    only(web, page(document(*[GOOD] * 40)))
    answer = ask_web(work, web)
    check("40 servers: 16 are told", len(answer.rows) == 16, answer)
    only(web, page(document(GOOD).replace('type="smtp"', 'type="exchange"')))
    error("no smtp", ask_web(work, web), "none")


def test_ways(work, web, dns):
    only(web, page(document(GOOD)))
    answer = ask_web(work, web, env={
        "https_proxy": "http://127.0.0.1:%d" % free_port()})
    check("the proxy of the environment is used",
          answer.rows[0][0] == "error", answer)
    dns.say("autoconfig.example.test", A, names.a("127.0.0.1"))
    answer = Answer("--ca-file", work + "/ca.pem", "--timeout", "3",
                    "--server", dns.place, "autoconfig", "ada@example.test")
    check("with --server that one is asked for the web server",
          ("autoconfig.example.test", A, "udp") in dns.asked and
          answer.rows[0][0] == "error", answer)


def main():
    work = tempfile.mkdtemp(prefix="mclookup")
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        names.authority(work)
        names.authority(work, "other")
        names.certificate(work, "web", ["example.test", "*.example.test"])
        dns, web = Dns(), Web(work + "/web")
        for name, test in (("records", lambda: test_records(dns)),
                           ("bad servers", lambda: test_bad_servers(dns)),
                           ("words", test_words),
                           ("unbound", lambda: test_unbound(work, dns)),
                           ("autoconfig", lambda: test_autoconfig(work, web)),
                           ("hostile", lambda: test_hostile(work, web)),
                           ("values", lambda: test_values(work, web)),
                           ("ways", lambda: test_ways(work, web, dns))):
            if pattern in name:
                began = time.monotonic()
                test()
                print("# %s: %.1f s" % (name, time.monotonic() - began))
        print("1..%d" % number)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
