"""Which rule wins, and that it fits the model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.v1.documents import ChunkingRule
from rag_indexer.chunk_rules import SplitSettings, chunk_rule, default_parent_tokens, spoken_rule

TENANT = ChunkingRule(strategy="paragraph", tokens=200, overlap_tokens=20, parent_tokens=None)
DOCUMENT = ChunkingRule(strategy="fixed", tokens=100, overlap_tokens=10, parent_tokens=400)


@pytest.mark.parametrize(("wanted", "longest"), [(256, 222), (512, 222), (128, 128), (32, 32)])
def test_passages_fit_into_what_minilm_reads(wanted: int, longest: int) -> None:
    rule = chunk_rule(SplitSettings(wanted, 64), "builtin/minilm")
    assert rule.tokens_max == longest
    assert rule.overlap_tokens <= longest // 4


def test_other_models_are_trusted() -> None:
    assert chunk_rule(SplitSettings(2_048, 64), "openai/large").tokens_max == 2_048


def test_the_documents_own_rule_goes_before_the_tenants() -> None:
    wanted = SplitSettings(256, 32, TENANT)
    assert chunk_rule(wanted, "openai/large", DOCUMENT).strategy == "fixed"
    assert chunk_rule(wanted, "openai/large").strategy == "paragraph"
    assert chunk_rule(wanted, "openai/large").parent_tokens is None
    platform = chunk_rule(SplitSettings(), "openai/large")
    assert (platform.strategy, platform.tokens_max, platform.parent_tokens) == (
        "headings",
        256,
        768,
    )


@pytest.mark.parametrize(
    ("passage", "parent"), [(32, 512), (222, 666), (512, 1_000), (2_048, 2_048)]
)
def test_a_parent_holds_about_three_passages(passage: int, parent: int) -> None:
    assert default_parent_tokens(passage) == parent


@given(
    st.builds(
        ChunkingRule,
        strategy=st.sampled_from(["fixed", "paragraph", "recursive", "headings"]),
        tokens=st.integers(32, 2_048),
        overlap_tokens=st.integers(0, 512),
        parent_tokens=st.none() | st.integers(64, 8_192),
    ),
    st.sampled_from(["builtin/minilm", "openai/large"]),
)
def test_any_rule_can_be_kept_and_can_be_told(wished: ChunkingRule, model: str) -> None:
    rule = chunk_rule(SplitSettings(), model, wished)
    assert rule.tokens_max <= wished.tokens
    assert rule.overlap_tokens <= rule.tokens_max // 4
    assert rule.parent_tokens is None or rule.parent_tokens >= rule.tokens_max
    assert spoken_rule(rule).strategy == wished.strategy
