"""The bugs that `scripts/plant-bugs` plants can be planted: their texts are still there."""

from pathlib import Path

import pytest
from planted_bugs import BUGS, PlantedBug

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_its_text_occurs_once_and_its_test_exists(bug: PlantedBug):
    assert (ROOT / bug.file).read_text().count(bug.text) == 1
    assert bug.text != bug.instead
    file, _, name = bug.test.partition("::")
    assert (ROOT / file).exists()
    function = name.partition("[")[0]
    assert f"def {function}" in (ROOT / file).read_text() if name else True
