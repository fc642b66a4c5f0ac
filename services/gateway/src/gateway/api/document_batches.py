"""Many files in one form: each with its own outcome."""

import hashlib
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from contracts.v1.documents import Document
from gateway import problems, refusals
from gateway.api.document_forms import (
    FIELDS,
    DocumentForm,
    form_schema,
    read_fields,
    stored,
    wanted_of,
)
from gateway.api.documents import kept
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, Parts, With
from gateway.door import Principal
from gateway.keeper import NotKept
from gateway.quotas import QuotaExceeded
from gateway.repeats import HEADER, new_id
from gateway.upload_forms import ArrivedForm, FormRule, Receiving, safe_name

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/documents", tags=["documents"], route_class=GuardedRoute
)

FILES_MAX: Final = 20
_FILES_OF_FULL_SIZE: Final = 8
_READ_SECONDS_MAX: Final = 600.0
_RECEIVING: Final = Receiving(of_sender=2, in_memory=2)
_FIELDS: Final = {k: v for k, v in FIELDS.items() if k not in {"title", "external_id"}}


class FileOutcome(BaseModel):
    """What became of a file."""

    file_name: str
    status: int = Field(description="As if it had been uploaded alone: 201, 200, 403, 413, 415 …")
    document: Document | None = Field(description="The document, where there is one.")
    problem: dict[str, Any] | None = Field(description="Why there is none.")


class FileOutcomes(BaseModel):
    """What became of the files, in the order in which they were sent."""

    items: list[FileOutcome]


@router.post(
    "/batch",
    status_code=207,
    response_model=FileOutcomes,
    openapi_extra=form_schema("20 files of 25 MB, 200 MB in all.", many=True),
)
async def upload_documents(tenant_id: UUID, request: Request, parts: With, who: Caller) -> Response:
    """Upload up to 20 files; a file that is refused keeps no other out."""
    bytes_max = parts.settings.upload_bytes_max * _FILES_OF_FULL_SIZE
    rule = FormRule(bytes_max, _FIELDS, files_max=FILES_MAX, seconds_max=_READ_SECONDS_MAX)
    async with _RECEIVING.form(request, str(tenant_id), rule) as arrived:
        said = read_fields(arrived.fields)

        async def answer() -> Response:
            items = [
                await _one(parts, who, tenant_id, request, arrived, file, said)
                for file in arrived.files
            ]
            return JSONResponse({"items": items}, status_code=207)

        content = await _fingerprint(request, arrived)
        return await parts.repeats.once(request, who, content, answer)


async def _one(
    parts: Parts,
    who: Principal,
    tenant_id: UUID,
    request: Request,
    arrived: ArrivedForm,
    file: UploadFile,
    said: DocumentForm,
) -> dict[str, Any]:
    name = safe_name(file.filename or "")
    try:
        async with _RECEIVING.opened(arrived, file, parts.settings.upload_bytes_max) as form:
            content = await stored(parts.blobs, form, said)
        document_id = new_id(request, who, f"document\0{content.sha256}")
        status, body = await kept(parts, who, tenant_id, wanted_of(document_id, content, said))
    except (HTTPException, QuotaExceeded, NotKept) as error:
        problem = (
            problems.of_http_error(error)
            if isinstance(error, HTTPException)
            else refusals.problem_of(error)
        )
        told = orjson.loads(problems.body_of(problem))
        return {
            "file_name": name,
            "status": problem.status_code,
            "document": None,
            "problem": told,
        }
    return {"file_name": name, "status": status, "document": body, "problem": None}


async def _fingerprint(request: Request, arrived: ArrivedForm) -> bytes:
    """What makes two of these requests the same; only needed where a key is given."""
    if HEADER not in request.headers:
        return b""
    digest = hashlib.sha256(orjson.dumps(arrived.fields, option=orjson.OPT_SORT_KEYS))
    for file in arrived.files:
        while piece := await file.read(1024 * 1024):
            digest.update(piece)
        await file.seek(0)
    return digest.digest()
