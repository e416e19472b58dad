"""What a test finds on the machine that it runs on: programs and servers.

A test without them is skipped, and told why. With `DRAWBAR_TEST_REQUIRE_SERVICES=1` it fails: that is for machines that
have to have everything.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

_REQUIRED = os.environ.get("DRAWBAR_TEST_REQUIRE_SERVICES") == "1"


def missing(what: str) -> NoReturn:
    """`what` says what is not there, and which Debian package or address would bring it."""
    if _REQUIRED:
        pytest.fail(what)
    pytest.skip(what)


def need(program: str, package: str | None = None) -> str:
    """The path of a program; `package` is Debian's where it has another name."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        missing(f"{program} is not installed (Debian: {package or program})")
    return found
