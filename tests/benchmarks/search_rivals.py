"""The other ways of searching the same passages: plain pgvector, GIN ranking, rows, LangChain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from search_data import Question

LANGCHAIN = "langchain-postgres==0.0.19"

PLAIN = """
select passage_key from vectors
where tenant_id = $1::uuid and dimensions = 384
order by embedding::halfvec(384) <=> $2::real[]::halfvec(384)
limit 10
"""

GIN_TABLE = """
create table gin_passages as
select passage_key, tenant_id, to_tsvector('english', 'Abstracts' || E'\\n' || text) as words
from passages;
create index on gin_passages using gin (words);
create index on gin_passages (tenant_id);
"""

GIN_OR = """
with asked as (
    select replace(plainto_tsquery('english', $2::text)::text, '&', '|')::tsquery as words
)
select passage_key from gin_passages, asked
where tenant_id = $1::uuid and gin_passages.words @@ asked.words
order by ts_rank(gin_passages.words, asked.words) desc
limit 100
"""

LANGCHAIN_TABLE = """
create table langchain_passages (
    langchain_id uuid primary key,
    content text not null,
    embedding vector(384) not null,
    tenant_id text,
    langchain_metadata json,
    content_tsv tsvector
);
insert into langchain_passages
select passage_id, text, embedding::vector(384), passages.tenant_id::text, '{}',
       gin_passages.words
from passages join vectors using (passage_key) join gin_passages using (passage_key);
create index on langchain_passages using hnsw (embedding vector_cosine_ops);
create index on langchain_passages using gin (content_tsv);
create index on langchain_passages (tenant_id);
"""

ROWS_TABLE = """
create table row_postings (
    tenant_id uuid, term text, passage_key bigint, frequency real, length real
);
insert into row_postings
select tenant_id, lexeme, passage_key, cardinality(positions),
       sum(cardinality(positions)) over (partition by passage_key)
from gin_passages cross join lateral unnest(words)
where tenant_id = any ($1::uuid[]);
"""

ROWS_INDEX = """
alter table row_postings add primary key (tenant_id, term, passage_key)
    include (frequency, length)
"""

ROWS = """
with whole as materialized (
    select sum(passages)::float8 as passages,
           sum(terms)::float8 / sum(passages) as mean_length
    from document_versions where tenant_id = $1::uuid and state = 'live'
), asked as materialized (
    select lexeme as term, cardinality(positions)::float8 as times
    from unnest(to_tsvector('english', $2::text))
), hits as materialized (
    select asked.term, asked.times, posting.passage_key, posting.frequency, posting.length
    from asked
    cross join lateral (
        select passage_key, frequency, length from row_postings
        where tenant_id = $1::uuid and term = asked.term offset 0) as posting
), counted as materialized (
    select term, count(*)::float8 as held from hits group by term
)
select passage_key,
       sum(times * ln(1 + (passages - held + 0.5) / (held + 0.5)) * 2.2 * frequency
           / (frequency + 0.3 + 0.9 / mean_length * length)) as score
from hits join counted using (term) cross join whole
group by passage_key
order by score desc, passage_key
limit 100
"""


async def make_rivals(admin: Any) -> None:
    """Tables and indexes of all but the rows."""
    for script in (GIN_TABLE, LANGCHAIN_TABLE):
        for statement in script.split(";"):
            if statement.strip():
                await admin.execute(statement, timeout=3_600)
    for table in ("gin_passages", "langchain_passages"):
        await admin.execute(f"vacuum analyze {table}", timeout=3_600)


async def make_rows(admin: Any, tenants: list[Any]) -> None:
    """Postings as rows, of these tenants alone: there are many."""
    create, insert, _ = ROWS_TABLE.split(";")
    await admin.execute(create)
    await admin.execute(insert, tenants, timeout=3_600)
    await admin.execute(ROWS_INDEX, timeout=3_600)
    await admin.execute("vacuum analyze row_postings", timeout=3_600)


class LangChain:
    """The store in a process of its own; `why_not` says why it could not be made."""

    def __init__(self, url: str) -> None:
        self.why_not: str | None = None
        self._process: subprocess.Popen[str] | None = None
        try:
            python = _environment()
        except (OSError, subprocess.SubprocessError) as failure:
            self.why_not = f"{LANGCHAIN} could not be installed ({type(failure).__name__})"
            return
        parts = urlsplit(url)
        address = f"postgresql+asyncpg://{parts.netloc}{parts.path}"
        self._process = subprocess.Popen(
            [python, str(Path(__file__).with_name("langchain_search.py")), address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not self._read():
            self.why_not = "its process ended; see above"

    def ask(self, tenant_id: object, question: Question) -> float:
        """Milliseconds of one search, as measured in its process."""
        assert self._process is not None
        assert self._process.stdin is not None
        line = {
            "tenant": str(tenant_id),
            "text": question.text,
            "vector": np.asarray(question.vector, float).tolist(),
        }
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return float(self._read()["ms"])

    def close(self) -> None:
        """End its process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _read(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else {}


def _environment() -> str:
    """The Python of an environment with LangChain, made once beside the temporary files."""
    given = os.environ.get("CHAT_BENCH_LANGCHAIN_PYTHON")
    if given:
        return given
    folder = Path(tempfile.gettempdir()) / "chat-benchmark-langchain"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        command = [str(python), "-m", "pip", "install", "-q", LANGCHAIN, "numpy"]
        subprocess.run(command, check=True, timeout=600)
        (folder / "made").touch()
    return str(python)
