"""The HTTP application of the simulated providers."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from simulators.providers import anthropic_wire, cohere_wire, ollama_wire, openai_wire
from simulators.providers.answering import plan_answer
from simulators.providers.calls import Calls
from simulators.providers.playing import error_answer, hang, play
from simulators.providers.script import Script, ScriptBody, Step

SCRIPT = web.AppKey("script", Script)
CALLS = web.AppKey("calls", Calls)
_MODELS = ["sim-small", "sim-large", "sim-embed"]
_MAX_BODY_BYTES = 32 * 1024 * 1024


def create_app() -> web.Application:
    """One application that speaks all formats and is scripted over `/_sim`."""
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app[SCRIPT] = Script()
    app[CALLS] = Calls()
    app.add_routes(
        [
            web.post("/v1/chat/completions", _openai_chat),
            web.post("/v1/embeddings", _openai_embeddings),
            web.post("/v1/audio/transcriptions", _openai_transcriptions),
            web.post("/v1/rerank", _cohere_rerank),
            web.post("/v2/rerank", _cohere_rerank),
            web.get("/v1/models", _openai_models),
            web.post("/v1/messages", _anthropic_messages),
            web.post("/api/chat", _ollama_chat),
            web.post("/api/embed", _ollama_embed),
            web.post("/api/show", _ollama_show),
            web.get("/api/tags", _ollama_tags),
            web.post("/_sim/script", _set_script),
            web.get("/_sim/calls", _show_calls),
            web.delete("/_sim/calls", _forget_calls),
            web.get("/_sim/health", _health),
        ]
    )
    return app


async def _openai_chat(request: web.Request) -> web.StreamResponse:
    return await _chat(request, openai_wire)


async def _anthropic_messages(request: web.Request) -> web.StreamResponse:
    return await _chat(request, anthropic_wire)


async def _ollama_chat(request: web.Request) -> web.StreamResponse:
    return await _chat(request, ollama_wire)


async def _chat(request: web.Request, wire: ModuleType) -> web.StreamResponse:
    body = await _read_json(request)
    complaint = wire.complaint(body) if hasattr(wire, "complaint") else None
    if complaint is not None:
        refused = Step(kind="error", status=400, message=complaint)
        request.app[CALLS].add(wire.PROVIDER, request.path, request.headers, body, "refused")
        return error_answer(wire, refused)
    asked = wire.read_chat(body)
    wants_tool = bool(asked.tools) and not asked.has_tool_result
    step = request.app[SCRIPT].next_step(wire.PROVIDER, asked.model, "chat", wants_tool=wants_tool)
    call = request.app[CALLS].add(wire.PROVIDER, request.path, request.headers, body, step.kind)
    plan = plan_answer(asked, step, call["number"])
    return await play(request, wire, asked, plan, step, call)


async def _openai_embeddings(request: web.Request) -> web.Response:
    return await _embed(request, openai_wire)


async def _ollama_embed(request: web.Request) -> web.Response:
    return await _embed(request, ollama_wire)


async def _embed(request: web.Request, wire: ModuleType) -> web.Response:
    body = await _read_json(request)
    step = request.app[SCRIPT].next_step(wire.PROVIDER, str(body.get("model", "")), "embed")
    request.app[CALLS].add(wire.PROVIDER, request.path, request.headers, body, step.kind)
    if step.delay_ms:
        await asyncio.sleep(step.delay_ms / 1000)
    if step.kind == "error":
        return error_answer(wire, step)
    return _json(wire.embeddings(body))


async def _openai_transcriptions(request: web.Request) -> web.StreamResponse:
    form = {name: value async for name, value in openai_wire.read_form(await request.multipart())}
    step = request.app[SCRIPT].next_step(openai_wire.PROVIDER, str(form.get("model", "")), "listen")
    call = request.app[CALLS].add(
        openai_wire.PROVIDER, request.path, request.headers, form, step.kind
    )
    if step.delay_ms:
        await asyncio.sleep(step.delay_ms / 1000)
    if step.kind == "error":
        return error_answer(openai_wire, step)
    if step.kind == "hang":
        return await hang(call)
    refusal = openai_wire.recording_complaint(form)
    if refusal is not None:
        return error_answer(openai_wire, Step(kind="error", status=400, message=refusal))
    return _json(openai_wire.transcribed(form, step.text, tells_length=step.usage))


async def _cohere_rerank(request: web.Request) -> web.Response:
    body = await _read_json(request)
    step = request.app[SCRIPT].next_step(cohere_wire.PROVIDER, str(body.get("model", "")), "rank")
    call = request.app[CALLS].add(
        cohere_wire.PROVIDER, request.path, request.headers, body, step.kind
    )
    if step.delay_ms:
        await asyncio.sleep(step.delay_ms / 1000)
    if step.kind == "error":
        return error_answer(cohere_wire, step)
    return _json(cohere_wire.ranked(body, call["number"]))


async def _openai_models(_: web.Request) -> web.Response:
    return _json(openai_wire.models(_MODELS))


async def _ollama_show(request: web.Request) -> web.Response:
    request.app[CALLS].asides += 1
    return _json({"model_info": {}, "details": {}, "template": "{{ .Tools }}", "capabilities": []})


async def _ollama_tags(_: web.Request) -> web.Response:
    return _json({"models": [{"name": name, "model": name} for name in _MODELS]})


async def _set_script(request: web.Request) -> web.Response:
    try:
        body = ScriptBody.model_validate_json(await request.read())
    except ValidationError as invalid:
        return web.Response(status=422, text=str(invalid))
    request.app[SCRIPT].replace(body)
    return _json({"steps": request.app[SCRIPT].pending()})


async def _show_calls(request: web.Request) -> web.Response:
    limit = int(request.query.get("limit", "100"))
    report = request.app[CALLS].report(limit)
    return _json(report | {"pending_steps": request.app[SCRIPT].pending()})


async def _forget_calls(request: web.Request) -> web.Response:
    request.app[CALLS].forget()
    return web.Response(status=204)


async def _health(_: web.Request) -> web.Response:
    return _json({"status": "ok"})


async def _read_json(request: web.Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as invalid:
        raise web.HTTPBadRequest(text=f"not JSON: {invalid}") from invalid
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return body


def _json(value: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")
