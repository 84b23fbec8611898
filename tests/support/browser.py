"""A real browser: headless Chromium, and what xterm.js shows in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from selenium import webdriver
from selenium.common.exceptions import JavascriptException
from selenium.webdriver.common.by import By

from tests.support.wait import until

# textual.js keeps its terminal to itself; the field that it is put into tells it to us.
_HOOK = """
Object.defineProperty(Object.prototype, "terminal", {configurable: true, set(value) {
  window.shown = value;
  Object.defineProperty(this, "terminal", {value, writable: true, configurable: true});
}});
"""
_READ = """
const buffer = window.shown.buffer.active;
return Array.from({length: window.shown.rows}, (_, row) => buffer.getLine(buffer.baseY + row)?.translateToString(true) ?? "").join("\\n");
"""


class Browser:
    """One window. ``driver`` is selenium's."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Go to an address."""
        self.driver.get(url)

    def tab(self) -> None:
        """Open an empty tab and go to it."""
        self.driver.switch_to.new_window("tab")
        self._hook()

    def text(self) -> str:
        """The text of a page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def screen(self) -> str:
        """What the terminal in the page shows."""
        try:
            return str(self.driver.execute_script(_READ))
        except JavascriptException:
            return ""  # not there yet

    def shows(self, text: str) -> str:
        """Wait until the terminal shows ``text``; the screen comes back."""
        deadline = time.monotonic() + 60
        while text not in (screen := self.screen()):
            assert time.monotonic() < deadline, f"{text!r} is not on the screen:\n{screen}\n{self.text()}"
            time.sleep(0.05)
        return screen

    def type(self, keys: str) -> None:
        """Press keys in the terminal."""
        self.driver.find_element(By.CSS_SELECTOR, ".xterm-helper-textarea").send_keys(keys)

    def close_tab(self) -> None:
        """Close the tab and go to the first one."""
        self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])

    def _hook(self) -> None:
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _HOOK})


@contextlib.contextmanager
def browser(width: int = 1280, height: int = 800) -> Iterator[Browser]:
    """A window with a fresh profile."""
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--window-size={width},{height}"):
        options.add_argument(word)  # no sandbox: the tests run as root
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    made = Browser(driver)
    try:
        made._hook()
        yield made
    finally:
        driver.quit()
        until(lambda: driver.service.process is None or driver.service.process.poll() is not None, what="the end of the browser")
