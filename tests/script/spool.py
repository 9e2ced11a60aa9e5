# SPDX-License-Identifier: MIT
"""Read the spool of a queue by what lib/queue/format.h says of its bytes."""
import fcntl
import hashlib
import os
import re
import stat
import struct

ID = re.compile(r"^([tml])-([a-z2-7]{26})$")
BLIND, FROM_BCC = 1, 2


class Broken(Exception):
    """A message that is not what the format says."""


class Entry:
    """One message of the queue."""

    def __init__(self, path):
        with open(path, "rb") as f:
            data = f.read()
        self.path = path
        self.next = os.stat(path).st_mtime
        if data[:8] != b"MCQUEUE\n" or len(data) < 64:
            raise Broken("no message: %r" % data[:16])
        version, complement, n, block, envelope, header = \
            struct.unpack_from("<6I", data, 8)
        body, size = struct.unpack_from("<2Q", data, 32)
        if version not in (1, 2) or complement != version ^ 0xffffffff:
            raise Broken("version %d" % version)
        if size != len(data) or \
                block + envelope + header + body + 48 != size:
            raise Broken("lengths do not fit")
        content = data[block:-48]
        if hashlib.sha256(data[:64] + content).digest() != data[-40:-8] or \
                data[-8:] != b"MCQEND\r\n":
            raise Broken("digest or end is wrong")
        self.cells = data[64:64 + n].decode("ascii")
        self.header = content[envelope:envelope + header]
        self.body = content[envelope + header:]
        self.rcpts = []
        self.params = []
        self._envelope(content[:envelope], version)
        if version == 2 and not self.params:
            raise Broken("version 2 without need")
        if len(self.rcpts) != n:
            raise Broken("%d recipients, and %d cells" % (len(self.rcpts), n))

    def _envelope(self, data, version):
        while data:
            kind, size = struct.unpack_from("<BI", data)
            value, data = data[5:5 + size], data[5 + size:]
            kind = chr(kind)
            if kind == "A":
                self.account = value.decode()
            elif kind == "S":
                self.sender = value.decode()
            elif kind == "X":
                if version == 1:
                    raise Broken("version 1 with an X record")
                self.params.append(value.decode())
            elif kind == "R":
                flags = struct.unpack_from("<2I", value)[1]
                words = [value[8:].decode()]
                words += ["blind"] if flags & BLIND else []
                words += ["bcc"] if flags & FROM_BCC else []
                self.rcpts.append([words, ""])
            elif kind == "W":
                self.rcpts[-1][1] = value.decode()

    def to(self):
        """"ADDRESS [blind] [bcc] [unsure]" for each recipient, sorted."""
        return sorted(" ".join(words + (["unsure"] if cell == "U" else []))
                      for (words, _), cell in zip(self.rcpts, self.cells)
                      if cell in "PU")

    def why(self):
        """The first note about each recipient, a line each."""
        return "".join(text + "\n" for _, text in self.rcpts).encode()


def find(top):
    """Directories below top that are a spool."""
    return [base for base, dirs, _ in os.walk(top)
            if "q" in dirs and "bad" in dirs]


def messages(spools):
    """Paths of the messages, in the order in which they come due."""
    paths = [os.path.join(s, "q", name) for s in spools
             for name in os.listdir(os.path.join(s, "q"))
             if name.startswith("m-")]
    return sorted(paths, key=lambda p: os.stat(p).st_mtime)


def busy(spools):
    """Is a run at work?"""
    for spool in spools:
        fd = os.open(spool, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
    return False


def complaints(spools):
    """What has no business in a spool, and modes that are too wide."""
    for spool in spools:
        for base, dirs, files in os.walk(spool):
            for name in dirs + files:
                path = os.path.join(base, name)
                # of a message, leave to execute it is a mark, no more
                wide = 0o066 if name.startswith("m-") else 0o077
                if stat.S_IMODE(os.lstat(path).st_mode) & wide:
                    yield "open to others: " + path
            for name in files:
                m = ID.match(name)
                if base.endswith("/q") and (not m or m.group(1) == "t"):
                    yield "left in the spool: " + name
