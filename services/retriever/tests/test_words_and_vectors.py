"""Languages and vectors at the edge of the index."""

import base64

import numpy as np
import pytest

from retriever.language import configuration_of
from retriever.vector_text import InvalidVector, decode_vector, flatten_vectors


@pytest.mark.parametrize(
    ("language", "configuration"),
    [
        ("en", "english"),
        ("EN-gb", "english"),
        ("pt-BR", "portuguese"),
        ("nb", "norwegian"),
        ("hr", "serbian"),
        ("bs-BA", "serbian"),
        ("cs", "simple"),
        ("und", "simple"),
        ("", "simple"),
    ],
)
def test_each_language_has_its_stemmer(language: str, configuration: str) -> None:
    assert configuration_of(language) == configuration


def wire(values: list[float]) -> str:
    return base64.b64encode(np.array(values, dtype="<f4").tobytes()).decode()


def test_vectors_come_back_as_they_were() -> None:
    assert decode_vector(wire([0.5, -0.25]), 2).tolist() == [0.5, -0.25]
    assert flatten_vectors([wire([1, 2]), wire([3, 4])], 2) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "text",
    [
        wire([1.0]),
        wire([1.0, 2.0, 3.0]),
        wire([float("nan"), 1.0]),
        wire([float("inf"), 1.0]),
        wire([0.0, 0.0]),
        "!!!",
        base64.b64encode(b"seven b").decode(),
    ],
)
def test_what_is_no_vector_is_refused(text: str) -> None:
    with pytest.raises(InvalidVector):
        decode_vector(text, 2)
