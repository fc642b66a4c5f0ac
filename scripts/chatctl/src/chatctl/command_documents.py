"""docs: add, list, show, rm, replace, versions, rollback, reindex, tag, enable, disable."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from chatctl.cli import app, console, with_api
from chatctl.document_progress import DocumentBars, watch
from chatctl.document_view import document_table, documents_table, passage_head, versions_table
from chatctl.gateway_api import ApiProblem, GatewayApi, patiently
from chatctl.large_files import Places, is_large, send_in_pieces
from chatctl.run_folder import RunFolder

docs = typer.Typer(no_args_is_help=True, help="The tenant's documents.")
app.add_typer(docs, name="docs")

GUESSES = {".md": "text/markdown", ".markdown": "text/markdown", ".txt": "text/plain"}
KINDS = frozenset(
    {".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".tsv", ".html", ".htm", ".txt", ".md"}
)
SENT_AT_ONCE = 4

TAGS = typer.Option("--tag", "-t", help="For filters; may be given more than once.")
LANGUAGE = typer.Option(help="BCP 47, for example hr; told from the words if absent.")
ONE = typer.Argument(help="document_id", metavar="DOCUMENT")


@docs.command("add")
def add(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files, or folders of them.", exists=True),
    ],
    wait: Annotated[bool, typer.Option(help="Wait until they can be found.")] = True,
    tag: Annotated[list[str] | None, TAGS] = None,
    language: Annotated[str, LANGUAGE] = "",
    expires: Annotated[
        datetime | None, typer.Option(help="From then on searches do not see them.")
    ] = None,
    external_id: Annotated[
        str, typer.Option(help="Your own id: the same again replaces the document (one file).")
    ] = "",
) -> None:
    """Upload documents; large ones go in pieces, and go on where they stopped."""
    files = list(_files(paths))
    fields = _fields(tag, language, expires, external_id if len(files) == 1 else "")

    async def work(api: GatewayApi, state: dict[str, Any]) -> int:
        place = documents_of(state)
        turns = asyncio.Semaphore(SENT_AT_ONCE)
        with DocumentBars(console) as bars:
            for path in files:
                bars.begin(str(path), path.name)

            async def one(path: Path) -> tuple[str, str] | None:
                async with turns:
                    return await _sent(api, place, path, fields, bars)

            sent = dict(filter(None, await asyncio.gather(*map(one, files))))
            if wait:
                await watch(api, place, sent, bars)
            else:
                for key, document_id in sent.items():
                    bars.sent(key, document_id)
        return bars.outcome.failed

    if with_api(work):
        raise typer.Exit(1)
    if wait:
        console.print("They can be asked about now.")


@docs.command("list")
def list_documents(
    stage: Annotated[str, typer.Option(help="ready, failed, embedding …")] = "",
    kind: Annotated[str, typer.Option(help="file, text, qa or web.")] = "",
    tag: Annotated[str, typer.Option(help="Only with this tag.")] = "",
    words: Annotated[str, typer.Option(help="Only with this in title or file name.")] = "",
) -> None:
    """List the documents and their states."""
    wish = {"stage": stage, "kind": kind, "tag": tag, "words": words}

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        query = {name: text for name, text in wish.items() if text}
        found = [each async for each in api.every(documents_of(state), **query)]
        console.print(documents_table(found))

    with_api(work)


@docs.command("show")
def show(
    document_id: Annotated[str, ONE],
    passages: Annotated[bool, typer.Option("--passages", help="How it was split.")] = False,
) -> None:
    """Show everything that is known of a document."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = f"{documents_of(state)}/{document_id}"
        console.print(document_table(await api.get(place)))
        if passages:
            async for passage in api.every(f"{place}/passages"):
                console.print(f"\n{passage_head(passage)}", markup=False)
                console.print(passage["text"], markup=False)

    with_api(work)


@docs.command("rm")
def remove(document_ids: Annotated[list[str], ONE]) -> None:
    """Delete documents; the next question cannot see them."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        for document_id in document_ids:
            await api.delete(f"{documents_of(state)}/{document_id}")

    with_api(work)


@docs.command("get")
def download(
    document_id: Annotated[str, ONE],
    target: Annotated[Path, typer.Argument(help="File to write.")],
    version: Annotated[int, typer.Option(help="Of an earlier version.")] = 0,
) -> None:
    """Save a document's bytes as they were uploaded."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        query = {"document_version": version} if version else {}
        with target.open("wb") as file:
            await api.download(f"{documents_of(state)}/{document_id}/content", file, **query)

    with_api(work)


@docs.command("replace")
def replace(
    document_id: Annotated[str, ONE],
    path: Annotated[Path, typer.Argument(help="The new file.", exists=True, dir_okay=False)],
    wait: Annotated[bool, typer.Option(help="Wait until it can be found.")] = True,
) -> None:
    """Replace a document's file; the old version answers until the new one is whole."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> int:
        place = documents_of(state)
        with DocumentBars(console) as bars:
            bars.begin(document_id, path.name)
            data = await asyncio.to_thread(path.read_bytes)
            await api.upload(
                f"{place}/{document_id}/content", path.name, data, _type_of(path), method="PUT"
            )
            if wait:
                await watch(api, place, {document_id: document_id}, bars)
        return bars.outcome.failed

    if with_api(work):
        raise typer.Exit(1)


@docs.command("versions")
def versions(document_id: Annotated[str, ONE]) -> None:
    """List a document's versions; one that is kept can be brought back."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        answer = await api.get(f"{documents_of(state)}/{document_id}/versions")
        console.print(versions_table(answer["items"]))

    with_api(work)


@docs.command("rollback")
def roll_back(
    document_id: Annotated[str, ONE],
    version: Annotated[int, typer.Option(help="Default: the one before.")] = 0,
) -> None:
    """Bring the version before back."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        body = {"document_version": version} if version else {}
        answer = await api.post(f"{documents_of(state)}/{document_id}/rollback", body)
        console.print(f"version {answer['document_version']} answers now")

    with_api(work)


@docs.command("reindex")
def reindex(
    document_id: Annotated[str, typer.Argument(help="document_id")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every document.")] = False,
) -> None:
    """Read, split and embed a document again, or all of them; the old versions answer meanwhile."""
    if bool(document_id) == everything:
        raise typer.BadParameter("name one document, or say --all")

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        place = documents_of(state)
        one = f"{place}/{document_id}" if document_id else place
        answer = await api.call("POST", f"{one}/reindex")
        if everything:
            console.print(f"{answer['documents']} documents are on their way")

    with_api(work)


@docs.command("tag")
def tag_document(
    document_id: Annotated[str, ONE],
    tags: Annotated[
        list[str] | None, typer.Argument(help="All of its tags; none: no tags.")
    ] = None,
) -> None:
    """Set a document's tags."""
    _change(document_id, {"tags": tags or []})


@docs.command("enable")
def enable(document_id: Annotated[str, ONE]) -> None:
    """Let searches see a document again."""
    _change(document_id, {"enabled": True})


@docs.command("disable")
def disable(document_id: Annotated[str, ONE]) -> None:
    """Hide a document from searches; it stays."""
    _change(document_id, {"enabled": False})


def documents_of(state: Mapping[str, Any]) -> str:
    """Where the tenant's documents are in the API."""
    return f"/api/tenants/{state['CHAT_TENANT_ID']}/documents"


def _change(document_id: str, body: dict[str, Any]) -> None:
    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        console.print(document_table(await api.patch(f"{documents_of(state)}/{document_id}", body)))

    with_api(work)


def _files(paths: list[Path]) -> Iterator[Path]:
    """The files that are named, and those of folders that can be read."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            if found.is_file() and found.suffix.lower() in KINDS:
                yield found


def _fields(
    tags: list[str] | None, language: str, expires: datetime | None, external_id: str
) -> dict[str, str]:
    fields = {
        "tags": ",".join(tags or ()),
        "language": language,
        "expires_at": expires.astimezone().isoformat() if expires else "",
        "external_id": external_id,
    }
    return {name: text for name, text in fields.items() if text}


def _type_of(path: Path) -> str:
    guess = GUESSES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    return guess or "application/octet-stream"


async def _sent(
    api: GatewayApi, documents: str, path: Path, fields: Mapping[str, str], bars: DocumentBars
) -> tuple[str, str] | None:
    """Key and id of a document that was taken; a refusal is shown."""
    key = str(path)
    try:
        if is_large(path):
            uploads = documents.removesuffix("documents") + "uploads"
            places = Places(RunFolder.default().path / "uploads.json")
            show = partial(bars.sending, key)
            document_id = await send_in_pieces(api, uploads, path, fields, places, show)
        else:
            bars.sending(key, 0, 1)
            data = await asyncio.to_thread(path.read_bytes)
            kind = _type_of(path)
            send = partial(api.upload, documents, path.name, data, kind, fields=fields)
            made = await patiently(send)
            document_id = str(made["document_id"])
    except (ApiProblem, OSError, TimeoutError, aiohttp.ClientError) as problem:
        bars.fail(key, str(problem) or type(problem).__name__)
        return None
    return key, document_id
