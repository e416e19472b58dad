"""One gateway and one browser for all tests of the page; each test gets an empty browser storage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from machine import missing

from .gateway import Gateway, open_gateway

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SCRIPT = Path(__file__).parent / "script.yaml"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,860",
)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with open_gateway(tmp_path_factory.mktemp("console"), SCRIPT) as found:
        yield found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        missing("no chromium and chromedriver on this machine")
    try:
        from selenium.webdriver import Chrome, ChromeOptions  # noqa: PLC0415 -- may be absent
        from selenium.webdriver.chrome.service import Service  # noqa: PLC0415 -- may be absent
    except ImportError:
        missing("selenium is not installed")
    options = ChromeOptions()
    options.binary_location = str(chromium)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(str(driver)))
    try:
        yield chrome
    finally:
        chrome.quit()
