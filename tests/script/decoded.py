# SPDX-License-Identifier: MIT
"""What a reader sees of a message: by Python's email package alone."""
import email
import email.header
import email.message
import email.utils
import re

ADDRESSES = "from sender reply-to to cc resent-from resent-to resent-cc".split()
TEXT = "subject comments x-text content-description".split()


def shown(value):
    """The text of a field, with its encoded words decoded."""
    out = ""
    value = re.sub(r"\r?\n(?=[ \t])", "", value)
    for part, charset in email.header.decode_header(value):
        if isinstance(part, bytes):
            if charset in (None, "unknown-8bit"):
                charset = "utf-8"
            part = part.decode(charset, "surrogateescape")
        out += part
    return re.sub(r"[ \t]+", " ", out).strip()


def address(pair):
    name, addr = pair
    local, at, domain = addr.rpartition("@")
    if at and not domain.isascii():
        domain = domain.encode("idna").decode()
    return shown(name), local + at + domain


def fields(part):
    """Fields that people read; raw 8-bit counts as UTF-8."""
    out = []
    for name, value in part._headers:       # as they came, no policy between
        value = utf8(value)
        if name.lower() in ADDRESSES:
            out.append((name.lower(), sorted(map(
                address, email.utils.getaddresses([value])))))
        elif name.lower() in TEXT:
            out.append((name.lower(), shown(value)))
    return sorted(out)


def utf8(value):
    """A raw value of a field: its 8-bit bytes count as UTF-8."""
    return value.encode("ascii", "surrogateescape").decode(
        "utf-8", "surrogateescape")


def file_name(part):
    copy = email.message.Message()
    for name, value in part._headers:
        if name.lower() in ("content-type", "content-disposition"):
            copy[name] = utf8(value)
    return copy.get_filename()


def parts(part, path="1"):
    """(path, type, name, fields, content) of each part."""
    known = fields(part)
    if part.is_multipart():
        yield path, part.get_content_type(), None, known, None
        for i, sub in enumerate(part.get_payload(), 1):
            yield from parts(sub, "%s.%d" % (path, i))
        return
    content = part.get_payload(decode=True) or b""
    yield (path, part.get_content_type(), file_name(part), known,
           content.replace(b"\r\n", b"\n"))


def difference(have, want):
    """What differs between two messages once decoded; None: nothing."""
    have = list(parts(email.message_from_bytes(have)))
    want = list(parts(email.message_from_bytes(want)))
    for a, b in zip(have, want):
        if a != b:
            for x, y in zip(a, b):
                if x != y:
                    return "part %s: %.300r, expected %.300r" % (a[0], x, y)
    if len(have) != len(want):
        return "%d parts, expected %d" % (len(have), len(want))
    return None
