"""LangChain's PGVectorStore over the benchmark's table; runs in an environment of its own.

Reads lines of {"tenant", "text", "vector"} and answers each with {"ms", "found"}.
"""

import json
import sys
import time
from typing import Any

from langchain_core.embeddings import Embeddings  # type: ignore[import-not-found]
from langchain_postgres import PGEngine, PGVectorStore  # type: ignore[import-not-found]
from langchain_postgres.v2.hybrid_search_config import (  # type: ignore[import-not-found]
    HybridSearchConfig,
)

CANDIDATES = 100
GIVEN = 10


class Known(Embeddings):  # type: ignore[misc]
    """The vector that came with the question."""

    vector: list[float]

    def embed_query(self, text: str) -> list[float]:
        return self.vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.vector for _ in texts]


def main() -> None:
    known = Known()
    store: Any = PGVectorStore.create_sync(
        PGEngine.from_connection_string(sys.argv[1]),
        known,
        "langchain_passages",
        metadata_columns=["tenant_id"],
        hybrid_search_config=HybridSearchConfig(
            tsv_column="content_tsv", primary_top_k=CANDIDATES, secondary_top_k=CANDIDATES
        ),
    )
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        known.vector = asked["vector"]
        started = time.perf_counter()
        found = store.similarity_search(
            asked["text"], k=GIVEN, filter={"tenant_id": asked["tenant"]}
        )
        seconds = time.perf_counter() - started
        print(json.dumps({"ms": seconds * 1000, "found": len(found)}), flush=True)


if __name__ == "__main__":
    main()
