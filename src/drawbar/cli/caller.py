"""What the command line takes for a caller: names that are not empty, and claims."""

from __future__ import annotations

import argparse


def name(text: str) -> str:
    """A subject or a role. Rules and the audit cannot tell anybody from one without letters."""
    if not text.strip():
        message = "it is empty; write a name"
        raise argparse.ArgumentTypeError(message)
    return text


def claim(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        message = f"{text!r} is no NAME=VALUE pair"
        raise argparse.ArgumentTypeError(message)
    return key, value
