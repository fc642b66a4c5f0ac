"""Providers' vectors as unit vectors in little-endian float32."""

from __future__ import annotations

from collections.abc import Sequence

from llm_router.domain import ModelFailed


def unit_rows(rows: Sequence[Sequence[float]]) -> tuple[bytes, ...]:
    """Scale every row to length one; bad_response if rows differ in length or are zero."""
    import numpy as np

    try:
        matrix = np.asarray(rows, dtype="<f4")
    except ValueError as error:
        raise ModelFailed("bad_response", "the vectors differ in length") from error
    norms = np.linalg.norm(matrix, axis=-1, keepdims=True) if matrix.ndim == 2 else np.zeros(1)
    if not np.all(np.isfinite(norms)) or not np.all(norms > 0):
        raise ModelFailed("bad_response", "the vectors are not numbers of a direction")
    scaled = (matrix / norms).astype("<f4")
    return tuple(row.tobytes() for row in scaled)
