"""What keeps a document out, as problems: quotas, and documents that stand in its way."""

from starlette.requests import Request
from starlette.responses import Response

from gateway.keeper import NotKept
from gateway.problems import Problem, answer
from gateway.quotas import QuotaExceeded


def problem_of(error: QuotaExceeded | NotKept) -> Problem:
    """The problem for a document that is not kept."""
    if isinstance(error, QuotaExceeded):
        return Problem(403, "quota_exceeded", str(error), figures=error.figures)
    return Problem(409, error.code, str(error))


async def refused(_request: Request, error: Exception) -> Response:
    """Exception handler of documents that are not kept."""
    if isinstance(error, QuotaExceeded | NotKept):
        return answer(problem_of(error))
    raise error
