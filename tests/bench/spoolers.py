# SPDX-License-Identifier: MIT
"""How each mail system is told to queue a message, and to send what is queued;
nothing is measured here.

Each has a spool of its own below the directory of the bench.  Programs with
fixed places run as copies in which these texts are others.
"""
import glob
import grp
import os
import pwd
import secrets
import shutil

import clients
import report
from clients import PASSWORD, RECIPIENT, SENDER, TLS, USER, Call, write


def patched(source, out, texts):
    """A copy of a program with other texts, none of them longer; or None."""
    with open(source, "rb") as f:
        data = f.read()
    for old, new in texts.items():
        old, new = old.encode() + b"\0", new.encode() + b"\0"
        if data.count(old) != 1 or len(new) > len(old):
            return None
        data = data.replace(old, new.ljust(len(old), b"\0"))
    return write(out, data, 0o755)


class Spooler(clients.Client):
    """port 1, where nobody listens, stands for a relay that is not there."""
    flushes = True
    share = 1           # of the messages, with a flush that takes long
    far = False         # its flush is short enough for a link of 50 ms
    stays = False       # its flush is a process that does not end by itself
    whole = False       # and its end is the end of all that it does

    def enqueue(self, message):
        """The call that queues one message and does not try to send it."""
        raise NotImplementedError

    def flush(self, port, trust):
        """The call that sends what is queued.  It may end before that."""
        raise NotImplementedError

    def queued(self):
        """How many messages are in the spool."""
        raise NotImplementedError

    def empty(self):
        raise NotImplementedError

    def end(self):
        """Take away what was made outside the directory of the bench."""


def empty_dir(path):
    for name in os.listdir(path):
        at = os.path.join(path, name)
        if os.path.isfile(at):
            os.unlink(at)


class Mailchute(Spooler, clients.Mailchute):
    far = True
    whole = True

    def __init__(self, place, peers, spool="spool"):
        clients.Mailchute.__init__(self, place, peers)
        self.spool = os.path.join(place, spool)

    def config(self, port, more=()):
        lines = ["log = off", "queue-dir = " + self.spool, *more,
                 "[account bench]", "host = localhost", "port = %d" % port,
                 "from = " + SENDER, "tls = on", "user = " + USER,
                 "password-file = " + os.path.join(self.place, "password")]
        return self.file("mailchute-%s-%d" % (os.path.basename(self.spool),
                                              port), "\n".join(lines) + "\n")

    def enqueue(self, message, port=1):
        return Call([self.path, "-odq", "--", *message.rcpts], message.lf,
                    env={"MAILCHUTE_CONFIG": self.config(port)})

    def flush(self, port, trust):
        return Call([self.path, "queue", "run"], "/dev/null",
                    env={"MAILCHUTE_CONFIG": self.config(port),
                         "SSL_CERT_DIR": trust.dir})

    def queued(self):
        return len(glob.glob(self.spool + "/q/m-*"))

    def empty(self):
        if os.path.isdir(self.spool):
            empty_dir(self.spool + "/q")


class Dma(Spooler, clients.Dma):
    """DEFER, or it would start a process for each message that tries at
    once."""
    remark = "does not fsync the directory"

    def prepare(self):
        self.spool = os.path.join(self.place, "dma-spool")
        self.dir = os.path.join(self.place, "dma-dir")
        if self.path is None:
            return False
        for path in (self.spool, self.dir):
            os.mkdir(path, 0o755)
        if os.getuid() == 0:
            # it gives up root for this user
            try:
                shutil.chown(self.spool, "mail", "mail")
            except LookupError:
                return False
        self.file("aliases", "", 0o644)
        # found from the directory where it is started
        self.path = patched(self.path, os.path.join(self.place, "dma"),
                            {"/etc/dma/dma.conf": "./dma.conf"})
        return self.path is not None

    def config(self, port, defer):
        auth = self.file("dma-auth", "%s|localhost:%s\n" % (USER, PASSWORD),
                         0o644)
        lines = ["SMARTHOST localhost", "PORT %d" % port, "NULLCLIENT",
                 "SPOOLDIR " + self.spool, "MAILNAME a.example",
                 "ALIASES " + os.path.join(self.place, "aliases"),
                 "SECURETRANSFER", "AUTHPATH " + auth]
        if defer:
            lines.append("DEFER")
        self.file("dma.conf", "\n".join(lines) + "\n", 0o644)

    def enqueue(self, message):
        self.config(1, True)
        return Call([self.path, "-i", "-f", SENDER, RECIPIENT], message.lf)

    def flush(self, port, trust):
        self.config(port, False)
        return Call([self.path, "-q"], "/dev/null")

    def queued(self):
        return len(glob.glob(self.spool + "/Q*"))

    def empty(self):
        empty_dir(self.spool)


class Nullmailer(Spooler):
    name = "nullmailer"
    program = ("usr/sbin/nullmailer-queue", "usr/libexec/nullmailer-queue")
    remark = "nullmailer-inject, and nullmailer-send to flush"
    share = 10
    stays = True

    def prepare(self):
        """Its places are short texts, and so is the link's name."""
        self.link = None
        root = self.peers or "/"
        inject = os.path.join(root, "usr/bin/nullmailer-inject")
        send = os.path.join(root, "usr/sbin/nullmailer-send")
        smtp = os.path.join(root, "usr/lib/nullmailer/smtp")
        if self.path is None or not all(map(os.path.exists,
                                            (inject, send, smtp))):
            return False
        self.dir = os.path.join(self.place, "nullmailer")
        for name in ("e", "l", "s/queue", "s/tmp", "s/failed"):
            os.makedirs(os.path.join(self.dir, name))
        link = "/tmp/n" + secrets.token_hex(3)
        os.symlink(self.dir, link)
        self.link = link
        texts = {"/etc/nullmailer": link + "/e",
                 "/var/spool/nullmailer": link + "/s"}
        own = [patched(path, os.path.join(self.dir, os.path.basename(path)),
                       dict(texts, **more))
               for path, more in ((self.path, {}), (inject, {}), (
                   send, {"/usr/lib/nullmailer": link + "/l"}))]
        if None in own:
            return False
        self.path, self.inject, self.send = own
        os.symlink(os.path.abspath(smtp), self.dir + "/l/smtp")
        os.mkfifo(self.dir + "/s/trigger", 0o622)
        write(self.dir + "/mailname", "a.example\n")
        write(self.dir + "/e/me", "a.example\n")
        # failures are tried again; a bench has no time for that
        write(self.dir + "/e/pausetime", "1\n")
        return True

    def enqueue(self, message):
        return Call([self.inject, "-f", SENDER, RECIPIENT], message.lf,
                    env={"NULLMAILER_QUEUE": self.path})

    def flush(self, port, trust):
        write(self.dir + "/e/remotes", "localhost smtp --port=%d --tls "
              "--user=%s --pass=%s --x509cafile=%s\n" % (
                  port, USER, PASSWORD, trust.file))
        return Call([self.send], "/dev/null")

    def queued(self):
        return len(os.listdir(self.dir + "/s/queue"))

    def empty(self):
        empty_dir(self.dir + "/s/queue")
        empty_dir(self.dir + "/s/tmp")

    def end(self):
        if self.link is not None:
            os.unlink(self.link)


class MsmtpLoop(Spooler, clients.Msmtp):
    """What msmtpq does to flush: msmtp once for each file.  It has no queue
    that is worth the name, so it takes no part in queueing."""
    name = "msmtp loop"
    package = "msmtp"
    remark = "one msmtp for each message, as msmtpq does it"
    share = 10

    def enqueue(self, message):
        return None

    def flush(self, port, trust):
        return self.call(TLS, port, trust, self.message)

    def queued(self):
        return 0

    def empty(self):
        pass


# The daemons take what sendmail left in maildrop, and send it as they do by
# default, over up to 20 connections; but with smtp_tls_connection_reuse, since
# each would be for one message without.
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = %(dir)s/queue
data_directory = %(dir)s/data
multi_instance_name = postfix-bench
myhostname = a.example
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
maillog_file = %(dir)s/log
maillog_file_prefixes = %(dir)s
relayhost = [localhost]:%(port)d
smtp_tls_wrappermode = yes
smtp_tls_security_level = secure
smtp_tls_connection_reuse = yes
smtp_tls_CAfile = %(trust)s
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{localhost=%(user)s:%(password)s}
smtp_sasl_security_options = noanonymous
smtp_host_lookup = native
"""
MASTER_CF = """\
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
tlsmgr unix - - n 1000? 1 tlsmgr
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
scache unix - - n - 1 scache
tlsproxy unix - - n - 0 tlsproxy
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(Spooler):
    """Its daemons run only to send: else they would share the disk."""
    name = "postfix"
    program = ("usr/sbin/postdrop",)
    remark = "sendmail and postdrop, daemons only for a flush"
    far = True
    stays = True

    def __init__(self, place, peers):
        # its programs are set-group-ID and find each other in fixed places
        super().__init__(place, None)

    def prepare(self):
        if self.path is None or os.getuid() != 0:
            return False
        self.dir = os.path.join(self.place, "postfix")
        self.drop = self.dir + "/queue/maildrop"
        try:
            user = pwd.getpwnam("postfix").pw_uid
            group = grp.getgrnam("postdrop").gr_gid
        except KeyError:
            return False
        os.makedirs(self.dir + "/queue/pid", 0o755)
        for name, mode in [("data", 0o700)] + [
                ("queue/" + x, 0o700) for x in (
                    "active bounce corrupt defer deferred flush hold incoming "
                    "private saved trace").split()] + [
                        ("queue/maildrop", 0o730), ("queue/public", 0o710)]:
            path = os.path.join(self.dir, name)
            os.mkdir(path)
            os.chmod(path, mode)
            os.chown(path, user, group if mode != 0o700 else 0)
        self.config(1, "/nonexistent")
        self.master = os.path.join(report.said(
            ["postconf", "-h", "daemon_directory"]), "master")
        return os.path.exists(self.master)

    def config(self, port, trust):
        write(self.dir + "/main.cf", MAIN_CF % {
            "dir": self.dir, "port": port, "trust": trust, "user": USER,
            "password": PASSWORD})
        write(self.dir + "/master.cf", MASTER_CF)

    def enqueue(self, message):
        return Call(["/usr/sbin/sendmail", "-C", self.dir, "-i", "-f", SENDER,
                     RECIPIENT], message.lf, env={"MAIL_CONFIG": self.dir})

    def flush(self, port, trust):
        self.config(port, trust.file)
        return Call([self.master, "-c", self.dir, "-d"], "/dev/null",
                    env={"MAIL_CONFIG": self.dir})

    def boxes(self):
        return [os.path.join(self.dir, "queue", name) for name in
                ("maildrop", "incoming", "active", "deferred")]

    def queued(self):
        return sum(len(files) for box in self.boxes()
                   for _, _, files in os.walk(box))

    def empty(self):
        for box in self.boxes():
            for at, _, files in os.walk(box):
                for name in files:
                    os.unlink(os.path.join(at, name))


ALL = (Mailchute, Dma, Nullmailer, Postfix, MsmtpLoop)
