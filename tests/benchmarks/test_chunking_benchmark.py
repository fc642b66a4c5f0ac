"""Splitting by each strategy beside the bare tokenizer, and documents of awkward shape."""

from __future__ import annotations

import time
from collections.abc import Callable
from gc import collect
from importlib.resources import files
from statistics import median
from typing import get_args

from report import ratio, write_section
from tiktoken import Encoding
from tokenizers import Tokenizer

from rag_indexer import byte_pairs
from rag_indexer.chunking import ChunkRule, Strategy, chunk
from rag_indexer.markdown_text import heading_marks
from rag_indexer.parsed import Mark, ParsedDocument
from rag_indexer.token_counting import tokens_of

ROUNDS = 3
PIECE_CHARACTERS = 20_000
RULE_TOKENS, OVERLAP, PARENT = 222, 32, 666
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
MODELS = {"builtin/minilm": "word pieces", "openai/text-embedding-3-small": "cl100k"}
WORDS = (
    "The machine heats the water to ninety degrees and holds it there while the pump works. "
    "Empty the tray when the lamp blinks; nothing else needs to be done by hand. "
)


def manual(chapters: int) -> str:
    """Headings, prose, steps and a table, over and over."""
    return "\n\n".join(
        f"## Chapter {n}\n\n{WORDS * 6}\n\n### Cleaning {n}\n\n"
        + "".join(f"{step}. Open valve {step} of unit {n}. Wait.\n" for step in range(1, 7))
        + f"\n{WORDS * 3}\n\n| Part | Price | Note |\n|---|---|---|\n"
        + "".join(f"| Seal {row} | {row},90 EUR | Fits unit {n}. |\n" for row in range(8))
        for n in range(chapters)
    )


def markdown(text: str) -> ParsedDocument:
    return ParsedDocument("md", text, heading_marks(text)[0])


def plain(text: str, file_type: str = "txt") -> ParsedDocument:
    return ParsedDocument(file_type, text, (Mark(0, None, ()),))


def bare_tokenizer(model: str) -> Callable[[str], int]:
    """The library itself on pieces of equal length, which only counts."""
    if model == "builtin/minilm":
        vocabulary = files("rag_indexer").joinpath("tokenizer/minilm.json").read_text("utf-8")
        pieces = Tokenizer.from_str(vocabulary)
        pieces.no_truncation()
        pieces.no_padding()
        return lambda text: len(pieces.encode(text, add_special_tokens=False))
    ranks = byte_pairs.vocabulary()
    pattern = byte_pairs._SPLIT
    pairs = Encoding("bare", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: len(pairs.encode_ordinary(text))


def measured(work: Callable[[], object]) -> float:
    """CPU seconds of one go."""
    collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


def test_splitting_beside_the_bare_tokenizer() -> None:
    document = markdown(manual(600))
    text = document.text
    parts = [
        text[begin : begin + PIECE_CHARACTERS] for begin in range(0, len(text), PIECE_CHARACTERS)
    ]
    rows: list[tuple[object, ...]] = []
    for model, vocabulary in MODELS.items():
        bare = bare_tokenizer(model)
        cases = cases_of(document, parts, bare, model)
        seconds: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, work in cases.items():
                seconds[name].append(measured(work))
        tokens = tokens_of(model).count(text)
        floor = median(seconds["bare tokenizer"])
        for name, taken in seconds.items():
            rate = tokens / median(taken)
            rows.append((vocabulary, name, f"{rate:,.0f}", ratio(median(taken), floor)))
    write_section(
        "Splitting",
        f"""A manual of {len(text) / 1e6:.1f} million characters with headings, steps and tables;
passages of {RULE_TOKENS} tokens, overlap {OVERLAP}, parents of {PARENT}; CPU time, one thread,
median of {ROUNDS} interleaved rounds. *Bare tokenizer* is the library alone, which only counts; the
other rows contain the tokenizing and give passages with offsets, pages, headings and parents.""",
        ("vocabulary", "what", "tokens/s", "time"),
        rows,
    )


def cases_of(
    document: ParsedDocument, parts: list[str], bare: Callable[[str], int], model: str
) -> dict[str, Callable[[], object]]:
    """What runs in turn, by name."""
    tokens = tokens_of(model)

    def split(strategy: Strategy) -> Callable[[], object]:
        rule = ChunkRule(RULE_TOKENS, OVERLAP, strategy=strategy, parent_tokens=PARENT)
        return lambda: chunk(document, tokens.starts(document.text), rule)

    return {
        "bare tokenizer": lambda: sum(map(bare, parts)),
        "places of tokens": lambda: tokens.starts(document.text),
        **{strategy: split(strategy) for strategy in STRATEGIES},
    }


def test_documents_of_awkward_shape() -> None:
    shapes = {
        "prose, 10 MB": plain(WORDS * (10_000_000 // len(WORDS))),
        "one line without a sentence, 10 MB": plain("word " * 2_000_000),
        "no white space at all, 10 MB": plain("x" * 10_000_000),
        "Chinese without a sentence, 3 million signs": plain("語" * 3_000_000),
        "100,000 headings": markdown("".join(f"# {n}\n\nA fact.\n\n" for n in range(100_000))),
        "100,000 rows": plain("Name: Bolt. M8; Price: 1,90 EUR\n" * 100_000, "csv"),
    }
    tokens = tokens_of("openai/text-embedding-3-small")
    rows = []
    for name, document in shapes.items():
        starts = tokens.starts(document.text)
        counting = measured(lambda text=document.text: tokens.starts(text))
        slowest, passages = 0.0, 0
        for strategy in STRATEGIES:
            rule = ChunkRule(RULE_TOKENS, OVERLAP, strategy=strategy, parent_tokens=PARENT)
            begun = time.process_time()
            passages = max(passages, len(chunk(document, starts, rule)))
            slowest = max(slowest, time.process_time() - begun)
        rows.append(
            (name, f"{len(starts):,}", f"{passages:,}", f"{counting:.2f}", f"{slowest:.2f}")
        )
    write_section(
        "Splitting: awkward shapes",
        """CPU seconds for finding the tokens (cl100k) and for splitting by the slowest of the four
strategies; the most passages that one of them makes. Time grows with length and with passages, not
with the length of a line.""",
        ("document", "tokens", "passages", "tokens, s", "splitting, s"),
        rows,
    )
