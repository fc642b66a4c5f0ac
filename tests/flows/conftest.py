"""What plays scenarios in a real browser."""

import os
import shutil

import pytest

from chatctl.run_folder import RunFolder
from chatctl.widget_build import UI, build_widget, node_and_npm, widget_is_current

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def node() -> str:
    """The node that plays the scenarios, with the widget built and its packages installed."""
    if not os.environ.get("CHAT_CHROMIUM") and not any(map(shutil.which, BROWSERS)):
        if os.environ.get("CI"):
            pytest.fail("no Chromium on a CI machine: .ci/run installs it")
        pytest.skip("no Chromium here: apt-get install chromium, or name one in CHAT_CHROMIUM")
    folder = RunFolder.default()
    if not (UI / "node_modules/playwright-core").exists() or not widget_is_current(folder):
        build_widget(folder)
    programs, _ = node_and_npm()
    return str(programs / "node")
