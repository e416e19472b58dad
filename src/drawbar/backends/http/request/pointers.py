"""JSON pointers (RFC 6901) as adapters write them."""

from __future__ import annotations

import re

from drawbar.backends.http.options import HttpFunctionSpec
from drawbar.spec.source import At, Report


def response_pointer(spec: HttpFunctionSpec, report: Report, at: At) -> tuple[str, ...]:
    if not spec.response:
        return ()
    if spec.reply in ("text", "csv", "file"):
        report.add((*at, "response"), "DB511", f"a reply of {spec.reply} has no parts to point to")
    return steps(spec.response, report, (*at, "response"))


def steps(text: str, report: Report, at: At) -> tuple[str, ...]:
    if not text.startswith("/") or re.search("~(?![01])", text):
        fix = "begin with a slash: /data/items"
        report.add(at, "DB511", f"`{text}` is no JSON pointer", fix=fix)
        return ()
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
