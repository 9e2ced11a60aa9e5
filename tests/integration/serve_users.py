#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may use the service, and as whom: serve_users.py [PATTERN]...

See serving.py for how these tests are run.
"""
import os
import pwd
import re
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service                                      # noqa: E402
from servers import wait_for                        # noqa: E402
from service import DOMAIN, USERS, Client           # noqa: E402
from serving import (BINARY, TEXT, as_user, case, expect,  # noqa: E402
                     main, run_as)

NAMELESS = 61899
OVERFLOW = 65534


def ask_some(s, user, senders):
    codes = []
    with Client(s, user) as c:
        c.hello()
        for sender in senders:
            got = c.command("MAIL FROM:<%s>" % sender)
            codes.append(got[:3])
            if got[:1] == "2":
                c.command("RSET")
            else:
                expect("a refusal as tabled: %s of %s" % (sender, user),
                       got.startswith("550 5.7.1 "), got)
    return codes


def ask(s, user, *senders):
    """First digits of the replies to MAIL with each sender; not so many in
    one session that errors make it slow."""
    codes = []
    for at in range(0, len(senders), 8):
        codes += ask_some(s, user, senders[at:at + 8])
    return codes


def expect_senders(s, user, allowed, denied=()):
    got = ask(s, user, *allowed, *denied)
    want = ["250"] * len(allowed) + ["550"] * len(denied)
    expect("%s: %s" % (user, list(zip([*allowed, *denied], want))),
           got == want, got)


def chosen(s, user, sender):
    """The account that the log names for a message of that sender."""
    with Client(s, user) as c:
        c.hello()
        got = c.message(sender, ["x@far.example"], TEXT % "x@far.example")
        expect("taken: %s of %s" % (sender, user), got.startswith("250 "),
               got)
    ident = got.split()[-1]
    line = wait_for("the message in the log", 10, lambda: re.search(
        r"account=(\S+) .*verdict=queued .*id=%s " % ident, s.log_text()))
    return line.group(1)


@case
def own_senders(b):
    """without rules: one's own address, subaddresses, a bare name, no more"""
    s = b.started()
    for user in ("mc-anna", "mc-ben"):
        other = "mc-ben" if user == "mc-anna" else "mc-anna"
        own = ["%s@%s" % (user, DOMAIN), "%s+shop@%s" % (user, DOMAIN),
               user, user + "+a.b", "%s@%s" % (user, DOMAIN.upper())]
        others = ["%s@%s" % (other, DOMAIN), other,
                  "%s+x@%s" % (other, DOMAIN), "%s@elsewhere.example" % user,
                  "%s.x@%s" % (user, DOMAIN), "%sx@%s" % (user, DOMAIN),
                  "%s-x@%s" % (user, DOMAIN), "+%s@%s" % (user, DOMAIN),
                  "x%s@%s" % (user, DOMAIN), "root@" + DOMAIN,
                  "postmaster@" + DOMAIN, "%s@x.%s" % (user, DOMAIN),
                  "%s@%s.example" % (user, DOMAIN), ""]
        expect_senders(s, user, own, others)
    wait_for("lines", 10, lambda: len(s.refused("mc-anna", "sender")) == 5)
    expect("with the process", all(
        w["pid"].isdigit() and w["source"] == "unix"
        for w in s.refused("mc-anna", "sender")), s.log_text())


@case
def privileged(b):
    """root and the service's own uid may use any sender"""
    s = b.started()
    for user in (0, "mc-serve"):
        expect_senders(s, user, ["a@b.example", "mc-anna@" + DOMAIN, ""])
    expect("root's null sender has an account",
           chosen(s, 0, "") == "default")


@case
def no_name(b):
    """a uid without a name, and the one of strangers' containers"""
    s = b.started(allow_users="*")
    for uid in (NAMELESS, OVERFLOW):
        with Client(s, uid) as c:
            got = c.reply()
            expect("421 in place of the greeting", got.startswith(
                "421 4.7.0 "), got)
            expect("and the end", c.reply() == "")
        s.wait_refused(uid, "peer")
    s.stop()
    b.open.remove(s)
    s = b.started(allow_users="* %d %d" % (NAMELESS, OVERFLOW))
    with Client(s, NAMELESS) as c:
        got = c.hello()
        expect("one that is named by its number", got[:3] == "220", got)
        got = c.command("MAIL FROM:<%d@%s>" % (NAMELESS, DOMAIN))
        expect("but has no address", got.startswith("550 5.7.1 "), got)
    with Client(s, OVERFLOW) as c:
        got = c.reply()
        expect("never the overflow uid", got.startswith("421 4.7.0 "), got)


@case
def allow_users(b):
    """allow-users: names, numbers and groups"""
    s = b.started(allow_users="mc-anna @mc-staff")
    for user, code in (("mc-anna", "220"), ("mc-cleo", "220"),
                       ("mc-ben", "421"), (0, "220"), ("mc-serve", "220")):
        with Client(s, user) as c:
            got = c.reply()
            expect("%s: %s" % (user, code), got.startswith(code), got)
    words = s.wait_refused("mc-ben", "peer")[0]
    expect("pid", words["pid"].isdigit() and words["source"] == "unix",
           words)
    s.stop()
    b.open.remove(s)
    s = b.started(allow_users=str(USERS["mc-ben"]))
    for user, code in (("mc-anna", "421"), ("mc-cleo", "421"),
                       ("mc-ben", "220")):
        with Client(s, user) as c:
            got = c.reply()
            expect("%s: %s" % (user, code), got.startswith(code), got)


@case
def socket_group(b):
    """socket-group: others cannot even connect"""
    s = b.started(socket_group="mc-staff", user=None)
    mode = os.stat(s.path)
    expect("0660 and the group", mode.st_mode & 0o777 == 0o660 and
           mode.st_gid == service.GROUP[1], oct(mode.st_mode))

    def try_it():
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(20)
            c.connect(s.path)
            return c.recv(3).decode()
    expect("a member", as_user("mc-cleo", try_it) == "220")
    got = as_user("mc-anna", try_it)
    expect("somebody else", got.startswith("PermissionError"), got)


ACCOUNTS = {
    "first": {"allow-sender": "mc-anna: info@shop.example, *@lists.example"},
    "second": {"allow-sender": "%d: *@ben.example; @mc-staff: %%U@staff.example"
               % USERS["mc-ben"]},
    "third": {"allow-sender": "mc-anna mc-ben: shared@work.example <>; "
              "mc-cleo: *"},
    "fourth": {"allow-sender": "*: %U@every.example", "from": "x@every.example"},
    "default": {},
}


@case
def rules(b):
    """allow-sender: the sender and the account are those of the rule"""
    s = b.started(ACCOUNTS)
    for user, sender, account in (
            ("mc-anna", "info@shop.example", "first"),
            ("mc-anna", "any.body@lists.example", "first"),
            ("mc-ben", "me@ben.example", "second"),
            ("mc-cleo", "mc-cleo@staff.example", "second"),
            ("mc-anna", "shared@work.example", "third"),
            ("mc-ben", "shared@work.example", "third"),
            ("mc-ben", "", "third"),
            ("mc-cleo", "who@ever.example", "third"),
            ("mc-anna", "mc-anna@every.example", "fourth"),
            ("mc-ben", "mc-ben@every.example", "fourth"),
            # the first in the file
            ("mc-cleo", "mc-cleo@every.example", "third")):
        got = chosen(s, user, sender)
        expect("%s as %s by %s" % (user, sender, account), got == account,
               got)
    expect_senders(s, "mc-anna", [], [
        "me@ben.example", "mc-anna@staff.example", "sales@shop.example",
        "mc-ben@every.example", "mc-cleo@every.example", "info@lists.example"
        ".evil.example", "who@ever.example", "mc-cleo@staff.example"])
    expect_senders(s, "mc-ben", [], [
        "info@shop.example", "a@lists.example", "mc-ben@staff.example",
        "mc-anna@every.example", "me@x.ben.example"])
    # rules name them all, so what is usual without rules is gone
    expect_senders(s, "mc-anna", [], ["mc-anna@" + DOMAIN])


@case
def other_account(b):
    """a rule for one user alone leaves all others to what is usual"""
    s = b.started({"secret": {"allow-sender": "mc-anna: boss@corp.example",
                              "from": "boss@corp.example"}, "default": {}})
    expect("anna's", chosen(s, "mc-anna", "boss@corp.example") == "secret")
    got = chosen(s, "mc-ben", "mc-ben@" + DOMAIN)
    expect("ben's", got == "default", got)
    expect_senders(s, "mc-ben", [], ["boss@corp.example", ""])
    # what the message says of itself is no way to an account
    with Client(s, "mc-ben") as c:
        c.hello()
        got = c.message("mc-ben@" + DOMAIN, ["x@far.example"],
                        "From: boss@corp.example\r\nSubject: x\r\n"
                        "X-Mailchute-Account: secret\r\n\r\nx\r\n")
        expect("taken", got.startswith("250 "), got)
    ident = got.split()[-1]
    line = wait_for("its line", 10, lambda: re.search(
        r"account=(\S+) .*id=%s " % ident, s.log_text()))
    expect("by his account", line.group(1) == "default", line.group(0))


@case
def bare_sender(b):
    """a bare sender gets the domain of the account"""
    s = b.started({"only": {"allow-sender": "mc-anna: %U@shop.example",
                            "domain": "shop.example"}, "default": {}})
    mark = len(b.sink.deliveries)
    expect("by the rule", chosen(s, "mc-anna", "mc-anna") == "only")
    expect("by what is usual", chosen(s, "mc-ben", "mc-ben") == "default")
    got = sorted(d.sender for d in b.arrived(mark, 2))
    expect("completed", got == ["mc-anna@shop.example", "mc-ben@" + DOMAIN],
           got)


@case
def log_flood(b):
    """refusals are logged five times a minute, then as a number"""
    s = b.started()
    count = 16
    ask(s, "mc-anna", *["mc-ben@" + DOMAIN] * count)
    s.wait_refused("mc-anna", "sender")
    s.stop()
    lines = s.refused("mc-anna", "sender")
    expect("five and one", len(lines) == 6, s.log_text())
    expect("single ones", [w["count"] for w in lines[:5]] == ["1"] * 5)
    expect("the rest", lines[5]["count"] == str(count - 5) and
           lines[5]["pid"] == "-", lines[5])


@case
def no_injection(b):
    """what a client says cannot make lines or words of a log"""
    s = b.started()
    with Client(s, "mc-anna") as c:
        c.hello()
        for sender in ('"a b reason=none uid=0"@x.example',
                       '"a\\"b\\\\"@x.example', "a=b@x.example"):
            got = c.command("MAIL FROM:<%s>" % sender)
            expect("refused", got.startswith("550 "), got)
    lines = wait_for("lines", 10, lambda: s.refused("mc-anna", "sender"))
    wait_for("three", 10, lambda: len(s.refused("mc-anna", "sender")) == 3)
    expect("none of uid 0", not s.refused(0, "sender"), lines)


@case
def by_command(b):
    """the sendmail command of a user: sent, or 77"""
    s = b.started()
    link = s.dir + "/sendmail"
    os.symlink(BINARY, link)
    conf = s.dir + "/client.conf"
    service.write(conf, "host = %s\nprotocol = smtp\nqueue = off\n"
                  "domain = %s\n" % (s.path, DOMAIN))
    argv = [link, "-C", conf, "-i"]
    done = run_as("mc-anna", argv + ["-f", "mc-anna@" + DOMAIN,
                                     "x@far.example"], "Subject: x\n\nx\n")
    expect("taken", done.returncode == 0, done)
    done = run_as("mc-anna", argv + ["-f", "mc-ben@" + DOMAIN,
                                     "x@far.example"], "Subject: x\n\nx\n")
    expect("not permitted", done.returncode in (69, 77) and
           "5.7.1" in done.stderr, done)


@case
def real_users(b):
    """these are two users, and this machine's own are what they were"""
    del b
    uids = {pwd.getpwnam(name).pw_uid for name in USERS}
    expect("of their own", uids == set(USERS.values()))
    who = as_user("mc-anna", lambda: "%d %d" % (os.getuid(), os.geteuid()))
    expect("uid", who == "%d %d" % ((USERS["mc-anna"],) * 2), who)


if __name__ == "__main__":
    sys.exit(main())
