"""The page as a person meets it: asks, reads, presses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

T = TypeVar("T")
WITHIN = 10.0


class Page:
    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self, *, fresh: bool = True) -> Page:
        if fresh:
            self.browser.get(f"{self.url}icon.svg")  # the same origin, without the page's scripts
            self.browser.execute_script("localStorage.clear(); sessionStorage.clear()")
            self.browser.get_log("browser")  # type: ignore[no-untyped-call] # selenium's own
        self.browser.get(self.url)
        self.until(lambda: self.one("#model-label").is_displayed())
        return self

    def until(self, condition: Callable[[], T]) -> T:
        return WebDriverWait(self.browser, WITHIN, poll_frequency=0.05).until(lambda _: condition())

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        """As they are shown, read in one go: the page may redraw what it found a moment ago."""
        script = (
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText.trim())"
        )
        found: list[str] = self.js(script, selector)
        return found

    def type(self, *keys: str) -> None:
        self.one("#question").send_keys(*keys)

    def ask(self, question: str, *, wait: bool = True) -> None:
        self.type(question, Keys.ENTER)
        if wait:
            self.wait_for_answer()

    def wait_for_answer(self) -> None:
        self.until(lambda: self.all(".turn") and self.is_idle())

    def is_idle(self) -> bool:
        return self.one("#conversation").get_attribute("aria-busy") == "false"

    def log_text(self) -> str:
        return self.one("#log").text

    def js(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def focused(self) -> str:
        return str(self.js("return document.activeElement.id || document.activeElement.className"))

    def complaints(self) -> list[str]:
        """What the browser's console says: script errors, violations of the policy."""
        entries = self.browser.get_log("browser")  # type: ignore[no-untyped-call] # selenium's own
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
