"""Tokens where the models see them, at true characters, without a network."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Sequence
from gzip import decompress
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken import Encoding
from tiktoken_ext.openai_public import cl100k_base

from rag_indexer import byte_pairs
from rag_indexer.byte_pairs import BytePairs, vocabulary
from rag_indexer.text_segments import SEGMENT_CHARACTERS
from rag_indexer.token_counting import tokens_of
from rag_indexer.word_pieces import WordPieces

PIECES, PAIRS = WordPieces(), BytePairs()
RANKS = vocabulary()
PLAIN = Encoding(
    "plain",
    pat_str=byte_pairs._SPLIT,
    mergeable_ranks=RANKS,
    special_tokens={},
)
ENGLISH = "The pump of the coffee machine is not covered after two years. " * 4_000
CROATIAN = "Kupac plaća poštarinu, a šteta nastala u prijevozu ide na teret dostavljača. " * 4_000
TEXTS = st.text(
    alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("aé語👩🏽‍🔧 \n\t\u0301.")),
    max_size=300,
)


def places(text: str) -> Sequence[int]:
    """Where each token begins, the slow way: byte by byte."""
    found, byte = [], 0
    encoded = text.encode()
    for token in PLAIN.encode_ordinary(text):
        word = PLAIN.decode_single_token_bytes(token)
        bare = word.lstrip(b" \t")
        begin = byte + (len(word) - len(bare) if bare.strip() else 0)
        while begin and encoded[begin] & 0xC0 == 0x80:
            begin -= 1
        found.append(len(encoded[:begin].decode()))
        byte += len(word)
    return found


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_byte_pairs_begin_at_their_characters(text: str) -> None:
    assert list(PAIRS.starts(text)) == places(text)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(1, 400))
def test_starts_rise_within_the_text(text: str, times: int) -> None:
    whole = text * times
    for tokens in (PIECES, PAIRS):
        starts = tokens.starts(whole)
        assert all(before <= after for before, after in pairwise(starts))
        assert not starts or (starts[0] >= 0 and starts[-1] < len(whole))
        assert tokens.count(whole) == len(starts)


@pytest.mark.parametrize("tokens", [PIECES, PAIRS], ids=["word pieces", "byte pairs"])
def test_segments_begin_no_token_twice(tokens: WordPieces | BytePairs) -> None:
    text = " plaća" * SEGMENT_CHARACTERS
    starts = tokens.starts(text)
    each = len(tokens.starts(" plaća"))
    assert len(starts) == SEGMENT_CHARACTERS * each
    assert {text[place] for place in starts[::each]} == {"p"}


def test_the_vocabulary_is_openais_own(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = files("rag_indexer").joinpath("tokenizer/cl100k_base.tiktoken.gz").read_bytes()
    wanted: dict[str, str] = {}

    def nothing_is_loaded(_address: str, expected_hash: str) -> dict[bytes, int]:
        wanted["sha256"] = expected_hash
        return RANKS

    monkeypatch.setattr("tiktoken_ext.openai_public.load_tiktoken_bpe", nothing_is_loaded)
    known = cl100k_base()
    assert hashlib.sha256(decompress(packed)).hexdigest() == wanted["sha256"]
    assert known["pat_str"] == byte_pairs._SPLIT
    assert len(RANKS) == max(RANKS.values()) + 1 == 100_256


def test_known_texts_have_their_known_tokens() -> None:
    assert PAIRS.count("tiktoken is great!") == 6
    assert list(PAIRS.starts("tiktoken is great!")) == [0, 1, 3, 9, 12, 17]
    assert PIECES.count("unaffordable returns") == len(
        ["una", "##ff", "##ord", "##able", "returns"]
    )
    assert list(PIECES.starts("two words")) == [0, 4]


def test_the_model_says_which_tokenizer() -> None:
    assert isinstance(tokens_of("builtin/minilm"), WordPieces)
    assert isinstance(tokens_of("openai/text-embedding-3-small"), BytePairs)
    assert tokens_of("any/model") is tokens_of("other/model")


@pytest.mark.parametrize("sign", ["\u0301", "\ufffd", "x"], ids=["accent", "unreadable", "letter"])
def test_signs_without_end_count_as_tokens(sign: str) -> None:
    assert PIECES.count("a" + sign * 4_000 + " b") >= 1_000
    assert PIECES.count(sign * 4_000) >= 1_000


def test_neither_tokenizer_opens_a_connection() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise OSError('a connection')\n"
        "socket.socket.connect = socket.create_connection = refuse\n"
        "from rag_indexer.token_counting import tokens_of\n"
        "assert [tokens_of(m).count('two words') for m in ('builtin/minilm', 'x/y')] == [2, 2]\n"
        "assert 'requests' not in sys.modules, 'tiktoken would load by itself'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("text", [ENGLISH, CROATIAN], ids=["English", "Croatian"])
def test_byte_pairs_are_as_quick_as_word_pieces(text: str) -> None:
    quickest = {}
    for name, tokens in (("pieces", PIECES), ("pairs", PAIRS)):
        seconds = []
        for _ in range(3):
            started = time.process_time()
            tokens.starts(text)
            seconds.append(time.process_time() - started)
        quickest[name] = min(seconds)
    assert quickest["pairs"] < 1.2 * quickest["pieces"]
