"""Text that Postgres would refuse."""

import json

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.storable import storable_json, storable_text


@given(st.text(alphabet=st.sampled_from(["\x00", "\\", "u", "0", "a", '"'])))
def test_json_without_nul_is_the_json_of_text_without_nul(text):
    assert json.loads(storable_json(json.dumps(text))) == storable_text(text)
