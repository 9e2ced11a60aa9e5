#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The service on loopback addresses: serve_loopback.py [PATTERN]...

See serving.py for how these tests are run.
"""
import base64
import os
import re
import signal
import smtplib
import socket
import ssl
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import SLOW, free_ports, read, wait_for # noqa: E402
from service import DOMAIN, Client                  # noqa: E402
from serving import (BINARY, TEXT, as_user, case, expect,  # noqa: E402
                     main, run_as)

ANNA = "mc-anna@" + DOMAIN


def opened(b, **keys):
    port = free_ports(1)[0]
    s = b.started(listen="127.0.0.1:%d" % port, **keys)
    return s, port


def token(s, user, what="add"):
    done = run_as("mc-serve", [BINARY, "serve", "-C", s.conf, "token", what,
                               user])
    expect("a token", done.returncode == 0, done)
    return done.stdout.strip()


def over_tls(port):
    c = smtplib.SMTP("127.0.0.1", port, timeout=30 * SLOW)
    c.ehlo("x")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    c.starttls(context=context)
    c.ehlo("x")
    return c


def code(c, line):
    number, text = c.docmd(line)
    return "%d %s" % (number, text.decode())


@case
def nothing_without(b):
    """E11: without a log-in nobody is served, whoever he is"""
    s, port = opened(b)
    for user in ("mc-anna", 0, "mc-serve"):
        with Client(s, user, port) as c:
            c.reply()
            got = c.command("EHLO x")
            expect("STARTTLS", "STARTTLS\n" in got, got)
            for line in ("MAIL FROM:<%s>" % ANNA, "MAIL FROM:<>",
                         "MAIL FROM:<root@%s>" % DOMAIN):
                got = c.command(line)
                expect("530", got.startswith("530 5.7.0 "), got)
            for line in ("RCPT TO:<x@far.example>", "DATA"):
                expect("503", c.command(line)[:3] in ("503", "530"))
            got = c.command("AUTH PLAIN " + base64.b64encode(
                b"\0mc-anna\0x").decode())
            expect("no log-in in clear", got[:3] in ("538", "530", "502"),
                   got)
    expect("nothing queued", not s.queued())
    expect("the log says so", "before there is a token" in s.log_text(),
           s.log_text())


@case
def by_token(b):
    """a token is as good as the socket: own sender and account, no more"""
    s, port = opened(b)
    word = token(s, "mc-anna")
    mark = len(b.sink.deliveries)
    c = over_tls(port)
    c.login("mc-anna", word)
    for sender in ("mc-ben@" + DOMAIN, "", "root@" + DOMAIN):
        got = code(c, "MAIL FROM:<%s>" % sender)
        expect("not " + sender, got.startswith("550 5.7.1 "), got)
    c.sendmail(ANNA, ["x@far.example"], TEXT % "x@far.example")
    c.quit()
    d = b.arrived(mark)[0]
    trace = re.match(rb"Received: .*\r\n([ \t].*\r\n)*", d.data).group(0)
    for bad in (b"127.0.0.1", b"anna", b"auth", b"TLS", b"ESMTPSA"):
        expect("no %r" % bad, bad.lower() not in trace.lower(), trace)
    everything = s.log_text() + s.output() + read(s.spool + "/tokens")
    expect("the token is nowhere", word not in everything and
           base64.b64encode(word.encode()).decode()[:-4] not in everything)
    token(s, "mc-anna", "remove")
    c = over_tls(port)
    try:
        c.login("mc-anna", word)
        expect("a removed token", False)
    except smtplib.SMTPAuthenticationError as problem:
        expect("535", problem.smtp_code == 535, problem)


@case
def wrong_tokens(b):
    """wrong, missing and others' tokens: 535, and a line each"""
    s, port = opened(b)
    word = token(s, "mc-anna")
    c = over_tls(port)
    seen = set()
    for user, password in (("mc-anna", "x" * 26), ("mc-ben", word),
                           ("nobody-there", word), ("root", word),
                           ("mc-anna", word + "x"), ("mc-anna", word[:-1])):
        got = code(c, "AUTH PLAIN " + base64.b64encode(
            ("\0%s\0%s" % (user, password)).encode()).decode())
        expect("535 for " + user, got.startswith("535 5.7.8 "), got)
        seen.add(got)
        got = code(c, "MAIL FROM:<%s>" % ANNA)
        expect("still nobody", got.startswith("530 "), got)
    expect("the same words for all", len(seen) == 1, seen)
    got = code(c, "AUTH PLAIN " + base64.b64encode(
        ("mc-ben\0mc-anna\0" + word).encode()).decode())
    expect("not as another one", not got.startswith("235"), got)
    c.close()
    wait_for("a line", 10, lambda: re.search(
        r"refused source=127\.0\.0\.1 uid=- pid=- reason=auth", s.log_text()))
    expect("without the word", word not in s.log_text())


@case
def injected_before_tls(b):
    """what came before TLS is not obeyed behind it"""
    s, port = opened(b)
    word = token(s, "mc-anna")
    login = "AUTH PLAIN " + base64.b64encode(
        ("\0mc-anna\0" + word).encode()).decode()
    for more in ("EHLO y\r\n", login + "\r\n", "NOOP\r\n", "x",
                 "EHLO y\r\n%s\r\nMAIL FROM:<%s>\r\n" % (login, ANNA)):
        with Client(s, 0, port) as c:
            c.hello()
            c.send("STARTTLS\r\n" + more)
            got = c.reply()
            expect("421, or silence", got[:3] in ("421", "220"), got)
            if got[:3] == "220":
                rest = c.reply()
                expect("no second reply in clear", rest == "" or
                       rest.startswith("421 "), rest)
    # EHLO and log-in of before are void
    c = over_tls(port)
    got = code(c, "STARTTLS")
    expect("not twice", got.startswith("503 "), got)
    c.login("mc-anna", word)
    got = code(c, "AUTH PLAIN x")
    expect("once", got.startswith("503 "), got)
    c.close()


@case
def tls_after_reload(b):
    """STARTTLS in a session that is older than the last reload: no hang"""
    s, port = opened(b)
    word = token(s, "mc-anna")
    c = smtplib.SMTP("127.0.0.1", port, timeout=20 * SLOW)
    c.ehlo("x")
    s.child.send_signal(signal.SIGHUP)
    wait_for("the reload", 20, lambda: "read anew" in s.log_text())
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        c.starttls(context=context)
        c.ehlo("x")
        c.login("mc-anna", word)
    except TimeoutError:
        expect("TLS, or the end of it", False, s.log_text())
    except (OSError, smtplib.SMTPException):
        pass                            # it ended, so the client comes again
    c.close()
    c = over_tls(port)
    c.login("mc-anna", word)
    c.sendmail(ANNA, ["x@far.example"], TEXT % "x@far.example")
    c.quit()


@case
def bad_reload(b):
    """a certificate that cannot be used is an error of the reload"""
    s, port = opened(b)
    word = token(s, "mc-anna")
    for more in ({"serve_tls_cert": s.dir + "/missing.pem"},
                 {"serve_tls_cert": s.log}):
        before = s.log_text().count("stays as it was")
        s.configure(listen="127.0.0.1:%d" % port, **more)
        s.child.send_signal(signal.SIGHUP)
        wait_for("the complaint", 20, lambda was=before: s.log_text().count(
            "stays as it was") > was)
        c = over_tls(port)
        c.login("mc-anna", word)
        c.quit()


@case
def no_handshake(b):
    """clients that begin TLS and say no more: no process of theirs stays"""
    s, port = opened(b, limit_idle="1s")
    for more in (b"", b"\x16\x03\x01\x02\x00\x01", b"x" * 100):
        some = [Client(s, "mc-anna", port) for _ in range(4)]
        for c in some:
            c.hello()
            got = c.command("STARTTLS")
            expect("go on", got.startswith("220 "), got)
            c.send(more)
        wait_for("all of them gone", 15, lambda: not s.processes("mc-tls") and
                 not s.processes("mc-session"))
        for c in some:
            c.close()
    wait_for("what was no handshake is in the log", 5, lambda:
             "TLS of a client: " in s.log_text())
    expect("nothing to complain of", s.output() == "", s.output())
    # the same behind the handshake
    c = over_tls(port)
    expect("a process for it", s.processes("mc-tls"))
    wait_for("gone too", 15, lambda: not s.processes("mc-tls") and
             not s.processes("mc-session"))
    c.close()


@case
def trust(b):
    """trust-loopback: anybody, any sender, and a warning"""
    s, port = opened(b, trust_loopback="yes")
    expect("a warning", "trust-loopback: " in s.log_text(), s.log_text())
    for user in ("mc-anna", "mc-ben"):
        with Client(s, user, port) as c:
            c.hello()
            got = c.message("any.body@else.example", ["x@far.example"],
                            TEXT % "x@far.example")
            expect("taken", got.startswith("250 "), got)
    http = ("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nEHLO x\r\n"
            "MAIL FROM:<a@b.example>\r\nRCPT TO:<evil@far.example>\r\n")
    with Client(s, "mc-anna", port) as c:
        c.send(http)
        got = c.reply() + c.reply() + c.reply()
        expect("no browser", re.fullmatch(r"220 .*\n421 4\.7\.0 .*\n", got),
               got)


def own_address():
    """Of this machine, as others see it; a route is enough, nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
            return [sock.getsockname()[0]]
        except OSError:
            return []


@case
def not_from_outside(b):
    """it listens where it says, and nowhere else"""
    s, port = opened(b)
    expect("up", s.ready())
    for address in ("127.0.0.2", "::1", *own_address()):
        def attempt(address=address):
            with socket.create_connection((address, port), 3):
                return "connected"
        got = as_user("mc-ben", attempt)
        expect("nobody at " + address, got != "connected", got)


if __name__ == "__main__":
    sys.exit(main())
