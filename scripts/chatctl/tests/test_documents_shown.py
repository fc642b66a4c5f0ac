"""Documents on their way, searches that explain themselves, filters, and files in pieces."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import typer
from rich.console import Console

from chatctl import document_progress, gateway_api, large_files
from chatctl.command_documents import _files
from chatctl.command_search import filter_of
from chatctl.document_progress import DocumentBars, stage_words, watch
from chatctl.document_view import documents_table, use_table, versions_table
from chatctl.gateway_api import ApiProblem
from chatctl.large_files import Places, send_in_pieces
from chatctl.search_view import print_explained, print_found


def screen() -> Console:
    return Console(file=io.StringIO(), width=200, highlight=False)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def document(stage: str, **more: Any) -> dict[str, Any]:
    return {"document_id": "d-1", "title": "T", "stage": stage, "percent": 40, "passages": 3,
            "code": None, "detail": None, **more}  # fmt: skip


def test_a_stage_is_told_with_what_is_counted_there() -> None:
    work = {"pages_done": 3, "pages_total": 9, "passages_done": None, "passages_total": None}
    assert stage_words(document("reading", work=work)) == "reading 3 of 9 pages"
    assert stage_words(document("embedding", work=work)) == "embedding"
    waiting = document("embedding", detail="Waiting for the [model].")
    assert stage_words(waiting) == "embedding: Waiting for the \\[model]."


async def test_who_waits_sees_each_document_end_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(document_progress, "LOOK_SECONDS", 0)
    states = {
        "a": [document("reading"), document("ready")],
        "b": [document("failed", code="encrypted", detail="Save it without [a] password.")],
    }

    class Api:
        async def get(self, path: str) -> Any:
            key = path.rsplit("/", 1)[1]
            if key not in states:
                raise ApiProblem(404, {"code": "not_found"})
            return states[key].pop(0)

    console = screen()
    with DocumentBars(console) as bars:
        for name in "abc":
            bars.begin(name, f"{name}.pdf")
        await watch(Api(), "/documents", {name: name for name in "abc"}, bars)  # type: ignore[arg-type]
    assert (bars.outcome.ready, bars.outcome.failed) == (1, 2)
    said = shown(console)
    assert "✓ a.pdf  d-1  3 passages" in said
    assert "✗ b.pdf  encrypted: Save it without [a] password." in said
    assert "✗ c.pdf  it was deleted meanwhile" in said


def test_tables_show_states_versions_and_use() -> None:
    console = screen()
    failed = document("failed", code="no_text", detail="It is a [scan].", tags=["a"])
    console.print(documents_table([failed, document("ready", enabled=False)]))
    version = {
        "document_version": 2, "state": "kept", "passages": 9, "passages_reused": 7,
        "file_name": "a.md", "created_at": "2026-11-23T00:00:00.5Z", "live_at": None, "code": None,
        "chunking": {"strategy": "headings", "tokens": 256, "overlap_tokens": 40,
                     "parent_tokens": 1024},
    }  # fmt: skip
    console.print(versions_table([version]))
    use = {
        "documents": 3, "size_bytes": 1_500_000, "passages": 7, "tokens": 900,
        "stages": {"ready": 3}, "embedding_cost_usd": None,
        "quotas": {"documents": 10, "size_bytes": 2_000_000, "passages": None},
    }  # fmt: skip
    console.print(use_table(use))
    said = shown(console)
    for words in (
        "failed no_text", "It is a [scan].", "disabled", "kept", "parents of 1024",
        "1,500,000", "2,000,000", "unknown",
    ):  # fmt: skip
        assert words in said, words


def test_a_search_says_what_was_searched_and_which_rule_cut_what() -> None:
    candidate = {
        "passage_id": "p-00000001", "document_id": "d-1", "keyword_rank": 1, "keyword_score": 7.5,
        "coverage": 0.5, "vector_rank": None, "vector_score": None, "fused_rank": 1,
        "fused_score": 0.4, "rerank_rank": None, "rerank_score": None, "cut_by": "below_threshold",
    }  # fmt: skip
    explained = {
        "query": "Where [is] it?", "language": None, "keyword_method": "rows, k1 1.2",
        "vector_method": "exact, 12 passages", "fusion": "rrf, k 60", "reranker": "none",
        "threshold": "0.31 for minilm", "terms": [{
            "word": "whear", "term": "where", "configuration": "english", "passages": 2,
            "idf": 1.5, "corrected_from": "whear",
        }], "candidates": [candidate], "cuts": {"below_threshold": 1},
        "milliseconds": {"keywords": 1.25},
        "index": {
            "revision": 1, "documents": 5, "documents_searched": 2, "documents_disabled": 1,
            "documents_expired": 0, "documents_filtered": 2, "passages_searched": 12,
            "models": ["builtin/minilm"],
        },
    }  # fmt: skip
    found = {
        "passages": [], "reason": "below_threshold", "cause": "below_threshold",
        "cause_detail": "The best passage has 0.2.", "degraded": True, "milliseconds": 3.0,
        "explained": explained,
    }  # fmt: skip
    console = screen()
    print_found(console, found)
    print_explained(console, found)
    said = shown(console)
    for words in (
        "nothing: below_threshold. The best passage has 0.2.", "Where [is] it?", "only keywords",
        "2 of 5 documents (1 disabled, 2 filtered), 12 passages", "whear → where", "7.500 (1.)",
        "50%", "too unlike", "0.31 for minilm", "1 below_threshold", "keywords 1.2, all 3.0",
    ):  # fmt: skip
        assert words in said, words


def test_filters_are_read_as_they_are_written() -> None:
    given = ["tag=a", "tag=b", "kind=qa", "shop=Zagreb=1"]
    assert filter_of(given) == {
        "tags_any": ["a", "b"], "kinds": ["qa"],
        "metadata": [{"name": "shop", "value": "Zagreb=1"}],
    }  # fmt: skip
    for wrong in ("tag", "=x", "tag="):
        with pytest.raises(typer.BadParameter):
            filter_of([wrong])


def test_folders_give_the_files_that_can_be_read(tmp_path: Path) -> None:
    for name in ("b.md", "a.pdf", "deep/c.XLSX", "photo.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [path.name for path in _files([tmp_path, tmp_path / "photo.png"])]
    assert found == ["a.pdf", "b.md", "c.XLSX", "photo.png"], "what is named is always sent"


class Server:
    """The protocol as the gateway speaks it, with accidents."""

    def __init__(self, accidents: list[BaseException]) -> None:
        self.data = b""
        self.accidents = accidents
        self.begun = 0

    async def exchange(self, method: str, path: str, **arguments: Any) -> Any:
        headers = arguments["headers"]
        if method == "POST":
            self.begun += 1
            self.size = int(headers["Upload-Length"])
            assert base64.b64encode(b"large.pdf").decode() in headers["Upload-Metadata"]
            return None, {"Location": "/uploads/1"}
        if method == "PATCH":
            if self.accidents:
                raise self.accidents.pop()
            assert int(headers["Upload-Offset"]) == len(self.data)
            digest = hashlib.sha256(arguments["data"]).digest()
            assert headers["Upload-Checksum"] == f"sha256 {base64.b64encode(digest).decode()}"
            self.data += arguments["data"]
        done = {"Chat-Document-Id": "d-1"} if len(self.data) == self.size else {}
        return None, {"Upload-Offset": str(len(self.data)), **done}


async def test_a_large_file_goes_on_after_accidents_and_in_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_files, "PIECE_BYTES", 1000)
    monkeypatch.setattr(large_files, "PAUSE_SECONDS_MAX", 0)
    file, places = tmp_path / "large.pdf", Places(tmp_path / "uploads.json")
    file.write_bytes(bytes(range(250)) * 10)
    seen: list[int] = []
    server = Server([aiohttp.ClientError(), ApiProblem(423, {})])

    async def send() -> str:
        return await send_in_pieces(
            server, "/uploads", file, {}, places, lambda done, _: seen.append(done)  # type: ignore[arg-type]
        )  # fmt: skip

    server.accidents.insert(0, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        await send()
    assert await send() == "d-1"
    assert (server.data, server.begun) == (file.read_bytes(), 1)
    assert seen[-1] == 2500
    refused = Server([ApiProblem(415, {"code": "type_mismatch"})])
    server = refused
    with pytest.raises(ApiProblem, match="type_mismatch"):
        await send()
    assert places.find("") is None
    assert "uploads/1" not in (tmp_path / "uploads.json").read_text()


async def test_who_is_asked_too_often_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None:
        return None

    monkeypatch.setattr(gateway_api.asyncio, "sleep", at_once)
    answers: list[Any] = [ApiProblem(429, {}), ApiProblem(429, {}), "found", ApiProblem(404, {})]

    async def ask() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, ApiProblem):
            raise answer
        return answer

    assert await gateway_api.patiently(ask) == "found"
    with pytest.raises(ApiProblem, match="404"):
        await gateway_api.patiently(ask)
