"""What the intake is measured against: a FastAPI route that answers 200, and one that commits.

`python bare_routes.py PORT [POSTGRES_URL]`: `/bare` reads the body and answers; `/commit` also
inserts it durably in a transaction of its own.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from fastapi import FastAPI, Request, Response

TABLE = "create table if not exists bench_bodies (id bigserial primary key, body bytea not null)"


def application(database_url: str) -> FastAPI:
    """The two routes."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database_url, min_size=8, max_size=12) as pool:
            await pool.execute(TABLE)
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=life, openapi_url=None)

    @app.post("/bare")
    async def bare(request: Request) -> Response:
        await request.body()
        return Response(status_code=200)

    @app.post("/commit")
    async def commit(request: Request) -> Response:
        body = await request.body()
        await request.app.state.pool.execute("insert into bench_bodies (body) values ($1)", body)
        return Response(status_code=200)

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
    )
