"""How a source is shown in one line."""

from __future__ import annotations

from typing import Any

import pytest

from chatctl.answers import citation_line


@pytest.mark.parametrize(
    ("citation", "line"),
    [
        (
            {"title": "Returns", "heading": "Returns", "quote": "Thirty\n days."},
            "[1] Returns: “Thirty days.”",
        ),
        ({"title": "Prices", "heading": "Kayaks", "page": 2}, "[1] Prices, Kayaks, page 2"),
        ({"title": "Prices", "heading": None, "quote": "x" * 200}, f"[1] Prices: “{'x' * 107}…”"),
    ],
)
def test_a_source_says_each_thing_once(citation: dict[str, Any], line: str) -> None:
    assert citation_line({"number": 1, **citation}) == line
