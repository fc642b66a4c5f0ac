"""A model whose vectors cannot be measured hides nothing, and is not measured with every search."""

from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from retriever.calibration import Calibration


class Broken:
    """A database whose vectors cannot be compared."""

    def __init__(self) -> None:
        self.asked = 0

    @asynccontextmanager
    async def transaction(self, tenant_id: Any) -> Any:
        yield tenant_id

    async def sample(self, *_asked: Any) -> Any:
        self.asked += 1
        raise ValueError("all input arrays must have the same shape")


async def test_what_cannot_be_measured_is_tried_once_a_day() -> None:
    broken, tenant_id = Broken(), uuid4()
    calibration = Calibration(broken, broken)  # type: ignore[arg-type]
    for _ in range(3):
        assert calibration.floor(tenant_id, "some/model") is None
        await calibration.settled()
    assert broken.asked == 1


@pytest.mark.parametrize("model", ["builtin/minilm"])
async def test_a_measured_model_is_not_measured_again(model: str) -> None:
    broken = Broken()
    assert Calibration(broken, broken).floor(uuid4(), model) is None  # type: ignore[arg-type]
    assert broken.asked == 0
