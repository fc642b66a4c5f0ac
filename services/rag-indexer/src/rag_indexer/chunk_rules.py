"""Which rule a document is split by: its own, its tenant's, or the platform's. Pure."""

from dataclasses import dataclass, replace

from contracts.v1.documents import ChunkingRule
from rag_indexer.chunking import ChunkRule

MODEL_WINDOW_TOKENS = {"builtin/minilm": 256}
"""Tokens that a model reads of a text; it does not see the rest. Others are trusted."""

TOKENS_MAX = 2_048
SPECIAL_TOKENS = 2
CONTEXT_TOKENS = 32

PARENT_PASSAGES = 3
PARENT_TOKENS_MIN = 512
PARENT_TOKENS_MAX = 1_000
_SECTION_TOKENS_MIN = 64


@dataclass(frozen=True)
class SplitSettings:
    """What a tenant wants, in tokens; `chunking` goes before the two lengths."""

    chunk_tokens: int = 256
    overlap_tokens: int = 32
    chunking: ChunkingRule | None = None


def chunk_rule(
    wanted: SplitSettings, model: str, document: ChunkingRule | None = None
) -> ChunkRule:
    """The document's own rule, else the tenant's, else headings with parents; it fits the model."""
    chosen = document or wanted.chunking
    if chosen is None:
        rule = _bounded(
            ChunkRule(wanted.chunk_tokens, wanted.overlap_tokens, strategy="headings"), model
        )
        return replace(rule, parent_tokens=default_parent_tokens(rule.tokens_max))
    rule = ChunkRule(
        tokens_max=chosen.tokens,
        overlap_tokens=chosen.overlap_tokens,
        strategy=chosen.strategy,
        parent_tokens=chosen.parent_tokens,
    )
    return _bounded(rule, model)


def default_parent_tokens(tokens_max: int) -> int:
    """About three passages, 512 to 1,000 tokens, and never less than one passage."""
    parent = min(max(PARENT_PASSAGES * tokens_max, PARENT_TOKENS_MIN), PARENT_TOKENS_MAX)
    return max(parent, tokens_max)


def spoken_rule(rule: ChunkRule) -> ChunkingRule:
    """The rule in force, as versions and documents tell it."""
    return ChunkingRule(
        strategy=rule.strategy,
        tokens=rule.tokens_max,
        overlap_tokens=rule.overlap_tokens,
        parent_tokens=rule.parent_tokens,
    )


def _bounded(rule: ChunkRule, model: str) -> ChunkRule:
    """Never longer than what the model reads, heading line and special tokens included."""
    window = MODEL_WINDOW_TOKENS.get(model)
    room = TOKENS_MAX if window is None else window - SPECIAL_TOKENS - CONTEXT_TOKENS
    longest = min(rule.tokens_max, room)
    return replace(
        rule,
        tokens_max=longest,
        overlap_tokens=min(rule.overlap_tokens, longest // 4),
        section_tokens_min=min(_SECTION_TOKENS_MIN, longest // 2),
        parent_tokens=None if rule.parent_tokens is None else max(rule.parent_tokens, longest),
    )
