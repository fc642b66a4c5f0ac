"""The state of a tenant's index at one revision, and what of it a search may see. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Seen:
    """The versions one search may see, and the segments that hold their words."""

    allowed: NDArray[np.int64]
    """Version ids, ascending."""
