#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run mailchute against the scripted server: run.py [options] [FILE|ID]...

Prints TAP.  An ID may hold * and ?.  Options: --list (names only, still checks
every case), --jobs N (default 3), --keep (leave the scratch directory),
--transport NAME (with MAILCHUTE_TRANSPORT=NAME; what may then come out
differently is listed in the file NAME.differs), --brief (of a case that is
repeated only some, without those for -v), --every N (of what is left each Nth).
Environment:
  MAILCHUTE_BIN      the program under test (it is called through links)
  MAILCHUTE_WRAPPER  words before it, e.g. "valgrind -q --error-exitcode=99"
  MAILCHUTE_SLOW     factor for time limits (10 with a wrapper, else 1)
  MC_NATIVE          "no" with a program that leaves the log-in to libcurl:
                     curl-login.differs counts too
  MAILCHUTE_RSS_MAX  MiB that the program may use, default 64; 0: do not look

Case files, *.t
  A file is a row of cases; text before the first one is comment, and so are
  lines that begin with "##".

    == ID TITLE           begins a case; an ID with @ in front is a template
    -- SECTION [WORDS]    begins a section; what follows are its lines

  Every case starts from @base in common.t, then from the templates that it
  names, then its own sections.  Sections:

    use NAME...           templates (no lines)
    for V in A..B[..STEP] repeat the case with @V@ replaced; several `for`
    for V in x | y | z      multiply
    for V W...            one repetition a line, values separated by " | "
    for V in table STATUS GROUPS
                          the options of cli/flags.def that have this status;
                          GROUPS is - for letters, or letters of groups there
    skip-unless WHAT      root, user, ipv6, mount (root, and unshare -m works)
    server                script, see server.py; sections add up
    config                the configuration file, mode 0600
    config+               lines that replace (same key) or add; "!key" removes
    config-mode MODE      another mode for it
    file NAME [MODE]      a file in @DIR@, mode 0600 (escapes hold)
    env                   NAME=VALUE; "!NAME" removes
    passwd                the user database that the program sees, @UID@ being
                          the user who runs it (escapes hold); skipped where
                          there are no mount namespaces to be had
    wrap                  shell lines run before the program (ulimit, umask...)
    run                   command: sendmail, mailchute, mailq or newaliases and
                          its arguments, quoted as in a shell; within a word escapes hold
    stdin [crlf] [nonl] [hold] [text]
                          standard input, lines ending with LF, or CRLF; nonl:
                          last line unended; hold: not closed; text: no escapes
    talk [lf]             a dialogue over standard input and output instead of
                          stdin: "> TEXT" is written with CRLF (lf: LF), "~
                          TEXT" as it stands, "< REGEX" waits for one reply of
                          SMTP (its lines joined by LF), "signal NAME", "wait
                          SECONDS", "eof"; escapes hold in TEXT
    signal NAME SECONDS   sent to the program so long after its start
    tty                   standard error is a terminal
    secret                more strings that may appear nowhere
    expect                see below; sections add up, a later key wins
    txn                   one transaction that the server must have taken; all
                          of them, in order
    entry                 one message that has to be in a queue below @DIR@; all
                          of them, in the order in which they come due
  A line that would begin with "== ", "-- " or "##" is written \\x3d= or the
  like; a value of `for` may stand behind a blank.
  Escapes: \\r \\n \\t \\0 \\e \\\\ \\xHH, and \\*N{text} for N times text.
  Replaced everywhere: @PORT@, @SOCKET@, @DIR@ (scratch), @CERTS@, @CA@, @PIN@,
  @USER@, @PASSWORD@, @TOKEN@, the variables of `for`, and @OPT@, which is -oi
  unless a `for` says otherwise.

  expect, "key: value" or "key~ regex" ("key!~ regex": must not match; these
  add up; ^ and $ are those of lines):
    exit: 75              or 69|75
    stderr: empty | line (exactly one) | lines (one or more) | any
                          default: empty with exit 0, any with -v, else line
    stdout: empty (default) | any
    stderr~ stdout~ log~ commands~ clear~
                          commands: what came to the server as command lines;
                          clear: every line that came before TLS
    replies: CODES        with -bs, on standard output, which may hold them then
    connections: N        transactions: N taken by the server (without txn: 0)
    mails: N              MAIL commands      auths: N    AUTH commands
    quit: yes | no | early (together with the text)
                          time: S at most    min-time: S at least
    sni: NAME | none      data: none | dot   (none: no byte of a message came;
                          dot: no byte but the final dot)
    delivered-to: A...    if the exit status is 0, the server took the message
                          for every one of these
    size-exact: yes       SIZE= is the number of bytes that came
    stdin: all            the program read the standard input to its end
    violations: any       (default none)     file!: NAME  must not exist
    queued: N             messages in a queue (without entry: 0); what a run in
                          the background still does is waited for
  txn:
    from: ADDR            params: WORDS  (MAIL parameters, any order; SIZE is
                          left out of the comparison)
    to: ADDR [PARAMS]     one line a recipient that was accepted
    header~ header!~ data~ data!~ body~ body!~ decoded~ decoded!~
                          decoded: the text that the body stands for, its
                          transfer encoding (base64, quoted-printable) undone
    body: same            the body of the standard input with CRLF ends
    decodes: same         a reader who decodes it sees the same parts, texts
                          and names as in the standard input (decoded.py)
    body: (nothing more)  the rest of the section is the body, escapes hold
  entry:
    from: ADDR            account: NAME        in: DIRECTORY below @DIR@
    to: ADDR [WORDS]      one line a recipient who still waits; words are blind,
                          bcc (from a Bcc field), unsure
    next: A..B            seconds from now to its next attempt
    cells: LETTERS        states of all recipients
    params: WORDS         what else is asked of the server, any order; in
                          a word * is for anything
    body: same            header~ header!~ why~ why!~ (the first note about each
                          recipient, a line each)

Looked at in every case: no secret of the case, nor its base64 at any of the
three alignments, in stderr, stdout, the log and any file made; only EHLO,
STARTTLS and QUIT in clear where TLS is used; no violation; no signal, no
sanitizer report; memory; time; no process and no temporary file left; every
line for people is printable; nothing on stdout; status 0 is silent.
"""
import base64
import concurrent.futures
import email
import fnmatch
import itertools
import os
import pickle
import queue
import re
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tty

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Script, Server, unescape  # noqa: E402
import decoded  # noqa: E402
import spool  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PERSON = {"USER": "joe", "PASSWORD": "Frobozz-magic-53cret",
          "TOKEN": "ya29.Xyzzy-Plugh-t0ken.Plover"}
SECTIONS = set("""use for skip-unless server config config+ config-mode file
    passwd env wrap run stdin talk signal tty secret expect txn entry""".split())
NAMES = ("sendmail", "mailchute", "mailq", "newaliases")
EXPECT = set("""exit stderr stdout connections transactions mails auths quit
    time min-time sni data delivered-to size-exact violations file! queued
    replies stdin""".split())
EXPECT_RE = set("stderr stdout log commands clear".split())
TXN = set("from params to body decodes".split())
TXN_RE = set("header data body decoded".split())
ENTRY = set("from account to next body in cells params".split())
ENTRY_RE = set("header why".split())
CLEAR = re.compile(rb"^([EL]HLO [!-~]+|STARTTLS|QUIT)$")
RECIPIENT = re.compile(r'^("(?:[^"\\]|\\.)*"@\S+|\S+)(.*)$')
SANITIZER = re.compile(
    r"AddressSanitizer|MemorySanitizer|LeakSanitizer|runtime error:")
# with mounts of one's own: as root, and for others who become root by that
NAMESPACE = {"root": ["unshare", "--mount", "--"],
             "user": ["unshare", "--map-root-user", "--mount", "--"]}
# nor does a directory service know the user
OWN_PASSWD = """\
mount --bind "$1" /etc/passwd || exit 99
test ! -f /etc/nsswitch.conf || mount --bind /dev/null /etc/nsswitch.conf ||
    exit 99
shift
exec "$@"
"""
# a case that may come out differently must still not end like this
NEVER = re.compile(r"secret in |LOST|ended by signal|sanitizer|killed after|"
                   r"left processes|in clear|file left|cannot be run|"
                   r"the server failed|unprintable")
TIME_LIMIT = 12.0
SETTLE = 5.0


class Bad(Exception):
    """A case file is wrong."""


# ----------------------------------------------------------------- case files

class Section:
    def __init__(self, name, words, lines):
        self.name = name
        self.words = words
        self.lines = lines


class Case:
    def __init__(self, name, title, where):
        self.name = name
        self.title = title
        self.where = where
        self.sections = []
        self.vars = {}

    def get(self, name):
        return [s for s in self.sections if s.name == name]

    def last(self, name):
        found = self.get(name)
        return found[-1] if found else None


def parse_file(path):
    """Cases and templates of a file, as they stand."""
    cases, case, section = [], None, None
    with open(path, encoding="utf-8", newline="\n") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            where = "%s:%d" % (os.path.basename(path), number)
            if line.startswith("##"):
                continue
            if line.startswith("== "):
                word = line[3:].split(None, 1)
                case = Case(word[0], word[1] if len(word) > 1 else "", where)
                cases.append(case)
                section = None
            elif case is not None and line.startswith("-- "):
                word = line[3:].split()
                if word[0] not in SECTIONS:
                    raise Bad("%s: unknown section %s" % (where, word[0]))
                section = Section(word[0], word[1:], [])
                case.sections.append(section)
            elif section is not None:
                section.lines.append(line)
            elif case is not None and line.strip():
                raise Bad("%s: text outside of a section" % where)
    for case in cases:
        for section in case.sections:
            while section.lines and not section.lines[-1].strip():
                section.lines.pop()
    return cases


def with_templates(case, templates, base=True):
    """Sections of the case behind those of its templates."""
    out = []
    names = ["base"] if base else []
    for use in case.get("use"):
        names += use.words
    for name in names:
        if name not in templates:
            raise Bad("%s: no template %s" % (case.where, name))
        out += with_templates(templates[name], templates, False)
    return out + [s for s in case.sections if s.name != "use"]


def table(status, groups):
    """Words for the command line, out of cli/flags.def."""
    out = []
    with open(os.path.join(HERE, "../../cli/flags.def")) as f:
        rows = [re.findall(r'"([^"]*)"|\'(.)\'|([^ ,()"\']+)', line)
                for line in f if re.match(r"MC_(FLAG|SUB)\(", line)]
    for row in [["".join(x) for x in r] for r in rows]:
        if row[0] == "MC_FLAG" and "-" in groups and row[3] == status:
            option = "-" + row[1]
            out.append(option if row[2] != "NEED" else option + " v")
            if row[2] != "NONE":
                out.append(option + "v")
        elif row[0] == "MC_SUB" and row[1] in groups and row[4] == status:
            option = {"d": "-od", "e": "-oe", "O": "-O"}.get(
                row[1], "-" + row[1])
            name = row[2] if row[2] != "#" else "30m"
            out.append(option + name + ("=x" if row[1] == "O" else
                                        "x" if row[5] else ""))
    return out


def loop_values(section, where):
    """(names, rows) of a `for` section."""
    words = section.words
    if "in" in words:
        i = words.index("in")
        names, spec = words[:i], " ".join(words[i + 1:])
        m = re.match(r"^(\d+)\.\.(\d+)(?:\.\.(\d+))?$", spec)
        if spec.startswith("table "):
            rows = [[v] for v in table(*spec.split()[1:])]
        elif m:
            rows = [[str(n)] for n in range(int(m.group(1)),
                                            int(m.group(2)) + 1,
                                            int(m.group(3) or 1))]
        else:
            rows = [[v.strip()] for v in spec.split("|")]
    else:
        names = words
        rows = [[v.strip() for v in re.split(r"\s\|(?=\s)",
                                             " " + line + " ")]
                for line in section.lines if line.strip()]
    if not names or not rows or any(len(r) != len(names) for r in rows):
        raise Bad("%s: for %s: values do not fit" % (where, " ".join(words)))
    return names, rows


def expand(case, templates):
    """The cases that one becomes through its loops."""
    sections = with_templates(case, templates)
    loops = [loop_values(s, case.where) for s in sections if s.name == "for"]
    names = [n for ns, _ in loops for n in ns]
    out = []
    for number, rows in enumerate(
            itertools.product(*[rows for _, rows in loops]), 1):
        one = Case(case.name, case.title, case.where)
        values = [v for row in rows for v in row]
        one.vars = dict(zip(names, values))
        if loops:
            tag = ",".join(v for v in values
                           if re.match(r"^[A-Za-z0-9._+-]{1,16}$", v)) \
                if len(loops) > 1 or len(names) == 1 else ""
            one.name += "/" + (tag or str(number))
            one.title += " [" + ", ".join(v[:24] for v in values) + "]"
        one.sections = [s for s in sections if s.name != "for"]
        out.append(one)
    seen = set()
    for i, one in enumerate(out):
        if one.name in seen:
            one.name += "/%d" % (i + 1)
        seen.add(one.name)
    return out


PLACE = re.compile(r"@([A-Z][A-Z0-9_]*)@")


def fill(text, values):
    while True:
        new = PLACE.sub(lambda m: values.get(m.group(1), m.group(0)), text)
        if new == text:
            return new
        text = new


def split_key(line, plain, regex, where):
    m = re.match(r"^([a-z-]+!?)(:|~|!~)(?: (.*))?$", line) or \
        re.match(r"^([a-z-]+)(!~)(?: (.*))?$", line)
    if m and m.group(1).endswith("!") and m.group(2) == "~":
        key, op, value = m.group(1)[:-1], "!~", m.group(3)
    elif m:
        key, op, value = m.groups()
    else:
        raise Bad("%s: not understood: %r" % (where, line))
    if key not in (plain if op == ":" else regex):
        raise Bad("%s: unknown key in %r" % (where, line))
    if op != ":":
        re.compile(value or "")
    return key, op, (value or "").strip() if op == ":" else value or ""


class Plan:
    """A case with everything filled in and parsed."""

    def __init__(self, case, values):
        self.case = case
        v = dict(PERSON, OPT="-oi")
        v.update(values)
        v.update({k: fill(x, v) for k, x in case.vars.items()})
        self.values = v
        self.expect, self.patterns = {"exit": "0"}, []
        self.config = None
        self.config_mode = 0o600
        self.env, self.files, self.wrap = {}, [], ""
        self.passwd = None
        self.txns, self.entries, self.extra_secrets = None, None, []
        self.argv = None
        self.stdin, self.hold, self.talk = b"", False, None
        self.signal = None
        self.tty = False
        server = []
        for s in case.sections:
            lines = [fill(line, v) for line in s.lines]
            try:
                self.section(s, lines, server)
            except (ValueError, IndexError, re.error) as e:
                raise Bad("%s: section %s: %s" % (case.where, s.name, e)) \
                    from None
        self.server_text = "\n".join(server)
        self.script = Script(self.server_text, {
            "user": v["USER"], "password": v["PASSWORD"],
            "token": v["TOKEN"]})
        if self.argv is None or self.argv[0].decode() not in NAMES:
            raise Bad("%s: run: one of %s" % (case.where, " ".join(NAMES)))

    def section(self, s, lines, server):
        where, name = self.case.where, s.name
        words = [fill(w, self.values) for w in s.words]
        if name == "server":
            server += lines
        elif name == "config":
            self.config = lines
        elif name == "config+":
            self.config = self.merge(self.config or [], lines)
        elif name == "config-mode":
            self.config_mode = int(words[0], 8)
        elif name == "file":
            mode = int(words[1], 8) if len(words) > 1 else 0o600
            self.files.append((words[0],
                               unescape("".join(x + "\n" for x in lines)),
                               mode))
        elif name == "passwd":
            self.passwd = unescape("".join(x + "\n" for x in lines))
        elif name == "env":
            for line in filter(None, lines):
                key, _, value = line.partition("=")
                if line.startswith("!"):
                    self.env[line[1:]] = None
                else:
                    self.env[key] = unescape(value)
        elif name == "wrap":
            self.wrap = "\n".join(lines)
        elif name == "run":
            words = shlex.split(" ".join(lines))
            self.argv = [unescape(w) for w in words]
        elif name == "stdin":
            self.hold = "hold" in words
            end = "\r\n" if "crlf" in words else "\n"
            text = end.join(lines) + (end if lines and "nonl" not in words
                                      else "")
            self.stdin = text.encode() if "text" in words \
                else unescape(text)
        elif name == "talk":
            self.talk = [self.turn(x, b"\n" if "lf" in words else b"\r\n")
                         for x in filter(str.strip, lines)]
        elif name == "signal":
            self.signal = (getattr(signal, "SIG" + words[0]), float(words[1]))
        elif name == "tty":
            self.tty = True
        elif name == "secret":
            self.extra_secrets += [unescape(x) for x in lines if x]
        elif name == "expect":
            for line in filter(str.strip, lines):
                key, op, value = split_key(line, EXPECT, EXPECT_RE, where)
                if op == ":":
                    self.expect[key] = value
                else:
                    self.patterns.append((key, op, value))
        elif name == "txn":
            self.txns = (self.txns or []) + [
                self.txn(lines, where, TXN, TXN_RE)]
        elif name == "entry":
            self.entries = (self.entries or []) + [
                self.txn(lines, where, ENTRY, ENTRY_RE)]

    @staticmethod
    def turn(line, end):
        """One line of a dialogue as (what, argument)."""
        what, _, arg = line.partition(" ")
        if what in (">", "~"):
            return what, unescape(arg) + (end if what == ">" else b"")
        if what == "<":
            return what, re.compile(arg, re.S)
        if what == "signal":
            return what, getattr(signal, "SIG" + arg)
        if what in ("eof", "wait"):
            return what, float(arg or 0)
        raise ValueError("not understood: %r" % line)

    @staticmethod
    def txn(lines, where, plain, regex):
        out = {"to": [], "re": []}
        for i, line in enumerate(lines):
            if not line.strip():
                continue
            key, op, value = split_key(line, plain, regex, where)
            if op != ":":
                out["re"].append((key, op, value))
            elif key == "to":
                out["to"].append(unescape(value).decode())
            elif key == "body" and not value:
                out["body"] = unescape("".join(x + "\r\n"
                                               for x in lines[i + 1:]))
                break
            else:
                out[key] = value
        return out

    def queued(self):
        return int(self.expect.get("queued", len(self.entries or [])))

    @staticmethod
    def merge(config, lines):
        out = list(config)
        for line in lines:
            key = line.lstrip("!").partition("=")[0].strip()
            at = [i for i, x in enumerate(out) if "=" in x
                  and x.partition("=")[0].strip() == key]
            if line.startswith("!"):
                out = [x for i, x in enumerate(out) if i not in at]
            elif at and "=" in line:
                out[at[-1]] = line
            else:
                out.append(line)
        return out

    def secrets(self):
        found = {x.encode() for x in (self.values["PASSWORD"],
                                      self.values["TOKEN"])}
        for key in ("password", "token"):
            found.add(unescape(self.script.set[key]))
        for line in self.config or []:
            key, _, value = line.partition("=")
            if key.strip() in ("password", "token"):
                found.add(value.strip().encode("utf-8", "surrogateescape"))
        for key, value in self.env.items():
            if key in ("MAILCHUTE_PASSWORD", "MAILCHUTE_TOKEN") and value:
                found.add(value)
        found.update(self.extra_secrets)
        return {x for x in found if len(x) >= 6}


def needles(secret):
    """The secret and its base64 at the three alignments."""
    yield secret
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret)
        # whole groups only, and the first one mixes in what stood before
        text = text[4:] if shift else text
        text = text[:len(text) - (4 if (shift + len(secret)) % 3 else 0)]
        if len(text) >= 6:
            yield text[:64]


# --------------------------------------------------------------------- running

class Spawner:
    """A small process that starts programs: what wait4 says of a child's
    memory counts that of the process which started it."""

    def __init__(self):
        self.sock, far = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            # not the other spawners' ends: they would never see theirs close
            os.closerange(3, far.fileno())
            os.closerange(far.fileno() + 1, 1024)
            try:
                self._serve(far)
            finally:
                os._exit(0)
        far.close()

    @staticmethod
    def _serve(sock):
        # handlers, not SIG_IGN, since programs would inherit that
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *unused: None)
        while True:
            head, fds, _, _ = socket.recv_fds(sock, 4, 3)
            if len(head) < 4:
                return
            size = struct.unpack("I", head)[0]
            data = bytearray()
            while len(data) < size:
                data += sock.recv(size - len(data))
            argv, env, cwd = pickle.loads(data)
            try:
                process = subprocess.Popen(
                    argv, env=env, cwd=cwd, stdin=fds[0], stdout=fds[1],
                    stderr=fds[2], start_new_session=True)
                pid = process.pid
            except OSError:
                pid = 0
            for fd in fds:
                os.close(fd)
            sock.sendall(struct.pack("q", pid))
            if pid:
                _, status, usage = os.wait4(pid, 0)
                process.returncode = status
                sock.sendall(struct.pack("qq", status, usage.ru_maxrss))

    def start(self, argv, env, cwd, fds):
        data = pickle.dumps((argv, env, cwd))
        socket.send_fds(self.sock, [struct.pack("I", len(data))], fds)
        self.sock.sendall(data)
        pid = struct.unpack("q", self.sock.recv(8))[0]
        if not pid:
            raise OSError("cannot start %r" % argv[0])
        return pid

    def wait(self, seconds):
        """(status, KiB) or None."""
        if not select.select([self.sock], [], [], seconds)[0]:
            return None
        return struct.unpack("qq", self.sock.recv(16, socket.MSG_WAITALL))

    def close(self):
        self.sock.close()
        os.waitpid(self.pid, 0)


class Child:
    """The program: its streams, time, memory and end."""

    def __init__(self, spawner, argv, env, cwd, plan, limit, started):
        err = self._terminal() if plan.tty else os.pipe()
        theirs, ours = zip(os.pipe(), os.pipe()[::-1], err[::-1])
        self.begun = time.monotonic()
        try:
            self.pid = spawner.start(argv, env, cwd, theirs)
        finally:
            for fd in theirs:
                os.close(fd)
        started(self.pid)
        self.out = {}
        self.said = b""                 # standard output, so far
        self.news = threading.Condition()
        self.wrong = []
        self.fed = False
        self.released = threading.Event()
        self.threads = [
            threading.Thread(target=self._feed, daemon=True,
                             args=(ours[0], plan.stdin, plan.hold))
            if plan.talk is None else
            threading.Thread(target=self._talk, daemon=True,
                             args=(ours[0], plan.talk, limit)),
            threading.Thread(target=self._drain, daemon=True,
                             args=("stdout", ours[1])),
            threading.Thread(target=self._drain, daemon=True,
                             args=("stderr", ours[2]))]
        for t in self.threads:
            t.start()
        self._wait(spawner, limit)

    @staticmethod
    def _terminal():
        """(ours, theirs)"""
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        return ours, theirs

    def _feed(self, fd, data, hold):
        try:
            with open(fd, "wb", buffering=0) as pipe:
                view = memoryview(data)
                while view:
                    view = view[pipe.write(view):]
                self.fed = True
                if hold:
                    self.released.wait()
        except OSError:
            pass

    def _talk(self, fd, turns, limit):
        at = 0
        try:
            with open(fd, "wb", buffering=0) as pipe:
                for what, arg in turns:
                    if what in (">", "~"):
                        view = memoryview(arg)
                        while view:
                            view = view[pipe.write(view):]
                    elif what == "<":
                        reply, at = self._reply(at, limit)
                        if reply is None or not arg.match(reply):
                            self.wrong.append("reply %r does not match %s" %
                                              (reply, arg.pattern))
                            return
                    elif what == "signal":
                        os.kill(self.pid, arg)
                    elif what == "wait":
                        time.sleep(arg)
                    else:
                        return
                self.released.wait()
        except OSError as e:
            self.wrong.append("dialogue: %s" % e)

    def _reply(self, at, limit):
        """The reply that begins at `at` of standard output; its end."""
        whole = re.compile(rb"(?:\d\d\d-[^\n]*\n)*\d\d\d(?: [^\n]*)?\n")
        with self.news:
            self.news.wait_for(lambda: whole.match(self.said, at) or
                               self.said.endswith(b"\0"), limit)
            found = whole.match(self.said, at)
        if not found:
            return None, at
        text = found.group().decode("utf-8", "replace")
        return text.replace("\r\n", "\n").rstrip("\n"), found.end()

    def _drain(self, name, fd):
        data = b""
        with open(fd, "rb", buffering=0) as pipe:
            while True:
                try:
                    piece = pipe.read(65536)
                except OSError:         # a terminal that nobody has any more
                    piece = b""
                if not piece:
                    break
                data += piece
                if name == "stdout":
                    with self.news:
                        self.said = data
                        self.news.notify_all()
        if name == "stdout":
            with self.news:
                self.said = data + b"\0"
                self.news.notify_all()
        self.out[name] = data

    def _wait(self, spawner, limit):
        ended = spawner.wait(limit)
        self.timed_out = ended is None
        if self.timed_out:
            self._kill_group()
            ended = spawner.wait(30)
        self.seconds = time.monotonic() - self.begun
        status, self.memory = ended
        self.signal = status & 0x7f
        self.status = -self.signal if self.signal else status >> 8
        self.survivors = self._group_alive()
        if self.survivors:
            self._kill_group()
        self.released.set()
        for t in self.threads:
            t.join(5)
        self.open = any(t.is_alive() for t in self.threads)

    def _group_alive(self):
        for _ in range(20):
            try:
                os.killpg(self.pid, 0)
            except OSError:
                return False
            time.sleep(0.01)
        return True

    def _kill_group(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass


class Run:
    """One case."""

    def __init__(self, case, world):
        self.case = case
        self.world = world
        self.wrong = []
        self.skip = None
        self.pid = None

    def note(self, text):
        self.wrong.append(text)

    def go(self):
        needs = [s.words[0] for s in self.case.get("skip-unless")] + \
            ["namespace"] * bool(self.case.get("passwd"))
        for what in needs:
            if not self.world.has(what):
                self.skip = "needs " + what
                return
        self.dir = tempfile.mkdtemp(dir=self.world.scratch)
        try:
            self._go()
        except (Bad, OSError, ValueError) as e:
            self.note("cannot be run: %s: %s" % (type(e).__name__, e))
        finally:
            if not (self.world.keep and self.wrong):
                shutil.rmtree(self.dir, ignore_errors=True)

    def _go(self):
        values = {"DIR": self.dir, "CERTS": self.world.certs,
                  "CA": os.path.join(self.world.certs, "ca.pem"),
                  "PIN": self.world.pin, "PORT": "0", "SOCKET": "",
                  "UID": str(self.world.uid)}
        plan = Plan(self.case, values)      # once for the server alone
        self.server = Server(plan.script, self.world.certs, self.world.socks,
                             self._told)
        try:
            values["PORT"] = str(self.server.port)
            values["SOCKET"] = self.server.path or ""
            plan = self.plan = Plan(self.case, values)
            self.server.script = plan.script
            self._files()
            self._child()
            self._settle()
            if not self.server.settle(2 if self.child.status else 4):
                self.note("a connection was still open after the end")
        finally:
            self.server.stop()
        self.record = self.server.record
        self._judge()

    def _settle(self):
        """Let a run in the background do what is expected of it."""
        self.spools = spool.find(self.dir)
        want = self.plan.queued()
        taken = len(self.plan.txns or [])
        end = time.monotonic() + SETTLE * self.world.slow
        while self.spools and time.monotonic() < end and (
                spool.busy(self.spools) or
                len(spool.messages(self.spools)) > want or
                len(self.server.record.delivered()) < taken):
            time.sleep(0.02)

    def _files(self):
        plan = self.plan
        for name in ("bin", "home", "tmp", "cwd"):
            os.mkdir(os.path.join(self.dir, name))
        for name in NAMES:
            os.symlink(self.world.program,
                       os.path.join(self.dir, "bin", name))
        for name, data, mode in plan.files:
            self._write(name, data, mode)
        if plan.config is not None:
            self._write("config", "".join(x + "\n" for x in plan.config)
                        .encode("utf-8", "surrogateescape"), plan.config_mode)
        if plan.passwd is not None:
            self._write("passwd", plan.passwd, 0o644)
        self.before = self._tree()

    def _write(self, name, data, mode):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)

    def _tree(self):
        paths = {os.path.join(base, f) for base, _, fs in os.walk(self.dir)
                 for f in fs}
        return {p for p in paths if os.path.isfile(p)
                and not os.path.islink(p)}

    def _child(self):
        plan = self.plan
        env = {k: v for k, v in os.environ.items()
               if k in ("PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE")
               or k.endswith("SAN_OPTIONS") or k.startswith("GCOV_")}
        env.update({"TZ": "UTC", "LC_ALL": "C",
                    "HOME": os.path.join(self.dir, "home"),
                    "TMPDIR": os.path.join(self.dir, "tmp")})
        if self.world.transport:
            env["MAILCHUTE_TRANSPORT"] = self.world.transport
        if plan.config is not None:
            env["MAILCHUTE_CONFIG"] = os.path.join(self.dir, "config")
        # no case meets the service of the machine that it runs on
        if not any(x.startswith("socket") for x in plan.config or []):
            env["MAILCHUTE_SOCKET"] = "/nonexistent/submit"
        for key, value in plan.env.items():
            if value is None:
                env.pop(key, None)
            else:
                env[key] = value
        argv = [os.path.join(self.dir, "bin", plan.argv[0].decode())] + \
            plan.argv[1:]
        argv = self.world.wrapper + argv
        if plan.wrap:
            argv = ["/bin/sh", "-c", plan.wrap + '\nexec "$@"', "sh"] + argv
        if plan.passwd is not None:
            argv = NAMESPACE[self.world.namespace] + [
                "/bin/sh", "-c", OWN_PASSWD, "sh",
                os.path.join(self.dir, "passwd")] + argv
        limit = TIME_LIMIT * self.world.slow
        if "time" in plan.expect:
            limit = (float(plan.expect["time"]) + 4) * self.world.slow
        spawner = self.world.spawners.get()
        try:
            self.child = Child(spawner, argv, env,
                               os.path.join(self.dir, "cwd"), plan, limit,
                               self._started)
        finally:
            self.world.spawners.put(spawner)

    def _started(self, pid):
        self.pid = pid
        if self.plan.signal:
            number, seconds = self.plan.signal
            timer = threading.Timer(seconds, os.kill, (pid, number))
            timer.daemon = True
            timer.start()

    def _told(self, what, arg):
        """From the server's thread: signal the program, or look at it."""
        for _ in range(200):
            if self.pid:
                break
            time.sleep(0.005)
        pid = self.pid
        if not pid:
            return
        if what == "signal":
            os.kill(pid, getattr(signal, "SIG" + arg))
            return
        for name in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (pid, name), "rb") as f:
                    self._search("/proc/PID/" + name, f.read())
            except OSError:
                pass

    # -- judging ----------------------------------------------------------

    def _search(self, where, data):
        for secret in self.plan.secrets():
            for needle in needles(secret):
                if needle in data:
                    self.note("secret in %s: %r" % (where, needle))

    def _judge(self):
        child, expect = self.child, self.plan.expect
        self.err = child.out.get("stderr", b"")
        self.outp = child.out.get("stdout", b"")
        self._judge_process()
        self._judge_streams()
        self._judge_files()
        self._judge_server(expect)
        self._judge_transactions(expect)
        self._judge_queue()
        self._judge_patterns()

    def _judge_process(self):
        child, expect = self.child, self.plan.expect
        if child.timed_out:
            self.note("killed after %.1f s" % child.seconds)
        if child.signal:
            self.note("ended by signal %d" % child.signal)
        elif str(child.status) not in expect["exit"].split("|"):
            self.note("exit status %d, expected %s" % (child.status,
                                                       expect["exit"]))
        if child.survivors:
            self.note("left processes behind")
        for text in child.wrong:
            self.note(text)
        if child.open:
            self.note("a stream of the caller is held open")
        if expect.get("stdin") == "all" and not child.fed:
            self.note("did not read all of its standard input")
        if "time" in expect and \
                child.seconds > float(expect["time"]) * self.world.slow:
            self.note("took %.2f s, at most %s" % (child.seconds,
                                                   expect["time"]))
        if child.seconds < float(expect.get("min-time", 0)):
            self.note("took only %.2f s" % child.seconds)
        most = self.world.rss_max * 1024
        if most and child.memory > most:
            self.note("used %d KiB of memory" % child.memory)

    def _judge_streams(self):
        expect = self.plan.expect
        err = self.err.decode("utf-8", "surrogateescape")
        if SANITIZER.search(err):
            self.note("sanitizer report")
        want = expect.get("stderr",
                          "empty" if self.child.status == 0 else "line")
        if "stderr" not in expect and b"-v" in self.plan.argv:
            want = "any"
        lines = err.count("\n")
        if want == "empty" and err:
            self.note("stderr is not empty")
        elif want == "line" and (lines != 1 or not err.endswith("\n")):
            self.note("stderr has %d lines, expected one" % lines)
        elif want == "lines" and (not lines or not err.endswith("\n")):
            self.note("nothing on stderr")
        said = self.outp.decode("utf-8", "surrogateescape")
        if b"-bs" in self.plan.argv:
            said = self._judge_replies(said)
        for line in (err + said).split("\n"):
            if not line.replace("\t", "").isprintable():
                self.note("unprintable line: %r" % line[:200])
            if len(line) > 2500:
                self.note("line of %d characters" % len(line))
        if expect.get("stdout", "empty") == "empty" and said:
            self.note("stdout is not empty")
        self._search("stderr", self.err)
        self._search("stdout", self.outp)

    def _judge_replies(self, said):
        """What is no reply of SMTP."""
        line = re.compile(r"^(\d\d\d)([- ])[^\r\n]*\r\n", re.M)
        codes = [m.group(1) for m in line.finditer(said) if m.group(2) == " "]
        want = self.plan.expect.get("replies")
        if want is not None and codes != want.split():
            self.note("replies %s, expected %s: %r" % (
                " ".join(codes), want, said[-1500:]))
        for found in line.finditer(said):
            if not found.group()[:-2].isprintable() or len(found.group()) > 512:
                self.note("bad reply: %r" % found.group())
        return line.sub("", said)

    def _judge_files(self):
        self.log = b""
        made = self._tree() - self.before
        for path in sorted(made):
            with open(path, "rb") as f:
                data = f.read(4 * 1024 * 1024)
            self._search(os.path.basename(path), data)
            if path == os.path.join(self.dir, "log"):
                self.log = data
            elif not any(path.startswith(s + "/") for s in self.spools):
                self.note("file left behind: %s" %
                          os.path.relpath(path, self.dir))
        if "file!" in self.plan.expect and \
                os.path.exists(self.plan.expect["file!"]):
            self.note("%s exists" % self.plan.expect["file!"])

    def _judge_server(self, expect):
        r = self.record
        for text in r.trouble:
            self.note("the server failed: " + text)
        if r.violations and expect.get("violations") != "any":
            self.note("violations: " + "; ".join(r.violations[:5]))
        if self.plan.script.set["tls"] != "off":
            self._search("clear text", bytes(r.clear))
            for line in bytes(r.clear).split(b"\r\n"):
                if line.startswith(b"\x16\x03"):
                    break               # TLS that the server did not answer
                if line and not CLEAR.match(line):
                    self.note("in clear: %r" % line[:200])
        counts = {"connections": r.connections, "auths": r.auths,
                  "mails": len(r.transactions)}
        for key, count in counts.items():
            if key in expect and count != int(expect[key]):
                self.note("%s: %d, expected %s" % (key, count, expect[key]))
        if "quit" in expect and (r.quits > 0) != (expect["quit"] != "no"):
            self.note("QUIT came %d times" % r.quits)
        if "quit" in expect and expect["quit"] != "no" and \
                (r.early_quits > 0) != (expect["quit"] == "early"):
            self.note("QUIT came early %d times" % r.early_quits)
        if "sni" in expect:
            want = None if expect["sni"] == "none" else expect["sni"]
            if any(s != want for s in r.sni) or not r.sni:
                self.note("server names %r, expected %r" % (r.sni, want))
        if "data" in expect:
            raws = [t.raw for t in r.transactions if t.raw is not None]
            if any(raws) or (raws and expect["data"] == "none"):
                self.note("message bytes came: %r" % [x[:60] for x in raws])

    def _judge_transactions(self, expect):
        taken = self.record.delivered()
        if self.plan.txns is None:
            want = expect.get("transactions", "0")
            if want != "any" and len(taken) != int(want):
                self.note("%d transactions taken, expected %s" %
                          (len(taken), want))
        elif len(taken) != len(self.plan.txns):
            self.note("%d transactions taken, expected %d" %
                      (len(taken), len(self.plan.txns)))
        if "delivered-to" in expect and self.child.status == 0:
            have = {a for t in taken for a, _ in t.accepted}
            lost = set(expect["delivered-to"].split()) - have
            if lost:
                self.note("LOST: status 0, but never taken for %s" %
                          " ".join(sorted(lost)))
        if expect.get("size-exact") == "yes":
            for t in taken:
                if "SIZE=%d" % len(t.data) not in t.params:
                    self.note("%d bytes, but %s" % (len(t.data), t.params))
        for i, (have, want) in enumerate(zip(taken, self.plan.txns or []), 1):
            self._transaction("transaction %d" % i, have, want)

    def _judge_queue(self):
        for text in spool.complaints(self.spools):
            self.note(text)
        paths = spool.messages(self.spools)
        if len(paths) != self.plan.queued():
            self.note("%d messages in the queue, expected %d" %
                      (len(paths), self.plan.queued()))
        for i, path in enumerate(paths):
            try:
                entry = spool.Entry(path)
            except (spool.Broken, struct.error, UnicodeError) as e:
                self.note("%s is broken: %s" % (os.path.basename(path), e))
                continue
            if i < len(self.plan.entries or []):
                self._entry("entry %d" % (i + 1), entry, self.plan.entries[i])

    @staticmethod
    def _fit(have, want):
        return len(have) == len(want) and all(
            fnmatch.fnmatchcase(h, w)
            for h, w in zip(sorted(have), sorted(want)))

    def _entry(self, what, have, want):
        for key, value in (("from", have.sender), ("account", have.account)):
            if key in want and want[key].strip("<>") != value:
                self.note("%s: %s %r" % (what, key, value))
        if have.to() != sorted(want["to"]):
            self.note("%s: to %s" % (what, have.to()))
        if want.get("cells", have.cells) != have.cells:
            self.note("%s: cells %s" % (what, have.cells))
        if "params" in want and not self._fit(have.params,
                                              want["params"].split()):
            self.note("%s: parameters %s" % (what, have.params))
        if "in" in want and os.path.join(self.dir, want["in"], "q") != \
                os.path.dirname(have.path):
            self.note("%s: is %s" % (what, have.path))
        if "next" in want:
            low, high = want["next"].split("..")
            left = have.next - time.time()
            if not float(low) <= left <= float(high):
                self.note("%s: next attempt in %.1f s" % (what, left))
        if want.get("body") == "same" and have.body != self._same_body():
            self.note("%s: body %r" % (what, have.body[:80]))
        texts = {"header": have.header, "why": have.why()}
        for key, op, pattern in want["re"]:
            self._pattern(what + ": " + key, texts[key], op, pattern)

    def _same_body(self):
        text = re.sub(rb"\r?\n", b"\r\n", self.plan.stdin)
        body = text.partition(b"\r\n\r\n")[2]
        return body if body.endswith(b"\r\n") else body + b"\r\n"

    @staticmethod
    def _decoded(data):
        """The body without its transfer encoding, line ends as CRLF."""
        text = email.message_from_bytes(data).get_payload(decode=True) or b""
        return re.sub(rb"\r*\n", b"\r\n", text)

    def _transaction(self, what, have, want):
        if "from" in want and have.sender != want["from"].strip("<>"):
            self.note("%s: from %r" % (what, have.sender))
        if "params" in want:
            got = sorted(p for p in have.params if not p.startswith("SIZE="))
            if got != sorted(want["params"].split()):
                self.note("%s: parameters %s" % (what, have.params))
        if want["to"]:
            exp = [RECIPIENT.match(w).group(1, 2) for w in want["to"]]
            exp = sorted([a] + sorted(p.split()) for a, p in exp)
            named = any(len(e) > 1 for e in exp)
            got = sorted([a] + (sorted(p) if named else [])
                         for a, p in have.accepted)
            if got != exp:
                self.note("%s: to %s" % (what, got))
        header, _, body = have.data.partition(b"\r\n\r\n")
        if "body" in want:
            wanted = want["body"]
            if wanted == "same":
                wanted = self._same_body()
            if body != wanted:
                at = len(os.path.commonprefix([body, wanted]))
                self.note("%s: body differs at byte %d: %r, expected %r" %
                          (what, at, body[at:at + 60], wanted[at:at + 60]))
        if "decodes" in want:
            wanted = re.sub(rb"\r?\n|\r", b"\r\n", self.plan.stdin)
            if not wanted.endswith(b"\r\n"):
                wanted += b"\r\n"
            differs = decoded.difference(have.data, wanted)
            if differs:
                self.note("%s: %s" % (what, differs))
        texts = {"header": header + b"\r\n", "data": have.data, "body": body}
        texts["decoded"] = self._decoded(have.data)
        for key, op, pattern in want["re"]:
            self._pattern(what + ": " + key, texts[key], op, pattern)

    def _pattern(self, what, data, op, pattern):
        text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        found = re.search(pattern, text, re.M)
        if (found is None) == (op == "~"):
            self.note("%s %s %s: %r" % (what, "does not match" if op == "~"
                                        else "matches", pattern, text[:600]))

    def _judge_patterns(self):
        texts = {"stderr": self.err, "stdout": self.outp, "log": self.log,
                 "commands": b"\n".join(self.record.commands),
                 "clear": bytes(self.record.clear)}
        for key, op, pattern in self.plan.patterns:
            self._pattern(key, texts[key], op, pattern)

    def report(self):
        """Diagnostics of a failed case."""
        out = list(self.wrong)
        out.append("at " + self.case.where)
        if hasattr(self, "record"):
            out.append("status %s, %.2f s" % (self.child.status,
                                              self.child.seconds))
            out += ["stderr: " + x for x in self.err[:2000].decode(
                "utf-8", "backslashreplace").splitlines()]
            out += ["server got: " + repr(x[:200])[2:-1]
                    for x in self.record.commands[:40]]
            out += ["server's TLS: " + x for x in self.record.tls_errors]
        return out


class World:
    """What all cases share."""

    def __init__(self, keep, jobs, transport=None):
        self.keep = keep
        self.transport = transport
        self.spawners = queue.Queue()
        for _ in range(jobs):
            self.spawners.put(Spawner())
        self.program = os.path.abspath(os.environ["MAILCHUTE_BIN"])
        self.wrapper = shlex.split(os.environ.get("MAILCHUTE_WRAPPER", ""))
        self.slow = float(os.environ.get("MAILCHUTE_SLOW") or
                          (10 if self.wrapper else 1))
        self.rss_max = 0 if self.wrapper else \
            int(os.environ.get("MAILCHUTE_RSS_MAX", "64"))
        self.namespace = next(filter(self._can, NAMESPACE), None)
        self.uid = 0 if self.namespace else os.getuid()
        # short, since the path of a socket is
        self.scratch = tempfile.mkdtemp(prefix="mct")
        self.certs = os.path.join(self.scratch, "certs")
        self.socks = os.path.join(self.scratch, "s")
        os.mkdir(self.socks)
        subprocess.run(["/bin/sh", os.path.join(HERE, "certs.sh"), self.certs],
                       check=True, stdin=subprocess.DEVNULL)
        with open(os.path.join(self.certs, "good.pin")) as f:
            self.pin = f.read().strip()

    @staticmethod
    def _can(kind):
        try:
            return subprocess.run(
                NAMESPACE[kind] + ["mount", "--bind", os.devnull,
                                   "/etc/passwd"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, check=False).returncode == 0
        except OSError:
            return False

    def has(self, what):
        if what == "namespace":
            return self.namespace is not None
        if what == "root":
            return os.geteuid() == 0
        if what == "user":
            return os.geteuid() != 0
        if what == "mount":
            return os.geteuid() == 0 and subprocess.run(
                ["unshare", "-m", "true"], stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL).returncode == 0
        if what == "ipv6":
            try:
                with socket.socket(socket.AF_INET6) as s:
                    s.bind(("::1", 0))
                return True
            except OSError:
                return False
        raise Bad("unknown condition %s" % what)

    def clear(self):
        while not self.spawners.empty():
            self.spawners.get().close()
        if not self.keep:
            shutil.rmtree(self.scratch, ignore_errors=True)


def load(selection):
    """All cases that are wanted, loops unrolled, each parsed once."""
    files = sorted(f for f in os.listdir(HERE) if f.endswith(".t"))
    parsed = {f: parse_file(os.path.join(HERE, f)) for f in files}
    templates = {}
    for case in (c for cs in parsed.values() for c in cs
                 if c.name.startswith("@")):
        if templates.setdefault(case.name[1:], case) is not case:
            raise Bad("%s: a second template %s" % (case.where, case.name))
    wanted = {os.path.basename(s) for s in selection if s.endswith(".t")}
    globs = [s for s in selection if not s.endswith(".t")]
    missing = wanted - set(files)
    if missing:
        raise Bad("no such file: " + " ".join(sorted(missing)))
    out, seen = [], {}
    for name in files:
        for case in parsed[name]:
            if case.name.startswith("@"):
                continue
            if case.name in seen:
                raise Bad("%s: %s is at %s already" %
                          (case.where, case.name, seen[case.name]))
            seen[case.name] = case.where
            cases = expand(case, templates)
            for one in cases:
                Plan(one, {"DIR": "/", "CERTS": "/", "CA": "/", "PIN": "x",
                           "PORT": "1", "SOCKET": "/s"})
                if not selection or name in wanted or any(
                        fnmatch.fnmatchcase(one.name, g) or
                        fnmatch.fnmatchcase(case.name, g) for g in globs):
                    out.append(one)
    return out


def read_differences(transport):
    """[(glob, reason)] of what comes out differently with this transport."""
    out = []
    names = [transport]
    if os.environ.get("MC_NATIVE") == "no":
        names.append(transport + "-login")
    for name in names:
        path = os.path.join(HERE, name + ".differs")
        with open(path, encoding="utf-8") as f:
            for line in f:
                words = line.split(None, 1)
                if words and not line.startswith("#"):
                    if len(words) != 2:
                        raise Bad("%s: no reason: %s" % (path, line))
                    out.append((words[0], words[1].strip()))
    return out


def briefly(cases):
    """A few of the repetitions of each case."""
    count, out = {}, []
    for case in cases:
        name = case.name.partition("/")[0]
        if case.vars.get("OPT") == "-v":
            continue
        n = count[name] = count.get(name, 0) + 1
        if n <= 3 or n % 5 == 0:
            out.append(case)
    return out


def tap_text(text):
    return text.replace("#", "\\#").replace("\n", " ")


def reason_for(run, differences):
    """Why this failure is as it should be, or None."""
    if any(NEVER.search(x) for x in run.wrong):
        return None
    for glob, reason in differences:
        if fnmatch.fnmatchcase(run.case.name, glob):
            return reason
    return None


def run_all(cases, world, jobs, differences=()):
    """differences: [(glob, reason)] as read_differences gives them"""
    def one(case):
        run = Run(case, world)
        run.go()
        return run

    failed = 0
    print("1..%d" % len(cases), flush=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for number, run in enumerate(pool.map(one, cases), 1):
            name = tap_text("%s %s" % (run.case.name, run.case.title))
            if run.skip:
                print("ok %d - %s # SKIP %s" % (number, name, run.skip))
            elif run.wrong and reason_for(run, differences):
                print("ok %d - %s" % (number, name))
                print("#   differs: " + reason_for(run, differences))
            elif run.wrong:
                failed += 1
                print("not ok %d - %s" % (number, name))
                for line in run.report():
                    print("#   " + line.replace("\n", "\\n"))
            else:
                print("ok %d - %s" % (number, name))
            sys.stdout.flush()
    return failed


def main(argv):
    jobs, keep, only_list, selection = 3, False, False, []
    transport, brief, every = None, False, 1
    args = iter(argv[1:])
    for arg in args:
        if arg == "--jobs":
            jobs = int(next(args))
        elif arg == "--keep":
            keep = True
        elif arg == "--transport":
            transport = next(args)
        elif arg == "--brief":
            brief = True
        elif arg == "--every":
            every = int(next(args))
        elif arg == "--list":
            only_list = True
        elif arg.startswith("-"):
            sys.exit(__doc__)
        else:
            selection.append(arg)
    try:
        cases = load(selection)
        differences = read_differences(transport) if transport and \
            transport != "native" else []
    except Bad as e:
        sys.exit("run.py: %s" % e)
    if brief:
        cases = briefly(cases)
    cases = cases[::every]
    if only_list:
        for case in cases:
            print("%-24s %s" % (case.name, case.title))
        return 0
    if not cases:
        sys.exit("run.py: no such case")
    if "MAILCHUTE_BIN" not in os.environ:
        sys.exit("run.py: set MAILCHUTE_BIN to the program under test")
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))
    world = World(keep, jobs, transport)
    try:
        failed = run_all(cases, world, jobs, differences)
    finally:
        world.clear()
    if failed:
        print("# %d of %d failed" % (failed, len(cases)))
    if keep:
        print("# scratch: " + world.scratch)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
