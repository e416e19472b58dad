"""The page of a server that knows nobody without a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import SCRIPT
from .gateway import Gateway, open_gateway

pytest.importorskip("selenium")

from selenium.webdriver import Chrome

from .page import Page


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Gateway]:
    with open_gateway(tmp_path, SCRIPT, anonymous=False) as found:
        yield found


def test_a_key_is_asked_for_once_and_names_who_asks(browser: Chrome, guarded: Gateway) -> None:
    page = Page(browser, guarded.url)
    key = guarded.make_key("anna")
    browser.get(guarded.url)
    page.until(lambda: page.one("#key-dialog").is_displayed())

    page.one("#key").send_keys("dbk_wrong")
    page.one("#key-dialog .primary").click()
    page.until(lambda: "Incorrect API key" in page.one("#key-text").text)
    page.one("#key").send_keys(key)
    page.one("#key-dialog .primary").click()
    page.until(lambda: page.one("#model-label").is_displayed())
    page.ask("hello")

    assert page.one("#assistant-name").text == "Drawbar, asked by anna"
    assert page.texts(".words") == ["You said: hello"]
    assert page.js("return localStorage.getItem('drawbar.key')") is None
    page.browser.refresh()
    page.until(lambda: page.texts(".words") == ["You said: hello"])


def test_without_a_key_the_page_says_so_and_offers_to_try_again(
    browser: Chrome, guarded: Gateway
) -> None:
    page = Page(browser, guarded.url)
    browser.get(guarded.url)
    page.js("sessionStorage.clear()")
    page.until(lambda: page.one("#key-dialog").is_displayed())

    page.one("#key-dialog [data-close]").click()

    assert "API key" in page.until(lambda: page.texts(".banner p"))[0]
    page.one(".banner button").click()
    page.until(lambda: page.one("#key-dialog").is_displayed())
