"""Text that Postgres would refuse, and text that no message could carry."""

import json

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.storable import clipped, json_bytes, storable_json, storable_text


@given(st.text(alphabet=st.sampled_from(["\x00", "\\", "u", "0", "a", '"'])))
def test_json_without_nul_is_the_json_of_text_without_nul(text):
    assert json.loads(storable_json(json.dumps(text))) == storable_text(text)


@given(st.text(max_size=400), st.integers(20, 300))
def test_clipped_text_fits_and_short_text_stays(text, bytes_max):
    text = storable_text(text)
    kept = clipped(text, bytes_max)
    assert json_bytes(kept) <= bytes_max
    assert kept == text or json_bytes(text) > bytes_max


def test_tabs_and_line_ends_stay():
    assert storable_text("a\tb\r\nc\x07\x00\x1b") == "a\tb\r\nc"
