"""What happens around every API route: who asks, how often, with what kind of body, repeated?"""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import nullcontext
from typing import Any, ClassVar, Final

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.parts import Parts
from gateway.json_bodies import BYTES_MAX, JsonRequest
from gateway.problems import Problem
from gateway.repeats import tenant_of
from gateway.turns import Turns

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
MULTIPART: Final = "multipart/form-data"
LARGE_JSON_BYTES_MAX: Final = 24 * 1024 * 1024

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """Admission before anything of the body is read, strict JSON, idempotency keys."""

    json_bytes_max: ClassVar[int] = BYTES_MAX
    turns: ClassVar[Turns | None] = None
    every_key: ClassVar[bool] = False
    only_reads: ClassVar[bool] = False

    def get_route_handler(self) -> Handler:
        """Wrap the route's own handler."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None
        turns, bytes_max, every_key = self.turns, self.json_bytes_max, self.every_key
        only_reads = self.only_reads
        takes_form = _takes_form(self.openapi_extra)
        known = {field.alias for field in self.dependant.query_params}

        async def guarded(plain: Request) -> Response:
            request = JsonRequest(plain.scope, plain.receive)
            parts: Parts = request.app.state.parts
            principal = await parts.door.admit(request, every_key=every_key, only_reads=only_reads)
            request.state.principal = principal
            refuse_unknown(request, known)
            if takes_form:
                refuse_other_than_form(request)
                return await handle(request)
            if request.method in _WITH_BODY:
                await refuse_other_types(request, takes_json)
            request.bytes_max = bytes_max
            async with turns.of(str(tenant_of(request))) if turns else nullcontext():
                return await parts.repeats.once(
                    request, principal, await request.body(), lambda: handle(request)
                )

        return guarded


class EveryKeyRoute(GuardedRoute):
    """The same for what any key may ask, whosever it is."""

    every_key = True


class AskingRoute(GuardedRoute):
    """The same for questions that are too long for an address: a POST that changes nothing."""

    only_reads = True


class LargeJsonRoute(GuardedRoute):
    """The same for bodies of many texts, of which a tenant may send a few at once."""

    json_bytes_max = LARGE_JSON_BYTES_MAX
    turns = Turns(4)


class StreamRoute(GuardedRoute):
    """Admission, and then a handler that reads the body itself, as it comes."""

    answer_headers: ClassVar[Mapping[str, str]] = {}

    def get_route_handler(self) -> Handler:
        """Wrap the route's own handler."""
        handle = APIRoute.get_route_handler(self)
        known = {field.alias for field in self.dependant.query_params}

        async def guarded(request: Request) -> Response:
            parts: Parts = request.app.state.parts
            try:
                request.state.principal = await parts.door.admit(request)
                refuse_unknown(request, known)
                response = await handle(request)
            except HTTPException as error:
                error.headers = {**(error.headers or {}), **self.answer_headers}
                raise
            response.headers.update(self.answer_headers)
            return response

        return guarded


class OpenRoute(APIRoute):
    """Strict JSON for those who need no key: the widget."""

    def get_route_handler(self) -> Handler:
        """Wrap the route's own handler."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None

        async def guarded(plain: Request) -> Response:
            request = JsonRequest(plain.scope, plain.receive)
            if request.method in _WITH_BODY:
                await refuse_other_types(request, takes_json)
            return await handle(request)

        return guarded


def _takes_form(openapi_extra: dict[str, Any] | None) -> bool:
    body = (openapi_extra or {}).get("requestBody", {})
    return MULTIPART in body.get("content", {})


def refuse_unknown(request: Request, known: set[str]) -> None:
    """422 for a query parameter that the route does not have: a misspelt filter filters nothing."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        detail = "This address has no such parameter."
        errors = [{"field": f"query.{name[:64]}", "detail": detail} for name in unknown[:50]]
        raise Problem(422, "invalid", "A query parameter is not known here.", errors=errors)


def refuse_other_than_form(request: Request) -> None:
    """415 for a body that is no form with files."""
    if media_type(request) != MULTIPART:
        raise Problem(415, "unsupported_media_type", f"Send the file as {MULTIPART}.")


def media_type(request: Request) -> str:
    """The content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def refuse_other_types(request: JsonRequest, takes_json: bool) -> None:
    """415 for a body that is not JSON, where JSON is expected; 415 for any content encoding."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported_encoding", "Send the body without content encoding.")
    if not takes_json:
        return
    if media_type(request) != "application/json":
        raise Problem(
            415, "unsupported_media_type", "Send JSON with Content-Type: application/json."
        )
