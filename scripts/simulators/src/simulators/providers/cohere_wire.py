"""Cohere's rerank format: `/v1/rerank` and `/v2/rerank`."""

from __future__ import annotations

import re
from typing import Any

PROVIDER = "cohere"
_SEARCH_DOCUMENTS_MAX = 100


def ranked(body: dict[str, Any], call_number: int) -> dict[str, Any]:
    """Documents by the share of the question's words that they hold, best first."""
    wanted = _words(str(body.get("query", "")))
    documents = [_text(one) for one in body.get("documents") or []]
    scores = [len(wanted & _words(text)) / max(1, len(wanted)) for text in documents]
    order = sorted(range(len(documents)), key=lambda place: -scores[place])
    top = order[: int(body.get("top_n") or len(order))]
    searches = max(1, -(-len(documents) // _SEARCH_DOCUMENTS_MAX))
    return {
        "id": f"rank-{call_number}",
        "results": [{"index": place, "relevance_score": scores[place]} for place in top],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": searches}},
    }


def error(status: int, message: str) -> dict[str, Any]:
    """An error body."""
    del status
    return {"message": message}


def _text(document: Any) -> str:
    return str(document.get("text", "")) if isinstance(document, dict) else str(document)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
