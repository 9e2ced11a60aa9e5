#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that send mail by sendmail, with this one as their sendmail, in
front of a real Postfix: callers.py [options] [PATTERN]...

Prints TAP.  Options and environment as for postfix.py.  Every caller runs as a
made-up user in a mount namespace in which /usr/sbin/sendmail is a link to the
program, so that even those get it that have the name built in; nothing
outside is touched.  A caller that is not installed is skipped.
"""
import collections
import email
import email.policy
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postfix                                      # noqa: E402
import servers                                      # noqa: E402
from postfix import Failure, Skip, expect           # noqa: E402
from servers import SLOW, Trouble, read, wait_for, write    # noqa: E402

USER = "carla"
FULL_NAME = "Carla C. Caller"
UID = 54321
# what a transport must not change, and what without -i would end the message
TEXT = "Hello,\n.\n..two\nFrom here on\nGrüße\nlast\n"
SENDMAIL = "/usr/sbin/sendmail"

# $1 is the directory of the test, $2 the program; the rest is the command
SET_UP = """\
set -e
where=$1 program=$2
shift 2
# where /usr/sbin is /usr/bin, what follows is found there
PATH=$PATH:$where/sbin
mount --bind /usr/sbin "$where/sbin"
mount -t tmpfs none /usr/sbin
ln -s "$where"/sbin/* /usr/sbin/
ln -sf "$program" /usr/sbin/sendmail
for file in passwd shadow group crontab cron.d; do
	test ! -e "/etc/$file" || mount --bind "$where/etc/$file" "/etc/$file"
done
test ! -d /var/spool/cron || mount --bind "$where/cron" /var/spool/cron
mount -t tmpfs none /run
# the shell stays: what it holds, and all that was started, ends with it
"$@"
exit $?
"""
ALONE = ["unshare", "--mount", "--pid", "--fork", "--kill-child",
         "--mount-proc", "--"]
# what a daemon gets from whoever starts the system
BARE = ["env", "-i", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"]
AS_USER = ["setpriv", "--reuid", str(UID), "--regid", str(UID),
           "--clear-groups", "--"]


class Bench(postfix.Bench):
    """Postfix, and a user whose sendmail is the program under test."""

    def start(self):
        super().start()
        self.program = os.path.abspath(os.environ["MAILCHUTE_BIN"])
        self.home = self.dir + "/home"
        for name in ("sbin", "etc", "etc/cron.d", "cron", "home", "tmp"):
            os.mkdir("%s/%s" % (self.dir, name), 0o755)
        os.chmod(self.dir + "/tmp", 0o1777)
        line = "%s:x:%d:%d:%s,Room 1,,:%s:/bin/sh\n" % (
            USER, UID, UID, FULL_NAME, self.home)
        etc = self.dir + "/etc/"
        write(etc + "passwd", read("/etc/passwd") + line)
        write(etc + "group", read("/etc/group") + "%s:x:%d:\n" % (USER, UID))
        write(etc + "shadow", "root:*:19000:0:99999:7:::\n"
              "daemon:*:19000:0:99999:7:::\n"
              "%s:*:19000:0:99999:7:::\n" % USER, 0o600)
        write(etc + "crontab", "")
        os.makedirs(self.home + "/.config/mailchute")
        self.own(self.home, self.home + "/.config")

    @staticmethod
    def own(*paths):
        for top in paths:
            for base, dirs, files in os.walk(top):
                for path in [base] + [base + "/" + x for x in dirs + files]:
                    os.chown(path, UID, UID)

    def begin(self):
        self.mark = len(self.sink.deliveries)
        self.configure(self.postfix.port["implicit"], "off")
        self.me = "%s@%s" % (USER, self.domain())
        self.output = ""
        if os.path.exists(self.home + "/log"):
            os.remove(self.home + "/log")

    def configure(self, port, queue):
        path = self.home + "/.config/mailchute/config"
        write(path, textwrap.dedent("""\
            log = {dir}/home/log
            queue = {queue}
            [account t]
            host = localhost
            port = {port}
            tls = on
            tls-ca-file = {certs}/ca.pem
            user = ada
            password = {password}
            domain = {domain}
            timeout = 20s
            """).format(dir=self.dir, port=port, queue=queue,
                        certs=self.certs, domain=self.domain(),
                        password=postfix.PASSWORD["ada"]), 0o600)
        os.chown(path, UID, UID)

    def environment(self):
        return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                "HOME": self.home, "LC_ALL": "C.UTF-8", "TZ": "UTC",
                "USER": USER, "LOGNAME": USER, "SHELL": "/bin/sh",
                "TMPDIR": self.dir + "/tmp",
                **{k: v for k, v in os.environ.items()
                   if k.endswith("SAN_OPTIONS") or k == "LD_LIBRARY_PATH"}}

    def inside(self, argv):
        return ALONE + ["/bin/sh", "-c", SET_UP, "sh", self.dir,
                        self.program] + argv

    def call(self, argv, text="", user=True, silent=True, **env):
        """Run a caller to its end; it must succeed."""
        argv = self.inside((AS_USER if user else []) + argv)
        try:
            done = subprocess.run(
                argv, input=text.encode(), timeout=30 * SLOW,
                env={**self.environment(), **env}, cwd=self.home,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        except subprocess.TimeoutExpired:
            raise Failure("the caller does not end") from None
        self.output += done.stdout.decode("utf-8", "replace")
        expect(done.returncode == 0, "exit status", done.returncode)
        expect(not (silent and self.output), "it is not silent")
        expect("sendmail:" not in self.output, "sendmail complains")

    def script(self, name, text):
        path = "%s/%s" % (self.home, name)
        write(path, textwrap.dedent(text))
        os.chown(path, UID, UID)
        return path

    def arrived(self, many):
        """Everything since begin(), once Postfix has nothing more to do."""
        def quiet():
            return len(self.sink.since(self.mark)) >= many and \
                not self.queued()

        try:
            wait_for("mail to arrive", 15, quiet)
        except Trouble:
            raise Failure(
                "%d messages arrived instead of %d\n%s" %
                (len(self.sink.since(self.mark)), many,
                 read(self.home + "/log"))) from None
        time.sleep(0.02)
        return self.sink.since(self.mark)

    def daemon(self, argv, many):
        """A daemon, until so many messages have come."""
        child = servers.Daemon(self.inside(argv), self.dir + "/out")
        try:
            return self.arrived(many)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.stop()
            self.output += read(self.dir + "/out")

    def seen(self):
        return "output:\n%s\nlog:\n%s\narrived:\n%s" % (
            self.output, read(self.home + "/log"), "\n".join(
                "from <%s> to %s\n%s" % (m.sender, m.rcpts, m.data.decode(
                    "utf-8", "replace")[:2000])
                for m in self.sink.since(self.mark)))


# ---------------------------------------------------------------------- judging

def text_of(message):
    """The first text of a message, decoded, with LF.  (Ruby encodes each CR,
    and at does not say what its bytes are.)"""
    part = message.get_body(("plain",)) or message
    text = part.get_content() if "Content-Type" in part else \
        part.get_payload(decode=True).decode("utf-8", "replace")
    return re.sub("\r*\n", "\n", text)


def judge(mails, sender, seen, blind=(), subject=None, text=TEXT):
    """One transaction for those who are seen, one for each who is not, and
    a whole message in each."""
    groups = collections.OrderedDict()
    for m in mails:
        groups.setdefault(m.queue_id, []).extend(m.rcpts)
        expect(m.sender == sender, "sender", m.sender, "is not", sender)
    wanted = sorted([sorted(seen)] * bool(seen) + [[x] for x in blind])
    expect(sorted(map(sorted, groups.values())) == wanted, "transactions",
           list(groups.values()), "instead of", wanted)
    for m in mails:
        whole = m.data.decode("utf-8", "replace").lower()
        expect(b"\n" not in m.data.replace(b"\r\n", b""), "bare LF")
        for address in blind:
            # Postfix writes the one recipient of a transaction into Received
            there = whole if m.rcpts != [address] else \
                m.message.decode("utf-8", "replace").lower()
            expect(address not in there, "copy of", m.rcpts, "names", address)
        message = email.message_from_bytes(m.message,
                                           policy=email.policy.default)
        for field in ("From", "Date", "Message-ID"):
            expect(len(message.get_all(field, [])) == 1, field, "is there",
                   len(message.get_all(field, [])), "times")
        expect("@" in str(message["From"]), "From:", message["From"])
        expect(message["Bcc"] is None, "Bcc is there")
        if subject is not None:
            expect(str(message["Subject"]) == subject, "Subject:",
                   message["Subject"])
        if text is not None:
            expect(text_of(message) == text, "text", repr(text_of(message)))
    return [email.message_from_bytes(m.message, policy=email.policy.default)
            for m in mails]


def everybody(bench, sender=None, seen=("to", "cc"), blind=("hidden",),
              **keys):
    """The usual: To, Cc, and one who is blind."""
    return judge(bench.arrived(1 + len(blind)), sender or bench.me,
                 bench.names(*seen), bench.names(*blind), **keys)


# ------------------------------------------------------------------------ cases

CASES = []


def case(title, *programs):
    """A case that needs all of these."""
    def keep(function):
        def run(bench):
            for program in programs:
                if not shutil.which(program, path=bench.environment()["PATH"]):
                    raise Skip("%s is not installed" % program)
            bench.begin()
            try:
                function(bench)
            except Failure as e:
                raise Failure("%s\n%s" % (e, bench.seen())) from None
        CASES.append((title, run))
        return function
    return keep


def needs(bench, argv, what, **env):
    """A library that the case wants; it is asked outside of the namespace."""
    done = subprocess.run(argv, env={**bench.environment(), **env}, cwd="/",
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Skip("%s is not installed" % what)


def make_cron_spool(bench):
    for name in os.listdir(bench.dir + "/cron"):
        shutil.rmtree("%s/cron/%s" % (bench.dir, name))
    for name in os.listdir("/var/spool/cron"):
        real = os.stat("/var/spool/cron/" + name)
        path = "%s/cron/%s" % (bench.dir, name)
        os.mkdir(path)
        os.chown(path, real.st_uid, real.st_gid)
        os.chmod(path, real.st_mode & 0o7777)


@case("cron: what a job prints", "cron")
def _(bench):
    if not os.path.isdir("/var/spool/cron/crontabs"):
        raise Skip("not the cron that is known here")
    make_cron_spool(bench)
    job = bench.script("job", "cat <<'END'\n%sEND\n" % TEXT)
    # a job for the start of the daemon need not wait for the next minute
    tab = bench.dir + "/cron/crontabs/" + USER
    write(tab, "LC_CTYPE=C.UTF-8\n@reboot /bin/sh %s\n" % job, 0o600)
    os.chown(tab, UID, os.stat(os.path.dirname(tab)).st_gid)
    mails = bench.daemon(BARE + ["/usr/sbin/cron", "-f"], 1)
    message, = judge(mails, bench.me, [bench.me])
    expect("Cron" in message["Subject"] and job in message["Subject"],
           "Subject:", message["Subject"])
    expect("root@" + bench.domain() in str(message["From"]), message["From"])
    expect(message["To"] == bench.me, "To:", message["To"])


@case("at: what a job prints", "at", "atd")
def _(bench):
    if not os.path.isdir("/var/spool/cron/atjobs"):
        raise Skip("not the at that is known here")
    make_cron_spool(bench)
    sequence = bench.dir + "/cron/atjobs/.SEQ"
    write(sequence, "0\n", 0o600)
    shutil.chown(sequence, "daemon", "daemon")
    job = bench.script("job", "cat <<'END'\n%sEND\n" % TEXT)
    bench.call(["at", "-f", job, "now"], silent=False)
    message, = judge(bench.daemon(BARE + ["/usr/sbin/atd", "-f"], 1), bench.me,
                     [bench.me], text=TEXT)
    expect("Output from your job" in message["Subject"], message["Subject"])
    expect(message["To"] == bench.me, "To:", message["To"])
    expect(FULL_NAME in message["From"], "From:", message["From"])


@case("git send-email", "git")
def _(bench):
    needs(bench, ["sh", "-c", 'test -x "$(git --exec-path)/git-send-email"'],
          "git-email")
    to, cc, hidden = bench.names("to", "cc", "hidden")
    script = bench.script("patch", """\
        set -e
        rm -rf repo
        git init -q repo
        cd repo
        git config user.name 'Caller, Carla'
        git config user.email {me}
        printf 'a\\n.\\n' >a
        git add a
        printf 'a: add a\\n\\nfirst\\n.\\nlast\\n' | git commit -q -F -
        git format-patch -q --root HEAD
        git send-email --quiet --confirm=never --suppress-cc=all --to={to} \\
            --cc={cc} --bcc={hidden} "$@" 0001-*.patch
        """.format(me=bench.me, to=to, cc=cc, hidden=hidden))
    for words in [], ["--sendmail-cmd=" + SENDMAIL]:
        bench.begin()
        bench.call(["sh", script] + words, silent=False,
                   GIT_CONFIG_NOSYSTEM="1")
        message = everybody(bench, subject="[PATCH] a: add a", text=None)[0]
        expect(text_of(message).startswith("first\n.\nlast\n---\n"),
               text_of(message))
        expect('"Caller, Carla" <%s>' % bench.me == message["From"],
               message["From"])


@case("mutt, with an attachment", "mutt")
def _(bench):
    attached = bench.script("data", "line\n.\nline\n")
    to, cc, hidden = bench.names("to", "cc", "hidden")
    sender = "other@" + bench.domain()
    bench.call(["mutt", "-n", "-F", "/dev/null", "-e",
                "set copy=no; set use_envelope_from; set from=%s; "
                "set realname='C, C'; set dsn_notify='failure,delay'; "
                "set dsn_return=hdrs" % sender,
                "-s", "Grüße", "-c", cc, "-b", hidden, "-a", attached, "--",
                to], TEXT)
    for message in everybody(bench, sender, subject="Grüße"):
        part, = message.iter_attachments()
        expect(part.get_content().split() == ["line", ".", "line"], part)


@case("s-nail", "s-nail")
def _(bench):
    to, cc, hidden = bench.names("to", "cc", "hidden")
    bench.call(["s-nail", "-:/", "-s", "Grüße", "-c", cc, "-b", hidden,
                to], TEXT)
    everybody(bench, subject="Grüße")


@case("s-nail with a sender", "s-nail")
def _(bench):
    to, cc, hidden = bench.names("to", "cc", "hidden")
    sender = "other@" + bench.domain()
    bench.call(["s-nail", "-:/", "-r", sender, "-s", "s", "-c", cc,
                "-b", hidden, to], TEXT)
    for message in everybody(bench, sender, subject="s"):
        expect(message["From"] == sender, message["From"])


@case("bsd-mailx", "bsd-mailx")
def _(bench):
    to, cc, hidden = bench.names("to", "cc", "hidden")
    bench.call(["bsd-mailx", "-n", "-s", "s", "-c", cc, "-b", hidden, to],
               TEXT)
    for message in everybody(bench, subject="s"):
        expect(FULL_NAME in message["From"], message["From"])


@case("bsd-mailx to a local name", "bsd-mailx")
def _(bench):
    bench.call(["bsd-mailx", "-n", "-s", "s", USER], TEXT)
    message, = judge(bench.arrived(1), bench.me, [bench.me], subject="s")
    expect(message["To"] == bench.me, message["To"])


@case("mailutils", "mail.mailutils")
def _(bench):
    to, cc, hidden = bench.names("to", "cc", "hidden")
    bench.call(["mail.mailutils", "-N", "-E", "set nodot", "-s", "s",
                "-a", "Cc: " + cc, "-a", "Bcc: " + hidden,
                "-a", "Content-Type: text/plain; charset=utf-8",
                "-r", bench.me, to], TEXT)
    everybody(bench, subject="s")


@case("PHP: mail()", "php")
def _(bench):
    to, cc, hidden = bench.names("to", "cc", "hidden")
    sender = "bounces@" + bench.domain()
    script = bench.script("mail.php", """\
        <?php
        $ok = mail($argv[1], 's', file_get_contents('php://stdin'),
            ['From' => 'Shop <shop@shop.test>', 'Cc' => $argv[2],
             'Bcc' => $argv[3], 'MIME-Version' => '1.0',
             'Content-Type' => 'text/plain; charset=utf-8'],
            '-f' . $argv[4]);
        exit($ok ? 0 : 1);
        """)
    bench.call(["php", script, to, cc, hidden, sender], TEXT)
    # PHP ends the text with a line end of its own
    for message in everybody(bench, sender, subject="s", text=TEXT + "\n"):
        expect(message["From"] == "Shop <shop@shop.test>", message["From"])


@case("PHP: mail() sees a failure", "php")
def _(bench):
    unknown = "unknown@" + bench.domain()
    script = bench.script("fail.php", """\
        <?php
        exit(mail($argv[1], 's', 'x') === false ? 0 : 1);
        """)
    bench.call(["sh", "-c", "php %s %s 2>err" % (script, unknown)],
               silent=False)
    expect(unknown in read(bench.home + "/err"), "nobody says why:",
           read(bench.home + "/err"))


@case("PHP: mail() while the server is away", "php")
def _(bench):
    to, = bench.names("to")
    script = bench.script("away.php", """\
        <?php
        exit(mail($argv[1], 's', 'x') ? 0 : 1);
        """)
    bench.configure(servers.free_ports(1)[0], "on")
    bench.call(["php", script, to])
    expect(not bench.sink.since(bench.mark), "it was not away")
    bench.configure(bench.postfix.port["implicit"], "on")
    bench.call([SENDMAIL, "-q"])
    judge(bench.arrived(1), bench.me, [to], subject="s", text="x\n")
    bench.call(["/bin/sh", "-c", "test \"$(sendmail -bp)\" = "
                "'Mail queue is empty'"])


PYTHON = """\
import email.message, email.policy, subprocess, sys
m = email.message.EmailMessage()
m["From"] = sys.argv[1]
m["To"] = sys.argv[2]
m["Cc"] = sys.argv[3]
m["Bcc"] = sys.argv[4]
m["Subject"] = "Grüße"
m.set_content(sys.stdin.read())
policy = getattr(email.policy, sys.argv[5])
subprocess.run(["/usr/sbin/sendmail"] + sys.argv[6:],
               input=m.as_bytes(policy=policy), check=True)
"""


def python(bench, policy, *words):
    to, cc, hidden = bench.names("to", "cc", "hidden")
    script = bench.script("mail.py", PYTHON)
    bench.call([shutil.which("python3", path=bench.environment()["PATH"]),
                script, bench.me, to, cc, hidden, policy] + list(words), TEXT)
    everybody(bench, subject="Grüße")


@case("Python: as_bytes() to -t -oi", "python3")
def _(bench):
    python(bench, "default", "-t", "-oi")


@case("Python: lines end with CRLF", "python3")
def _(bench):
    python(bench, "SMTP", "-oi", "-t")


def perl(bench, module, text):
    needs(bench, ["perl", "-M" + module, "-e", "1"], module)
    to, cc, hidden = bench.names("to", "cc", "hidden")
    script = bench.script("mail.pl", """\
        use strict;
        my ($me, $to, $cc, $hidden) = @ARGV;
        my $text = join('', <STDIN>);
        """ + textwrap.indent(textwrap.dedent(text), " " * 8))
    bench.call(["perl", script, bench.me, to, cc, hidden], TEXT)


@case("Perl: MIME::Lite", "perl")
def _(bench):
    if not os.path.lexists("/usr/lib/sendmail"):
        raise Skip("/usr/lib/sendmail is not there")
    perl(bench, "MIME::Lite", """\
        use MIME::Lite;
        MIME::Lite->new(From => $me, To => $to, Cc => $cc, Bcc => $hidden,
            Subject => 's', Type => 'text/plain; charset=utf-8',
            Encoding => '8bit', Data => $text)->send or die;
        """)
    everybody(bench, subject="s")


@case("Perl: Email::Sender", "perl")
def _(bench):
    perl(bench, "Email::Sender::Transport::Sendmail", """\
        use Email::Sender::Simple 'sendmail';
        use Email::Sender::Transport::Sendmail;
        use Email::Simple;
        sendmail(Email::Simple->create(header => [From => $me, To => $to,
            Cc => $cc, Bcc => $hidden, Subject => 's',
            'Content-Type' => 'text/plain; charset=utf-8',
            'Content-Transfer-Encoding' => '8bit'], body => $text),
            {from => $me, to => [$to, $cc, $hidden],
            transport => Email::Sender::Transport::Sendmail->new});
        """)
    everybody(bench, subject="s")


@case("Perl: Mail::Send", "perl")
def _(bench):
    # it gives no -i, so that a dot would end the text
    perl(bench, "Mail::Send", """\
        use Mail::Send;
        $text =~ s/^\\.\\n//m;
        my $m = Mail::Send->new(Subject => 's', To => $to, Cc => $cc,
            Bcc => $hidden);
        $m->set('Content-Type', 'text/plain; charset=utf-8');
        my $f = $m->open('sendmail');
        print $f $text;
        $f->close or die;
        """)
    everybody(bench, subject="s", text=TEXT.replace("\n.\n", "\n"))


@case("Ruby: mail", "ruby")
def _(bench):
    needs(bench, ["ruby", "-rmail", "-e", "1"], "Ruby's mail")
    to, cc, hidden = bench.names("to", "cc", "hidden")
    script = bench.script("mail.rb", """\
        require 'mail'
        Mail.defaults { delivery_method :sendmail }
        text = STDIN.read
        Mail.deliver do
          from ARGV[0]
          to ARGV[1]
          cc ARGV[2]
          bcc ARGV[3]
          subject 'Grüße'
          content_type 'text/plain; charset=UTF-8'
          body text
        end
        """)
    bench.call(["ruby", script, bench.me, to, cc, hidden], TEXT)
    everybody(bench, subject="Grüße")


@case("nodemailer", "node")
def _(bench):
    path = {"NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs"}
    needs(bench, ["node", "-e", "require('nodemailer')"], "nodemailer", **path)
    to, cc, hidden = bench.names("to", "cc", "hidden")
    script = bench.script("mail.js", """\
        const [me, to, cc, bcc] = process.argv.slice(2);
        const text = require('fs').readFileSync(0, 'utf8');
        require('nodemailer').createTransport({sendmail: true}).sendMail(
            {from: me, to, cc, bcc, subject: 'Grüße', text},
            error => { if (error) { console.log(error); process.exit(1); } });
        """)
    bench.call(["node", script, bench.me, to, cc, hidden], TEXT, **path)
    everybody(bench, subject="Grüße")


# what they say, one line after the other's answer
DIALOGUE = """\
import signal, subprocess, sys
signal.alarm(10)
p = subprocess.Popen(["/usr/sbin/sendmail"] + sys.argv[2:],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def answer(code):
    while True:
        line = p.stdout.readline().decode()
        if line[3:4] != "-":
            break
    if not line.startswith(code):
        sys.exit("%r instead of %s" % (line, code))


answer("220")
for line in open(sys.argv[1], "rb"):
    line, _, code = line.rstrip(b"\\n").partition(b"\\t")
    p.stdin.write(line + b"\\r\\n")
    p.stdin.flush()
    if code:
        answer(code.decode())
p.stdin.close()
if p.stdout.read():
    sys.exit("more than was asked for")
sys.exit(p.wait())
"""


def dialogue(bench, words, hello, last):
    to, cc, hidden = bench.names("to", "cc", "hidden")
    text = TEXT.replace("\n.", "\n..").rstrip("\n")
    lines = "%s\t250\nMAIL FROM:<%s>\t250\n" % (hello, bench.me)
    for rcpt in to, cc, hidden:
        lines += "RCPT TO:<%s>\t250\n" % rcpt
    lines += "DATA\t354\nFrom: %s\nTo: %s\nCc: %s\nSubject: s\n" \
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" \
        "Content-Transfer-Encoding: 8bit\n\n%s\n.\t250\n%s" % (
            bench.me, to, cc, text, last)
    said = bench.script("dialogue", "")
    write(said, lines)
    script = bench.script("talk.py", DIALOGUE)
    bench.call([shutil.which("python3", path=bench.environment()["PATH"]),
                script, said] + words)
    everybody(bench, subject="s")


@case("-bs as Symfony uses it", "python3")
def _(bench):
    dialogue(bench, ["-bs"], "EHLO [127.0.0.1]", "QUIT\t221\n")


@case("-bs as Laravel uses it, until its input ends", "python3")
def _(bench):
    dialogue(bench, ["-bs", "-i"], "EHLO client.example.test", "")


@case("-bs as Alpine uses it", "python3")
def _(bench):
    dialogue(bench, ["-bs", "-odb", "-oem"], "EHLO localhost",
             "RSET\t250\nQUIT\t221\n")


# ------------------------------------------------------------------------- main

def can_be_alone():
    try:
        return subprocess.run(
            ALONE + ["mount", "-t", "tmpfs", "none", "/usr/sbin"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def reachable(path):
    """May another user come to this file?"""
    while path != "/":
        if not os.stat(path).st_mode & 0o1:
            return False
        path = os.path.dirname(path)
    return True


if __name__ == "__main__":
    if not can_be_alone():
        print("1..0 # SKIP no mount and process namespaces to be had")
        sys.exit(0)
    if not reachable(os.path.abspath(os.environ.get("MAILCHUTE_BIN", "/"))):
        print("1..0 # SKIP other users cannot come to the build directory")
        sys.exit(0)
    sys.exit(postfix.main(sys.argv[1:], __doc__, CASES, Bench))
