#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Read the reports of tests/data/report as a mail program does.

report.py FILE...: every file has to be a delivery report without any defect
that Python's email package knows, in every part.  The package's own eye is
tested first, with reports that were damaged on purpose.
"""

import email
import email.policy
import os
import sys

ACTIONS = {"failed": "5", "delayed": "4", "relayed": "2"}
STATUS = ("message/delivery-status", "message/global-delivery-status")
ORIGINAL = ("text/rfc822-headers", "message/rfc822",
            "message/global-headers", "message/global")


def parse(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def defects(message):
    """What the parser did not like, in any part and any field of it.

    It does not know UTF-8 in fields, which message/global may have.
    """
    found = []
    for part in message.walk():
        found += part.defects
        for name, value in part.items():
            if not str(value).isascii():
                continue
            found += [(name, d) for d in getattr(value, "defects", ())]
    return found


def groups(raw):
    """Message fields and recipients' fields of the second part."""
    # the parser knows the groups of the older of the two types alone
    known = raw.replace(b"message/global-delivery-status",
                        b"message/delivery-status")
    part = list(parse(known).iter_parts())[1]
    return [g for g in part.get_payload() if g.keys()]


def complaints(raw):
    message = parse(raw)
    bad = [repr(d) for d in defects(message)]

    def want(condition, what):
        if not condition:
            bad.append(what)

    want(message.get_content_type() == "multipart/report", "type")
    want(message["Auto-Submitted"] == "auto-replied", "Auto-Submitted")
    want(message["MIME-Version"] == "1.0", "MIME-Version")
    want(message["In-Reply-To"] == message["References"], "References")
    for name in ("From", "To"):
        want(len(message[name].addresses) == 1 and
             message[name].addresses[0].domain, name)
    want(message["From"].addresses[0].display_name ==
         "Mail Delivery System", "display name")
    want(message["Date"].datetime is not None, "Date")
    want("delivered" in message["Subject"].lower() or
         "delayed" in message["Subject"].lower(), "Subject")
    for name in set(message.keys()):
        want(len(message.get_all(name)) == 1, "two of " + name)

    parts = list(message.iter_parts())
    want(len(parts) == 3, "number of parts")
    if len(parts) != 3:
        return bad
    human, status, original = parts
    want(human.get_content_type() == "text/plain", "type of part 1")
    text = human.get_content()
    want(all(len(line) <= 78 for line in text.splitlines()), "wide lines")
    want("identifier of the message: " in " ".join(text.split()),
         "identifier")
    want(status.get_content_type() in STATUS, "type of part 2")
    want("message/" + message["Content-Type"].params["report-type"] ==
         status.get_content_type(), "report-type")
    want(original.get_content_type() in ORIGINAL, "type of part 3")
    want(b"bcc:" not in raw.lower(), "blind copies")

    about, *recipients = groups(raw)
    want(about["Reporting-MTA"].startswith("dns; "), "Reporting-MTA")
    want(len(recipients) > 0, "no recipient")
    for r in recipients:
        kind, address = r["Final-Recipient"].split("; ", 1)
        want(kind in ("rfc822", "utf-8") and address in text,
             "Final-Recipient")
        want(r["Action"] in ACTIONS, "Action")
        want(r["Status"].split(".")[0] == ACTIONS[r["Action"]], "Status")
        diagnostic = r["Diagnostic-Code"]
        want(diagnostic is None or diagnostic.startswith("smtp; "),
             "Diagnostic-Code")
    for part in parts:
        is_8bit = any(b >= 0x80 for b in part.as_bytes())
        want(part["Content-Transfer-Encoding"] ==
             ("8bit" if is_8bit else "7bit"), "encoding")
    want(message["Content-Transfer-Encoding"] ==
         ("8bit" if any(b >= 0x80 for b in raw) else "7bit"),
         "encoding of all")
    return bad


def damaged(raw):
    """The same report with one thing wrong, and what it is."""
    boundary = parse(raw).get_boundary().encode()
    yield "end", raw.replace(b"--" + boundary + b"--\r\n", b"")
    yield "start", raw.replace(b"\r\n--" + boundary, b"\r\n-" + boundary)
    yield "no boundary", raw.replace(b"\tboundary=", b"\tx=")
    yield "header", raw.replace(b"Auto-Submitted: ", b"Auto-Submitted ", 1)
    yield "two dates", raw.replace(b"Date: ", b"Date: x\r\nDate: ", 1)
    yield "address", raw.replace(b"\r\nTo: ", b"\r\nTo: <<", 1)
    yield "status", raw.replace(b"\r\nStatus: ", b"\r\nStatus: 9", 1)
    yield "7bit", raw.replace(b"answered:", b"answered:\xc3\xa9", 1)
    yield "part", raw.replace(b"--" + boundary + b"\r\n", b"", 1)


def main(paths):
    failed = False
    for path in paths:
        with open(path, "rb") as f:
            raw = f.read()
        for what in complaints(raw):
            print(f"{path}: {what}")
            failed = True
    with open([p for p in paths
               if os.path.basename(p) == "failed.eml"][0], "rb") as f:
        for name, raw in damaged(f.read()):
            try:
                found = complaints(raw)
            except (AttributeError, IndexError, KeyError, TypeError,
                    ValueError) as e:
                found = [repr(e)]
            if not found:
                print(f"damage is not seen: {name}")
                failed = True
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
