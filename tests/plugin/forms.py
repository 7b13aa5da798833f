"""The plugin's forms in a real browser, with the AngularJS that GoCD has."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

ANGULARJS = "1.0.8"
_HOST = Path(__file__).with_name("form_host.html")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=900,2000",
)


def prepare_host(folder: Path) -> Path:
    """The page that hosts a form, with AngularJS beside it (a WebJar, through Maven, which the bridge needs too)."""
    subprocess.run(
        [
            "mvn", "-q", "-B", "dependency:copy",
            f"-Dartifact=org.webjars:angularjs:{ANGULARJS}", f"-DoutputDirectory={folder}",
        ],
        check=True, timeout=300, cwd=folder,
    )  # fmt: skip
    with zipfile.ZipFile(folder / f"angularjs-{ANGULARJS}.jar") as jar:
        source = jar.read(f"META-INF/resources/webjars/angularjs/{ANGULARJS}/angular.js")
    (folder / "angular.js").write_bytes(source)
    return Path(shutil.copy(_HOST, folder))


@contextmanager
def browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver") or "chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


@dataclass(frozen=True)
class Form:
    """A form that is shown."""

    driver: webdriver.Chrome

    @property
    def fields(self) -> list[str]:
        """Keys of the fields that a person sees, in their order."""
        return [field.get_attribute("ng-model") or "" for field in self._visible("[ng-model]")]

    @property
    def errors(self) -> dict[str, str]:
        """What is said in red, by the key of the field that it stands under."""
        return {self._key_beside(shown): shown.text for shown in self._visible(".form_error")}

    @property
    def marked(self) -> list[str]:
        """Keys of the fields that are marked as wrong."""
        return [field.get_attribute("ng-model") or "" for field in self._visible("[ng-model].is-invalid-input")]

    def field(self, key: str) -> WebElement:
        """The field of a key that a person sees; there is one at most."""
        (found,) = self._visible(f"[ng-model={key}]")
        return found

    def label(self, field: WebElement) -> str:
        """The words that a screen reader says for a field."""
        (label,) = self.driver.find_elements(By.CSS_SELECTOR, f"label[for='{field.get_attribute('id')}']")
        return label.text

    def choose(self, key: str, value: str) -> None:
        Select(self.field(key)).select_by_value(value)

    def type(self, key: str, text: str) -> None:
        self.field(key).clear()
        self.field(key).send_keys(text)

    @property
    def saved(self) -> dict[str, Any]:
        """What GoCD would save now."""
        saved: dict[str, Any] = self.driver.execute_script("return saved")
        return saved

    @property
    def complaints(self) -> list[str]:
        """What the browser and AngularJS complain about."""
        driver: Any = self.driver  # whose method has no types
        return [str(entry["message"]) for entry in driver.get_log("browser")]

    def _visible(self, selector: str) -> list[WebElement]:
        return [found for found in self.driver.find_elements(By.CSS_SELECTOR, selector) if found.is_displayed()]

    def _key_beside(self, error: WebElement) -> str:
        block = error.find_element(By.XPATH, "./ancestor::div[contains(@class, 'form_item_block')]")
        (field,) = block.find_elements(By.CSS_SELECTOR, "[ng-model]")
        return field.get_attribute("ng-model") or ""


def show(
    driver: webdriver.Chrome,
    page: Path,
    template: str,
    keys: Sequence[str],
    values: Mapping[str, str | None],
    errors: Sequence[Mapping[str, str]] = (),
) -> Form:
    """Show a template as GoCD does, filled with values and errors."""
    driver.get(page.as_uri())
    version = driver.execute_script("return host(...arguments)", template, list(keys), dict(values), list(errors))
    assert version == ANGULARJS
    return Form(driver)
