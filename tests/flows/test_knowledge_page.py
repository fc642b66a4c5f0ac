"""The dashboard's Knowledge page in a real Chromium, against the whole platform."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from whole_platform import Shop, WholePlatform

from chatctl.widget_build import UI

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCENARIO_SECONDS = 200


def play(node_program: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Play a scenario that asks nothing on its way."""
    done = subprocess.run(
        [node_program, "e2e/run.mjs", name, json.dumps(given)],
        cwd=UI,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=SCENARIO_SECONDS,
    )
    assert done.stdout, done.stderr[-2_000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result["ok"], result.get("error")
    return result


def test_an_admin_drops_files_and_sees_why(
    node: str, platform: WholePlatform, tmp_path: Path
) -> None:
    shop: Shop = platform.shop()
    screenshots = os.environ.get("CHAT_SCREENSHOTS", str(tmp_path))
    seen = play(
        node, "knowledge", {"url": platform.url, "key": shop.key, "screenshots": screenshots}
    )
    assert "damaged" in seen["reason"]
    assert "349.00 EUR" in seen["prices"]["passages"][0]
    assert "90 days" in seen["typo"]["passages"][0]
    assert "descalle" in seen["typo"]["why"], "the correction is shown with the typo"
    assert "14 dana" in seen["croatian"]["passages"][0]
    assert "45 days" in seen["replaced"]["passages"][0]
    assert "90 days" not in "".join(seen["replaced"]["passages"])
    assert "90 days" in seen["rolledBack"]["passages"][0]
    assert "days with" not in "".join(seen["deleted"]["passages"])
    assert "349.00" not in "".join(seen["disabled"]["passages"])
    assert "1 disabled" in seen["disabled"]["why"]
    assert seen["violations"] == []
    assert seen["overflow"] <= 0
    # A refused upload and the like are answers, which browsers call errors: none is expected here.
    assert seen["complaints"] == []
