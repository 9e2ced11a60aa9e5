#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mail through proxies: with and without log-in, refused, hanging.  TAP."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "script")]
from proxies import Proxy  # noqa: E402
from server import Script, Server  # noqa: E402

PASSWORD = "Frobozz-magic-53cret"
PROXY_PASSWORD = b"pr@xy:s3cret/%word"
ENCODED = "pr%40xy%3As3cret%2F%25word"
SLOW = 3 if os.environ.get("MC_SANITIZED") == "yes" else 1
MESSAGE = b"""From: me@example.test\nTo: a@example.test
Subject: through a proxy\n\nHello.\n.\n..\n.dot\n"""


class Test:
    """Numbers, TAP, and the scratch directory."""

    def __init__(self):
        self.n = self.failed = 0
        self.dir = tempfile.mkdtemp(prefix="mcp")
        self.certs = os.path.join(self.dir, "certs")
        subprocess.run(["/bin/sh", os.path.join(HERE, "..", "script",
                                                "certs.sh"), self.certs],
                       check=True, stdin=subprocess.DEVNULL)

    def is_(self, good, name, *notes):
        self.n += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.n, name),
              flush=True)
        if not good:
            for note in notes:
                print("#   " + repr(note))


class Sent:
    """One run of the program, against a server of its own."""

    def __init__(self, test, proxy=None, url=None, server="", more="",
                 argv=(), env=(), host="localhost", mode=0o600, stop=None,
                 rcpts=("a@example.test",)):
        self.server = Server(Script(server, {"user": "joe",
                                             "password": PASSWORD}),
                             test.certs, test.dir)
        name = os.path.join(test.dir, "config")
        if url is None and proxy is not None:
            who = "" if proxy.user is None else "%s:%s@" % (
                proxy.user.decode(), ENCODED)
            url = "%s://%s127.0.0.1:%d" % (
                {"socks5": "socks5h"}.get(proxy.kind, proxy.kind), who,
                proxy.port)
        with open(name, "w", encoding="utf-8") as f:
            f.write("queue = off\nlog = off\nhost = %s\nport = %d\n"
                    "tls-ca-file = %s/ca.pem\nuser = joe\n"
                    "password-file = %s/pw\nfrom = me@example.test\n"
                    "timeout = 2s\nconnect-timeout = 1s\n%s%s" %
                    (host, self.server.port, test.certs, test.dir,
                     "proxy = %s\n" % url if url else "", more))
        os.chmod(name, mode)
        with open(os.path.join(test.dir, "pw"), "w", encoding="ascii") as f:
            f.write(PASSWORD)
        os.chmod(os.path.join(test.dir, "pw"), 0o600)
        env = dict({"PATH": os.environ["PATH"], "HOME": test.dir,
                    "MAILCHUTE_CONFIG": name}, **dict(env))
        env.update({k: v for k, v in os.environ.items()
                    if k.endswith("SAN_OPTIONS")})
        begun = time.monotonic()
        child = subprocess.Popen(
            [os.environ["MAILCHUTE_BIN"]] +
            (list(argv) or ["-oi", "-f", "me@example.test", *rcpts]), env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        if stop is not None:
            child.stdin.write(MESSAGE)
            child.stdin.close()
            child.stdin = None
            time.sleep(stop)
            child.send_signal(signal.SIGTERM)
        out, err = child.communicate(None if stop is not None else MESSAGE,
                                     timeout=30 * SLOW)
        self.seconds = time.monotonic() - begun
        self.status = child.returncode
        self.err, self.out = err.decode(), out.decode()
        self.server.settle(3)
        self.server.stop()
        self.taken = self.server.record.delivered()

    def hides(self):
        return not any(x in self.err + self.out for x in
                       (PROXY_PASSWORD.decode(), ENCODED, PASSWORD))

    def notes(self):
        return (self.status, self.err, round(self.seconds, 2),
                self.server.record.commands, self.server.record.violations)


def arrives(test, name, sent, count=1):
    bodies = [t.data.partition(b"\r\n\r\n")[2] for t in sent.taken]
    same = MESSAGE.partition(b"\n\n")[2].replace(b"\n", b"\r\n")
    test.is_(sent.status == 0 and bodies == [same] * count and
             sent.server.record.connections == 1 and not sent.err and
             not sent.server.record.violations, name, *sent.notes())


def refused(test, name, sent, *words, status=75):
    test.is_(sent.status == status and not sent.taken and sent.hides() and
             not sent.server.record.commands and
             sent.err.count("\n") == 1 and
             all(w in sent.err for w in words), name, *sent.notes())


def good_ways(test):
    for kind in ("socks5", "http"):
        proxy = Proxy(kind)
        arrives(test, "%s: the message arrives" % kind, Sent(test, proxy))
        test.is_([h for h, _ in proxy.asked] == ["localhost"] and
                 not proxy.logins,
                 "%s: the proxy got the name, not an address" % kind,
                 proxy.asked)
        arrives(test, "%s: STARTTLS through it" % kind,
                Sent(test, proxy, server="tls = starttls",
                     more="tls = starttls\n"))
        arrives(test, "%s: blind recipients, one connection" % kind,
                Sent(test, proxy, rcpts=("a@example.test", "b@example.test",
                                         "c@example.test")), 3)
        proxy.stop()
        proxy = Proxy(kind, b"bob", PROXY_PASSWORD)
        arrives(test, "%s: with user and password" % kind, Sent(test, proxy))
        test.is_(len(proxy.logins) >= 1 and len(proxy.asked) == 1,
                 "%s: and they were asked for" % kind, proxy.logins)
        sent = Sent(test, proxy, argv=["-v", "-v", "-oi", "a@example.test"])
        test.is_(sent.status == 0 and sent.hides() and
                 "Proxy-Auth" not in sent.err,
                 "%s: the dialogue shows none of it" % kind, *sent.notes())
        proxy.stop()


def by_command(test):
    """The proxy's password out of a program, of which nothing is shown."""
    secret = os.path.join(test.dir, "proxy-pw")
    made = os.path.join(test.dir, "made")
    seen = os.path.join(test.dir, "seen")
    with open(secret, "wb") as f:
        f.write(PROXY_PASSWORD + b"\nlogin: bob\n")
    os.chmod(secret, 0o600)
    for kind in ("socks5", "http"):
        proxy = Proxy(kind, b"bob", PROXY_PASSWORD)
        url = "%s://bob@127.0.0.1:%d" % (
            {"socks5": "socks5h"}.get(kind, kind), proxy.port)

        def sent(command, **more):
            return Sent(test, url=url, more="proxy-password-command = %s\n"
                        "helper-timeout = 1s\n" % command, **more)

        arrives(test, "%s: password by a program" % kind,
                sent("cat " + secret))
        test.is_(len(proxy.logins) == 1, "%s: and it was asked for" % kind,
                 proxy.logins)
        proxy.logins.clear()
        run = sent("cat " + secret, argv=["-v", "-v", "-oi",
                                          "a@example.test"])
        test.is_(run.status == 0 and run.hides(),
                 "%s: the dialogue shows none of it" % kind, *run.notes())
        # neither in anybody's arguments nor through a shell
        run = sent("sh -c 'cat /proc/[0-9]*/cmdline >%s; cat %s'; touch %s" % (
            seen, secret, made))
        with open(seen, "rb") as f:
            test.is_(run.status == 0 and not os.path.exists(made) and
                     PROXY_PASSWORD not in f.read(),
                     "%s: no shell, no argument" % kind, *run.notes())
        connections = len(proxy.asked)
        refused(test, "%s: a program that fails" % kind,
                sent("sh -c 'cat %s; exit 3'" % secret),
                "proxy-password-command")
        refused(test, "%s: one that prints nothing" % kind, sent("true"),
                "proxy-password-command", "empty", status=78)
        run = sent("sleep 20")
        refused(test, "%s: one that hangs" % kind, run,
                "proxy-password-command")
        test.is_(run.seconds < 4 * SLOW, "%s: not for long" % kind,
                 run.seconds)
        test.is_(len(proxy.asked) == connections,
                 "%s: and the proxy is left alone" % kind, proxy.asked)
        refused(test, "%s: a wrong password by a program" % kind,
                sent("echo another"), "check `proxy`")
        proxy.stop()
    run = Sent(test, url="http://127.0.0.1:1",
               more="proxy-password-command = true\n")
    test.is_(run.status == 78 and "no user in proxy" in run.err,
             "a password without a user", *run.notes())
    arrives(test, "without a proxy the program does not run",
            Sent(test, more="proxy-password-command = touch %s\n" % made))
    test.is_(not os.path.exists(made), "it did not")
    run = Sent(test, url="http://bob@127.0.0.1:1", mode=0o622,
               more="proxy-password-command = touch %s\n" % made)
    test.is_(run.status == 78 and not os.path.exists(made),
             "others may not write where a program is named", *run.notes())


def bad_ways(test):
    for kind in ("socks5", "http"):
        proxy = Proxy(kind, b"bob", b"another")
        refused(test, "%s: a wrong password" % kind, Sent(test, proxy),
                "proxy 127.0.0.1:%d" % proxy.port, "check `proxy`")
        refused(test, "%s: none where one is wanted" % kind,
                Sent(test, url="%s://127.0.0.1:%d" % (
                    kind if kind == "http" else "socks5h", proxy.port)),
                "proxy 127.0.0.1:%d" % proxy.port)
        proxy.stop()
        refused(test, "%s: nobody there" % kind,
                Sent(test, proxy), "proxy 127.0.0.1:%d" % proxy.port,
                "refused")
        for manner in ("refuse", "hangup", "garbage"):
            proxy = Proxy(kind, manner=manner)
            refused(test, "%s: %s" % (kind, manner), Sent(test, proxy))
            proxy.stop()
        for manner in ("silent", "stall"):
            proxy = Proxy(kind, manner=manner)
            sent = Sent(test, proxy)
            refused(test, "%s: %s" % (kind, manner), sent, "in time")
            test.is_(sent.seconds < 3 * SLOW, "%s: %s: not for long" %
                     (kind, manner), sent.seconds)
            sent = Sent(test, proxy, stop=0.3 * SLOW)
            test.is_(sent.status == 75 and sent.seconds < 0.9 * SLOW,
                     "%s: %s: a signal ends it" % (kind, manner),
                     *sent.notes())
            proxy.stop()


def server_checked(test):
    proxy = Proxy("socks5")
    refused(test, "the server's certificate is checked behind a proxy",
            Sent(test, proxy, server="cert = selfsigned"), "self-signed")
    refused(test, "and so is its name",
            Sent(test, proxy, server="cert = wrongname"), "not for localhost")
    proxy.stop()


def configuration(test):
    for value in ("localhost:1080", "socks4://x:1", "socks5h://x",
                  "socks5h://x:0", "socks5h://x:70000", "socks5h://:1080",
                  "socks5h://a b@x:1", "socks5h://a@b@x:1", "ftp://x:1",
                  "socks5h://a:b%zz@x:1", "socks5h://a:b%00@x:1"):
        sent = Sent(test, url=value)
        test.is_(sent.status == 78 and "proxy: must be socks5h" in sent.err,
                 "not a proxy: %s" % value, *sent.notes())
    proxy = Proxy("socks5")
    open_ = "socks5h://127.0.0.1:%d" % proxy.port
    arrives(test, "without password the file may be open to others",
            Sent(test, url=open_, mode=0o644))
    sent = Sent(test, url="socks5h://u:%s@127.0.0.1:1" % ENCODED, mode=0o644)
    test.is_(sent.status == 78 and "chmod 600" in sent.err and sent.hides(),
             "with one it may not", *sent.notes())
    sent = Sent(test, url="socks5h://u:%s@127.0.0.1:1" % ENCODED,
                argv=["config", "show"])
    test.is_(sent.status == 0 and sent.hides() and "proxy" in sent.out,
             "config show does not show it", sent.out)
    sent = Sent(test, url=open_, more="tls = off\nauth = off\n",
                server="tls = off")
    test.is_(sent.status == 78 and "not without TLS" in sent.err,
             "no proxy without TLS", *sent.notes())
    sent = Sent(test, url=open_, host="/nonexistent/socket")
    test.is_(sent.status == 78 and "socket" in sent.err,
             "no proxy in front of a socket", *sent.notes())
    proxy.asked.clear()
    arrives(test, "variables of libcurl change nothing",
            Sent(test, more="transport = curl\n", env={
                "all_proxy": "socks5h://127.0.0.1:1",
                "http_proxy": "http://127.0.0.1:1",
                "smtps_proxy": "http://127.0.0.1:1"}))
    arrives(test, "nor does no_proxy",
            Sent(test, url=open_, env={"no_proxy": "*", "NO_PROXY": "*"}))
    test.is_(len(proxy.asked) == 1, "the proxy was asked", proxy.asked)
    arrives(test, "a proxy out of the environment",
            Sent(test, env={"MAILCHUTE_PROXY": open_}))
    test.is_(len(proxy.asked) == 2, "was asked too", proxy.asked)
    proxy.stop()


def main():
    test = Test()
    try:
        good_ways(test)
        by_command(test)
        bad_ways(test)
        server_checked(test)
        configuration(test)
    finally:
        shutil.rmtree(test.dir, ignore_errors=True)
    print("1..%d" % test.n)
    return test.failed != 0


if __name__ == "__main__":
    sys.exit(main())
