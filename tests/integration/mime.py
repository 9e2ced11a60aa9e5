#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mime.py - messages made fit, read by Python's email package before and after

Environment: top_builddir; MC_SANITIZED=yes leaves the size of memory alone;
MAILCHUTE_LONG=1 takes a body of 400 MB where 40 MB do else.
"""
import email
import os
import random
import re
import subprocess
import sys
import tempfile

BUILD = os.environ["top_builddir"]
FILTER = os.path.join(BUILD, "tests/integration/mime_filter")
EIGHT, LINES, NUL = 1, 2, 4
FIT, SAME, REFUSED = 0, 3, 65
MEMORY = 24 << 20		# bytes, whatever the size of the message
CTE = "content-transfer-encoding"

count = 0
failed = 0


def ok(good, what, why=""):
    global count, failed
    count += 1
    print("%s %d - %s" % ("ok" if good else "not ok", count, what), flush=True)
    if not good:
        failed += 1
        for line in str(why).splitlines()[:40]:
            print("# " + line)
    return good


def convert(message, want):
    run = subprocess.run([FILTER, str(want)], input=message,
                         capture_output=True)
    return run.returncode, run.stdout, run.stderr.decode("utf-8", "replace")


# ----------------------------------------------------------------- reading

def fields(part, top):
    """the header, unfolded, without what may change"""
    skip = {CTE, "mime-version", "content-type"} if top else {CTE}
    return [(name, re.sub(r"\r?\n", "", str(value)))
            for name, value in part.raw_items() if name.lower() not in skip]


def tell(data):
    """every part of a message, with its bytes once decoded"""
    out = []
    message = email.message_from_bytes(data)
    for part in message.walk():
        entry = [part.get_content_type(), fields(part, part is message)]
        if not part.is_multipart():
            entry.append(part.get_payload(decode=True))
        out.append(entry)
    return out


def faults(data, want):
    """what is in it that had to go"""
    body = data.split(b"\r\n\r\n", 1)[1]
    found = []
    if want & EIGHT and any(byte >= 0x80 for byte in body):
        found.append("8-bit bytes")
    if want & LINES and any(len(line) > 998 for line in body.split(b"\r\n")):
        found.append("a long line")
    if want & NUL and b"\0" in body:
        found.append("NUL")
    if re.search(rb"\r(?!\n)|(?<!\r)\n", data):
        found.append("a bare CR or LF")
    if not body.endswith(b"\r\n"):
        found.append("no line end at the end")
    return found


def labels(data, want):
    """Content-Transfer-Encoding must say the truth (RFC 2045 6.2)"""
    wrong = []
    for part in email.message_from_bytes(data).walk():
        cte = (part.get(CTE) or "7bit").strip().lower()
        raw = part.as_bytes().split(b"\n\n", 1)[-1]
        if cte == "7bit" and any(byte >= 0x80 for byte in raw):
            wrong.append(part.get_content_type() + " is no 7bit")
        if part.is_multipart() and cte not in ("7bit", "8bit", "binary"):
            wrong.append(part.get_content_type() + " is " + cte)
        if want == EIGHT | LINES | NUL and cte in ("8bit", "binary"):
            wrong.append(part.get_content_type() + " is not %s any more" % cte)
        if cte == "quoted-printable" and re.search(rb"[ \t]\n", raw + b"\n") \
                and all(len(line) < 77 for line in raw.split(b"\n")):
            wrong.append("a blank in front of a line end")
    return wrong


def problem(message, want, expect=None):
    """convert and say what is wrong with the result, or None"""
    status, out, said = convert(message, want)
    if expect is not None and status != expect:
        return "status %d: %s" % (status, said)
    if status == REFUSED:
        return None if said.strip() and not out else "no reason"
    if status not in (FIT, SAME):
        return "status %d: %s" % (status, said)
    if faults(out, want):
        return "still there: " + ", ".join(faults(out, want))
    if status == SAME and out != message:
        return "changed without need"
    before, after = tell(message), tell(out)
    if before != after:
        for old, new in zip(before, after):
            if old != new:
                return "%r\nbecame\n%r" % (old, new)
        return "%d parts became %d" % (len(before), len(after))
    if status == FIT and want & EIGHT and labels(out, want):
        return "label: " + ", ".join(labels(out, want))
    again = convert(out, want)
    if again[:2] != (SAME, out):
        return "a second time %d %s" % (again[0], again[2])
    return None


# ------------------------------------------------------------------- making

class Maker:
    """messages of any structure, well-formed, out of one seed"""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.boundaries = 0

    def words(self):
        r = self.r
        return r.choice([
            "plain text", "From me", ".", "..", "--", "-- ", "a = b", "=3D",
            "Stra\u00dfe", "caf\u00e9 au lait ", "\u65e5\u672c\u8a9e",
            "tab\tend\t", "", " ", "x" * r.choice([70, 75, 76, 77, 998, 999,
                                                  3000]),
            "\u00e9" * r.choice([1, 20, 600])])

    def text(self, charset):
        lines = [self.words() for _ in range(self.r.randrange(12))]
        return "\r\n".join(lines).encode(charset, "replace")

    def data(self):
        """any bytes that lines of mail can carry"""
        raw = bytes(self.r.randrange(256)
                    for _ in range(self.r.randrange(3000)))
        return re.sub(rb"[\r\n]", lambda _: self.r.choice([b"\r\n", b"."]),
                      raw)

    def leaf(self):
        r = self.r
        charset = r.choice(["utf-8", "iso-8859-1", "koi8-r"])
        kind = r.randrange(7)
        if kind < 3:
            head = "Content-Type: text/%s; charset=%s\r\n" % (
                r.choice(["plain", "html"]), charset)
            return head + self.cte("8bit"), self.text(charset)
        if kind == 3:
            return ("Content-Type: application/octet-stream\r\n" +
                    self.cte("binary")), self.data()
        if kind == 4:
            return "", self.text("utf-8")
        if kind == 5:
            import base64
            body = base64.b64encode(self.data())
            if r.random() < 0.7:
                body = re.sub(rb"(.{76})", rb"\1\r\n", body)
            return ("Content-Type: image/png\r\n"
                    "Content-Transfer-Encoding: base64\r\n"), body
        import quopri
        body = quopri.encodestring(self.text("utf-8").replace(b"\r\n", b"\n"))
        body = body.replace(b"\n", b"\r\n")
        if r.random() < 0.5:
            body = body.replace(b"=C3=A9", "\u00e9".encode())
        if r.random() < 0.5:
            body = body.replace(b"=\r\n", b"")
        return ("Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n"), body

    def cte(self, which):
        return self.r.choice(["", "Content-Transfer-Encoding: %s\r\n" % which])

    def multipart(self, depth):
        r = self.r
        self.boundaries += 1
        boundary = r.choice(["b%d-", "=_%d?x", "a b:%d."]) % self.boundaries
        kind = r.choice(["mixed", "alternative", "related"])
        head = "Content-Type: multipart/%s;\r\n boundary=\"%s\"\r\n" % (
            kind, boundary)
        mark = b"--" + boundary.encode()
        body = r.choice([b"", b"preamble\r\n", "pr\u00e9\r\n".encode()])
        for _ in range(r.randrange(1, 5)):
            part_head, part = self.entity(depth + 1)
            extra = r.choice(["", "Content-Description: x\r\n",
                              "X-Long: " + "word " * 250 + "\r\n"])
            body += mark + r.choice([b"", b" \t"]) + b"\r\n"
            body += (extra + part_head).encode() + b"\r\n" + part + b"\r\n"
        body += mark + b"--\r\n"
        body += r.choice([b"", b"epilogue\r\n", "\u00e9p\r\n".encode()])
        return head + self.cte("8bit"), body

    def entity(self, depth):
        r = self.r
        kind = r.randrange(10)
        if depth < 5 and kind < 3:
            return self.multipart(depth)
        if depth < 5 and kind == 3:
            head, body = self.entity(depth + 1)
            inner = "Subject: inside\r\nMIME-Version: 1.0\r\n" + head
            return ("Content-Type: message/rfc822\r\n" + self.cte("8bit"),
                    inner.encode() + b"\r\n" + body)
        return self.leaf()

    def message(self):
        head, body = self.multipart(0)
        if self.r.random() < 0.2:
            head, body = self.leaf()
        if not body.endswith(b"\r\n"):
            body += b"\r\n"
        return (b"From: a@x\r\nSubject: s\r\nMIME-Version: 1.0\r\n" +
                head.encode() + b"\r\n" + body)


# -------------------------------------------------------------------- cases

def random_messages():
    tally = {}
    wrong = []
    for seed in range(400):
        message = Maker(seed).message()
        want = random.Random(seed).choice([EIGHT, LINES, NUL, EIGHT | LINES,
                                           EIGHT | LINES | NUL])
        why = problem(message, want)
        if why is not None:
            wrong.append("seed %d, want %d: %s" % (seed, want, why))
        status = convert(message, want)[0]
        tally[status] = tally.get(status, 0) + 1
    ok(not wrong, "400 messages of any structure", "\n".join(wrong))
    # else it would have tested nothing
    ok(tally.get(FIT, 0) > 200 and tally.get(SAME, 0) > 5 and
       tally.get(REFUSED, 0) == 0, "nearly all had something to go", tally)


def plain_messages():
    for name, body, charset in (
            ("utf-8", "caf\u00e9\r\n".encode(), "utf-8"),
            ("Latin", "caf\u00e9\r\n".encode("latin-1"), "unknown-8bit"),
            ("long", b"x" * 5000 + b"\r\n", "us-ascii"),
            ("NUL", b"a\0b\r\n", "us-ascii"),
            ("998", b"x" * 998 + b"\r\n" + b"y" * 999 + b"\r\n", "us-ascii"),
            ("10^7", b"word " * 2000000 + b"\r\n", "us-ascii")):
        message = b"Subject: s\r\n\r\n" + body
        status, out, said = convert(message, EIGHT | LINES | NUL)
        got = email.message_from_bytes(out)
        ok(status == FIT and not faults(out, 7) and
           got.get_payload(decode=True) == body and
           got.get_content_charset() == charset and
           got["mime-version"] == "1.0", "no MIME, " + name, said)


def signed_messages():
    signed = (b"Content-Type: multipart/signed; boundary=s; micalg=x;\r\n"
              b" protocol=\"application/pgp-signature\"\r\n\r\n"
              b"--s\r\nContent-Type: text/plain\r\n"
              b"Content-Transfer-Encoding: 8bit\r\n\r\n%s\r\n--s\r\n"
              b"Content-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n")
    mixed = (b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
             b"boundary=b\r\n\r\n--b\r\n%s\r\n--b\r\n\r\ncaf\xc3\xa9 a\r\n"
             b"--b--\r\n")
    inside = signed % b"ascii"
    status, out, said = convert(mixed % inside, EIGHT)
    ok(status == FIT and inside in out and not faults(out, EIGHT),
       "signed text stays, byte by byte, beside what is encoded", said)
    status, out, said = convert(mixed % (signed % b"caf\xe9"), EIGHT)
    ok(status == REFUSED and "part 1.1 " in said and "part 1 is " in said and
       not out, "signed 8-bit text is refused", said)


def memory():
    """bodies that are much larger than what converting them may use"""
    size = 400 << 20 if os.environ.get("MAILCHUTE_LONG") else 40 << 20
    line = ("Stra\u00dfe und so weiter, " * 3 + "\r\n").encode()
    nested = b"".join(
        b"Content-Type: multipart/x; boundary=%d\r\n\r\n--%d\r\n" % (i, i)
        for i in range(20))
    for name, head, unit, end in (
            ("text", b"", line, b""),
            ("one line", b"", b"word ", b""),
            ("base64 in one line",
             b"Content-Transfer-Encoding: base64\r\n", b"YWFh" * 100, b""),
            ("a part", b"MIME-Version: 1.0\r\n" + nested, line, b""),
            ("a preamble", b"Content-Type: multipart/x; boundary=b\r\n",
             line, b"\r\n--b\r\n\r\nx\r\n--b--")):
        with tempfile.TemporaryFile() as big, tempfile.TemporaryFile() as out:
            big.write(b"Subject: s\r\n" + head + b"\r\n")
            block = unit * ((1 << 20) // len(unit))
            for _ in range(size >> 20):
                big.write(block)
            big.write(end + b"\r\n")
            big.seek(0)
            child = subprocess.Popen([FILTER, "7"], stdin=big, stdout=out)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            used = usage.ru_maxrss * 1024
            ok(child.returncode == FIT and used < MEMORY,
               "%s: %d MB in bounded memory" % (name, size >> 20),
               "status %d, %d KiB" % (child.returncode, used >> 10))
            if os.environ.get("MAILCHUTE_LONG"):
                print("# %d KiB, %.1f s" % (used >> 10, usage.ru_utime +
                                            usage.ru_stime))


def main():
    # first, since a child is counted with what this process had by then
    if os.environ.get("MC_SANITIZED") != "yes":
        memory()
    plain_messages()
    signed_messages()
    random_messages()
    print("1..%d" % count)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
