"""Refused fields in the words that callers read."""

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from gateway.api.conversations import ConversationChange
from gateway.problems import of_validation


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "nothing is to change"),
        ({"bogus": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_rule_is_told_without_the_framework_around_it(
    body: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        ConversationChange.model_validate(body)
    problem = of_validation(RequestValidationError(refused.value.errors()))
    assert (problem.status_code, problem.code) == (422, "invalid")
    assert sentence in [error["detail"] for error in problem.errors]
