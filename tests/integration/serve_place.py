#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Socket, spool and start of the service: serve_place.py [PATTERN]...

See serving.py for how these tests are run.
"""
import os
import re
import resource
import shutil
import signal
import socket
import stat
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import free_ports, read, wait_for, write # noqa: E402
from service import DOMAIN, USERS, Client           # noqa: E402
from serving import (BINARY, TEXT, as_user, case, expect,  # noqa: E402
                     is_sanitized, main, run_as, served)


def hand_in(s, user="mc-anna"):
    with Client(s, user) as c:
        c.hello()
        got = c.message("%s@%s" % (user, DOMAIN), ["x@far.example"],
                        TEXT % "x@far.example")
        expect("taken", got.startswith("250 "), got)
    return got.split()[-1]


def own_socket(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(5)
    return s


# ------------------------------------------------------------------- the socket

@case
def hijack(b):
    """another user can put nothing in the socket's place, up or down"""
    s = b.started()
    attempts = (
        lambda: os.unlink(s.path),
        lambda: os.rename(s.path, s.path + "-old"),
        lambda: os.symlink("/tmp/x", s.path + "2"),
        lambda: os.mkfifo(s.path + "3"),
        lambda: own_socket(s.path + "4"),
        lambda: os.chmod(s.path, 0),
        lambda: os.rename(s.dir + "/run", s.dir + "/gone"),
        lambda: os.mkdir(s.dir + "/run/x"),
    )
    for _ in range(2):
        for number, attempt in enumerate(attempts):
            got = as_user("mc-ben", attempt)
            gone = not s.child and got.startswith("FileNotFoundError")
            expect("attempt %d" % number, gone or got.startswith(
                "PermissionError"), got)
        if s.child:
            served(s)
            expect("end", s.stop() == 0)

    def down():
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(s.path)
            return "connected"
    got = as_user("mc-anna", down)
    expect("nobody is there", got.startswith(("FileNotFoundError",
                                              "ConnectionRefused")), got)
    got = as_user("mc-ben", lambda: own_socket(s.path))
    expect("nor can ben be", got.startswith("PermissionError"), got)


@case
def stale_socket(b):
    """one that nobody listens on any more is replaced"""
    s = b.started()
    b.may_die = True
    os.killpg(s.child.pid, signal.SIGKILL)
    s.child.wait()
    expect("it is there", stat.S_ISSOCK(os.lstat(s.path).st_mode))
    s.start()
    served(s)
    expect("0666", os.stat(s.path).st_mode & 0o777 == 0o666)


@case
def no_socket_there(b):
    """a file, link, FIFO or directory in its place: 78, and it stays"""
    s = b.service()
    outside = s.dir + "/outside"

    def others_socket():
        own_socket(outside).close()
        os.symlink(outside, s.path)
    for name, make in (
            ("file", lambda: write(s.path, "x")),
            ("link to nothing", lambda: os.symlink(s.dir + "/x", s.path)),
            ("link to a socket", others_socket),
            ("FIFO", lambda: os.mkfifo(s.path)),
            ("directory", lambda: os.mkdir(s.path))):
        make()
        before = os.lstat(s.path)
        status, text = s.refuses()
        expect("a %s: 78" % name, status == 78, (status, text))
        after = os.lstat(s.path)
        expect("it stays: " + name, (before.st_ino, before.st_mode) ==
               (after.st_ino, after.st_mode))
        expect("nothing is made behind it", not os.path.exists(s.dir + "/x"))
        shutil.rmtree(s.path) if name == "directory" else os.unlink(s.path)


@case
def open_directory(b):
    """a directory that others may write in, or that is theirs: 78"""
    s = b.service()
    for mode, owner in ((0o777, s.uid), (0o1777, s.uid), (0o775, s.uid),
                        (0o755, USERS["mc-ben"])):
        os.chown(s.dir + "/run", owner, owner)
        os.chmod(s.dir + "/run", mode)
        status, text = s.refuses()
        expect("%o of %d: 78" % (mode, owner), status == 78, (status, text))
        expect("no socket", not os.path.lexists(s.path))
    os.chown(s.dir + "/run", 0, 0)
    os.chmod(s.dir + "/run", 0o755)
    status, text = s.refuses()
    expect("root's, where it may not write", status != 0, text)


@case
def two_services(b):
    """a second service on the same socket is refused, the first stays"""
    s = b.started()
    before = os.lstat(s.path).st_ino
    other = b.service(socket=s.path)
    status, text = other.refuses()
    expect("75", status == 75, (status, text))
    expect("says why", "another service" in text, text)
    expect("untouched", os.lstat(s.path).st_ino == before)
    served(s)
    # one that a stranger to the lock listens on
    s.stop()
    s2 = b.service()
    mine = own_socket(s2.path)
    os.chown(s2.path, s2.uid, s2.uid)
    status, text = s2.refuses()
    expect("75 too", status == 75 and os.path.exists(s2.path),
           (status, text))
    mine.close()


@case
def far_addresses(b):
    """listen on anything but loopback: 78"""
    s = b.service()
    for address in ("0.0.0.0:2525", "[::]:2525", "192.0.2.1:2525",
                    "[::ffff:127.0.0.1]:2525", "[::ffff:0.0.0.0]:2525",
                    "*:2525", "128.0.0.1:2525", "[fe80::1]:2525", ":2525",
                    "localhost.evil.example:2525", "127.0.0.1",
                    "127.0.0.1:0", "127.0.0.1:99999"):
        s.configure(listen=address)
        status, text = s.refuses()
        expect("%s: 78" % address, status == 78, (status, text))
        expect("no socket", not os.path.lexists(s.path))


# -------------------------------------------------------------------- the spool

def plant(s, where, name, kind):
    path = where + "/" + name
    if os.path.lexists(path):
        os.unlink(path)
    target = s.dir + "/precious"
    if kind == "link":
        os.symlink(target, path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        own_socket(path).close()
    elif kind == "directory":
        os.mkdir(path)
    elif kind == "hard":
        os.link(target, path)
    elif kind == "foreign":
        write(path, "foreign\n", 0o600)
        os.chown(path, USERS["mc-ben"], USERS["mc-ben"])
        return path
    if kind not in ("hard", "link"):
        os.chown(path, s.uid, s.uid)
    return path


KINDS = ("link", "fifo", "socket", "directory", "hard", "foreign")


def precious(s):
    write(s.dir + "/precious", "precious\n", 0o666)
    os.chmod(s.dir + "/precious", 0o666)


def is_whole(s):
    text = read(s.dir + "/precious")
    expect("what a link leads to is untouched", text == "precious\n", text)


@case
def planted_messages(b):
    """links and the like among the messages: no hang, the others go"""
    s = b.started()
    hand_in(s)
    b.drain(s)
    precious(s)
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number, kind in enumerate(KINDS):
        for first in "tmlw":
            ident = letters[number] * 25 + "a"
            plant(s, s.spool + "/q", "%s-%s" % (first, ident), kind)
    mark = len(b.sink.deliveries)
    hand_in(s)
    hand_in(s, "mc-ben")
    b.arrived(mark, 2, 30)
    s.child.send_signal(signal.SIGHUP)
    wait_for("the reload", 20, lambda: "read anew" in s.log_text())
    served(s)
    b.arrived(mark, 3, 30)
    is_whole(s)
    expect("none of them was sent", all(
        b"precious" not in d.data for d in b.sink.since(mark)))
    expect("end", s.stop() == 0)
    s.start()
    served(s)


@case
def planted_beside(b):
    """the same for files beside the queue: not followed, no hang"""
    port = free_ports(1)[0]
    s = b.service(listen="127.0.0.1:%d" % port)
    s.start()
    served(s)
    b.drain(s)
    names = sorted(n for n in os.listdir(s.spool) if n != "q")
    expect("some are there", "serve.pem" in names, names)
    s.stop()
    for kind in KINDS:
        precious(s)
        for name in sorted({*names, "tokens", "counters"} - {"serve.pem"}):
            path = s.spool + "/" + name
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path) if not os.listdir(path) else None
            if not os.path.isdir(path):
                plant(s, s.spool, name, kind)
        child = s.start(ready=False)
        try:
            wait_for("it serves, or ends", 20, lambda:
                     child.poll() is not None or s_answers(s))
        finally:
            status = child.poll()
        if status is None:
            served(s)
            with Client(s, 0, port) as c:
                greeting = c.reply()
                expect("TCP too", greeting.startswith("220 "), greeting)
            s.stop()
        else:
            expect("a status of a place that is wrong: %s" % kind,
                   status in (75, 77, 78), (status, s.output()))
        is_whole(s)


def s_answers(s):
    try:
        return s.ready()
    except OSError:
        return False


@case
def planted_key(b):
    """the same in the place of the key that it makes"""
    s = b.service(listen="127.0.0.1:%d" % free_ports(1)[0])
    for kind in KINDS:
        precious(s)
        path = plant(s, s.spool, "serve.pem", kind)
        status, text = s.refuses()
        expect("refused: " + kind, status in (77, 78, 75), (status, text))
        is_whole(s)
        os.rmdir(path) if kind == "directory" else os.unlink(path)
    write(s.spool + "/serve.pem", "x", 0o644)
    os.chown(s.spool + "/serve.pem", s.uid, s.uid)
    status, text = s.refuses()
    expect("one that others may read", status == 78, (status, text))


# -------------------------------------------------------------------- the start

@case
def no_set_id(b):
    """nothing that is installed is set-user-id or set-group-id"""
    root = b.dir + "/root"
    top = os.path.dirname(BINARY)
    if not os.path.exists(top + "/Makefile"):
        return
    done = run_as(0, ["make", "-s", "-C", top, "install", "DESTDIR=" + root],
                  seconds=300)
    expect("installed", done.returncode == 0, done)
    count = 0
    for where, dirs, names in os.walk(root):
        for name in dirs + names:
            mode = os.lstat(where + "/" + name).st_mode
            count += 1
            expect("no set-id: %s/%s" % (where, name),
                   mode & 0o6000 == 0 or stat.S_ISLNK(mode))
    expect("there were files", count > 10, count)


@case
def refuses_set_uid(b):
    """a copy that is set-user-id refuses to do anything"""
    s = b.service()
    copy = s.dir + "/copy"
    shutil.copy(BINARY, copy)
    os.chown(copy, s.uid, s.uid)
    os.chmod(copy, 0o4755)
    done = run_as("mc-ben", [copy, "serve", "-C", s.conf])
    if done.returncode == 126:
        return
    # the leak check of sanitizers fails there, and has another status
    expect("refused", done.returncode == (1 if is_sanitized() else 77), done)
    expect("says so", "set" in done.stderr, done)
    expect("no socket", not os.path.lexists(s.path))


def check_started(b, s, seconds=20):
    mark = len(b.sink.deliveries)
    hand_in(s)
    b.arrived(mark, 1, seconds)
    expect("end", s.stop() == 0, s.output())


@case
def closed_descriptors(b):
    """started with descriptors 0 to 2 closed"""
    for some in ((0,), (1,), (2,), (0, 1, 2)):
        s = b.service()

        def close(some=some):
            for fd in some:
                os.close(fd)
        s.start(before=close)
        for pid in s.processes():
            for fd in "012":
                where = "/proc/%d/fd/%s" % (pid, fd)
                if os.path.exists(where):
                    at = os.readlink(where)
                    expect("nothing of the service is there",
                           s.spool not in at and "socket" not in at, at)
        check_started(b, s)


@case
def odd_umask(b):
    """started with any umask: modes are what they should be"""
    for mask in (0, 0o777, 0o077, 0o222):
        s = b.service()
        s.start(before=lambda mask=mask: os.umask(mask))
        expect("the socket, umask %o" % mask,
               os.stat(s.path).st_mode & 0o777 == 0o666)
        check_started(b, s)
        for where, dirs, names in os.walk(s.spool):
            for name in dirs + names:
                mode = os.lstat(where + "/" + name).st_mode
                expect("nobody else's: %o %s" % (mask, name),
                       mode & 0o077 == 0, oct(mode))


@case
def small_files(b):
    """RLIMIT_FSIZE=1: nothing is taken, nobody dies"""
    s = b.service()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    child = s.start(ready=False, before=limit)
    wait_for("up, or ended", 20, lambda: child.poll() is not None or
             os.path.exists(s.path))
    if child.poll() is not None:
        expect("a status, not a signal", child.returncode in (75, 78, 74),
               (child.returncode, s.output()))
        s.child = None
        return
    pids = sorted(s.processes("mc-listener"))
    for _ in range(3):
        with Client(s, "mc-anna") as c:
            c.hello()
            got = c.message("mc-anna@" + DOMAIN, ["x@far.example"],
                            TEXT % "x@far.example")
            expect("not taken", got[:1] == "4", got)
    expect("nobody died", sorted(s.processes("mc-listener")) == pids)
    expect("nothing queued", not s.queued())
    expect("end", s.stop() == 0)


@case
def few_descriptors(b):
    """RLIMIT_NOFILE small: those who fit are served, and later the rest"""
    s = b.service(limit_sessions="60", limit_sessions_user="60")
    s.start(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                              (32, 32)))
    many = []
    try:
        for _ in range(60):
            many.append(Client(s, "mc-anna"))
        listener = s.processes("mc-listener")
        spent = cpu(listener[0])
        time_passes(1)
        expect("it does not spin", cpu(listener[0]) - spent < 0.5)
    finally:
        for c in many:
            c.close()
    served(s, seconds=60)
    expect("the same listener", s.processes("mc-listener") == listener)
    expect("end", s.stop() == 0)


def cpu(pid):
    words = read("/proc/%d/stat" % pid).rpartition(") ")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def time_passes(seconds):
    signal.sigtimedwait([], seconds)


@case
def hostile_environment(b):
    """the environment changes nothing"""
    s = b.service()
    bad = {"IFS": "x", "PATH": s.dir, "TMPDIR": "/nonexistent",
           "MALLOC_CHECK_": "3", "LC_ALL": "xx_YY", "LANG": "tr_TR.UTF-8",
           "TZ": "/etc/passwd", "TZDIR": s.dir, "HOME": "/nonexistent",
           "OPENSSL_CONF": s.dir + "/no.cnf", "LISTEN_FDS": "7",
           "LISTEN_PID": "1", "NOTIFY_SOCKET": "/nonexistent/x",
           "USER": "root", "LOGNAME": "root", "HOSTALIASES": "/etc/passwd",
           "SSLKEYLOGFILE": s.dir + "/run/keys", "TERM": "\033[2J",
           "X" * 5000: "y" * 50000}
    s.start(env=bad)
    for pid in s.processes():
        text = read("/proc/%d/status" % pid)
        expect("its own uid", not text or re.search(
            r"(?m)^Uid:\s+%d\s+%d\s+%d" % ((s.uid,) * 3), text), text)
    expect("no keys", not os.path.exists(s.dir + "/run/keys"))
    check_started(b, s)
    s = b.service()
    status, text = s.refuses(env={"MAILCHUTE_QUEUE_DRI": "/x"})
    expect("a variable of ours that is none: 78", status == 78,
           (status, text))


@case
def blocked_signals(b):
    """signals that were blocked or ignored by who starts it are not"""
    s = b.service()

    def before():
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
        for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
    s.start(before=before)
    s.child.send_signal(signal.SIGHUP)
    wait_for("the reload", 20, lambda: "read anew" in s.log_text())
    check_started(b, s)


if __name__ == "__main__":
    sys.exit(main())
