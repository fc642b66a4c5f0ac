"""The same steps without a broker: one process, one database connection pool, direct calls.

`python one_process_road.py PORT RETRIEVER_DSN OWN_DSN PROVIDERS_URL META_URL SECRET TENANT`:
signature, ledger commit, message commit, embedding, hybrid search, model call, reply commit,
intent commit, Graph call, outcome commit. It answers 200 after the ledger's commit and does the
rest in a task.
What it leaves out against the platform is what the benchmark measures: queues, envelopes, inboxes
and outboxes, six more processes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response

from llm_router.domain import Model
from llm_router.minilm import MiniLM
from postgres import Database
from retriever.question_vector import QuestionVector
from retriever.search import Search
from retriever.store import Store

TABLE = """
create table if not exists bench_road (
    id bigserial primary key, what text not null, body text not null, at timestamptz default now()
)
"""


class Road:
    """The whole road of one tenant."""

    def __init__(self, arguments: list[str]) -> None:
        self.retriever_dsn, self.own_dsn, self.providers, self.meta, self.secret, tenant = arguments
        self.tenant = UUID(tenant)
        self.tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect to everything."""
        self.pool = await asyncpg.create_pool(self.own_dsn, min_size=4, max_size=12)
        await self.pool.execute(TABLE)
        self.session = aiohttp.ClientSession()
        self.minilm = MiniLM()
        await self.minilm.load()
        database = await Database.connect(self.retriever_dsn, name="bench", size_max=8)
        self.search = Search(database, Store(), self)

    async def embed(
        self, _cause: UUID, _tenant: UUID, question: str, _model: str | None
    ) -> QuestionVector:
        """In place of asking llm-router."""
        model = Model("builtin", "minilm")
        vectors = await self.minilm.embed(model, None, [question], "query", 5.0)
        values = np.frombuffer(vectors.rows[0], dtype="<f4")
        return QuestionVector("builtin/minilm", values.tolist())

    async def commit(self, what: str, body: str) -> None:
        """One durable row."""
        await self.pool.execute("insert into bench_road (what, body) values ($1, $2)", what, body)

    async def webhook(self, request: Request) -> Response:
        """As Meta calls it."""
        body = await request.body()
        wanted = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        given = request.headers.get("x-hub-signature-256", "").removeprefix("sha256=")
        if not hmac.compare_digest(wanted, given):
            return Response(status_code=401)
        await self.commit("ledger", body.decode())
        task = asyncio.create_task(self.answer(json.loads(body)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return Response(status_code=200)

    async def answer(self, body: dict) -> None:
        """From the message to the Graph call."""
        value = body["entry"][0]["changes"][0]["value"]
        message = value["messages"][0]
        question = message["text"]["body"]
        await self.commit("message", json.dumps(message))
        outcome = await self.search.find(uuid4(), self.tenant, question, 5)
        passages = "\n".join(
            f"[{n}] {p.text}" for n, p in enumerate((f.passage for f in outcome.found), 1)
        )
        prompt = [
            {"role": "system", "content": f"Answer from these passages.\n{passages}"},
            {"role": "user", "content": question},
        ]
        async with self.session.post(
            f"{self.providers}/v1/chat/completions",
            json={"model": "sim", "messages": prompt},
            headers={"Authorization": "Bearer simulated"},
        ) as reply:
            text = (await reply.json())["choices"][0]["message"]["content"]
        await self.commit("reply", text)
        await self.commit("intent", text)
        number = value["metadata"]["phone_number_id"]
        sent = {
            "messaging_product": "whatsapp",
            "to": message["from"],
            "type": "text",
            "text": {"body": text},
        }
        async with self.session.post(
            f"{self.meta}/v23.0/{number}/messages",
            json=sent,
            headers={"Authorization": "Bearer simulated-access-token"},
        ) as reply:
            await self.commit("outcome", await reply.text())


def main() -> None:
    """Serve until killed."""
    road = Road(sys.argv[2:8])

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await road.open()
        yield

    app = FastAPI(openapi_url=None, lifespan=life)
    app.post("/webhooks/whatsapp")(road.webhook)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
