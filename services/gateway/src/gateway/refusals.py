"""What keeps a document out, as problems: quotas, and bytes that another document has."""

from starlette.requests import Request
from starlette.responses import Response

from gateway.keeper import SameContent
from gateway.problems import Problem, answer
from gateway.quotas import QuotaExceeded


def problem_of(error: QuotaExceeded | SameContent) -> Problem:
    """The problem for a document that is not kept."""
    if isinstance(error, QuotaExceeded):
        return Problem(403, "quota_exceeded", str(error), figures=error.figures)
    detail = f"Document {error.document_id} has these bytes already; delete it first."
    return Problem(409, "same_content", detail)


async def refused(_request: Request, error: Exception) -> Response:
    """Exception handler of documents that are not kept."""
    if isinstance(error, QuotaExceeded | SameContent):
        return answer(problem_of(error))
    raise error
