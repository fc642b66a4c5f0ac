"""Vectors on the wire: little-endian float32 values in base64."""

import base64
import binascii
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class InvalidVector(ValueError):
    """The text is no vector of the announced length, or holds a value that is not finite."""


def decode_vector(text: str, dimensions: int) -> NDArray[np.float32]:
    """The values; raises `InvalidVector`."""
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    except (binascii.Error, ValueError) as damage:
        raise InvalidVector("not base64 of float32 values") from damage
    if values.size != dimensions:
        raise InvalidVector(f"{values.size} values where {dimensions} were announced")
    if not np.isfinite(values).all() or not values.any():
        raise InvalidVector("a vector that has no direction")
    return values.astype(np.float32)


def flatten_vectors(texts: Iterable[str], dimensions: int) -> list[float]:
    """The values of many vectors, one after another, as one array for Postgres."""
    return [value for text in texts for value in decode_vector(text, dimensions).tolist()]
