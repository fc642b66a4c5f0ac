"""A tenant's own question sets, as the API keeps them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from chatctl.evaluation.collection import Query
from chatctl.evaluation.report import Subject
from chatctl.gateway_api import GatewayApi

QUESTIONS_A_REQUEST = 200


class BadQuestions(RuntimeError):
    """A set, a document or a line of a file that cannot be used; the message says which."""


class QuestionSets:
    """Reads and writes the question sets of one tenant."""

    def __init__(self, api: GatewayApi, tenant_id: str) -> None:
        self._api = api
        self._tenant = f"/api/tenants/{tenant_id}"
        self._path = f"{self._tenant}/question-sets"

    async def all(self) -> list[dict[str, Any]]:
        """Every set, the newest first."""
        return [one async for one in self._api.every(self._path)]

    async def named(self, name: str) -> dict[str, Any]:
        """The set of this name or id; BadQuestions names those that there are."""
        sets = await self.all()
        for one in sets:
            if name in (one["name"], one["set_id"]):
                return one
        names = ", ".join(sorted(one["name"] for one in sets)) or "none"
        raise BadQuestions(f"there is no question set {name}; there is: {names}")

    async def made(self, name: str) -> dict[str, Any]:
        """The set of this name, made now if there is none."""
        for one in await self.all():
            if one["name"] == name:
                return one
        made: dict[str, Any] = await self._api.post(self._path, {"name": name})
        return made

    async def questions(self, found: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The set's questions."""
        path = f"{self._path}/{found['set_id']}/questions"
        return [one async for one in self._api.every(path)]

    async def add(self, found: Mapping[str, Any], questions: list[dict[str, Any]]) -> int:
        """Add questions; how many the set has then."""
        count = int(found["questions"])
        for start in range(0, len(questions), QUESTIONS_A_REQUEST):
            items = questions[start : start + QUESTIONS_A_REQUEST]
            path = f"{self._path}/{found['set_id']}/questions"
            count = int((await self._api.post(path, {"items": items}))["questions"])
        return count

    async def subject(self, found: Mapping[str, Any]) -> Subject:
        """What an evaluation needs of the set."""
        queries = [
            Query(
                one["question_id"],
                one["question"],
                {item["document_id"]: float(item["grade"]) for item in one["relevant"]},
            )
            for one in await self.questions(found)
        ]
        if not queries:
            raise BadQuestions(f"the set {found['name']} has no questions yet")
        told = sorted((query.text, sorted(query.grades.items())) for query in queries)
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        use = await self._api.get(f"{self._tenant}/knowledge")
        return Subject(str(found["name"]), digest, int(use["documents"]), queries)

    async def last_run(self, found: Mapping[str, Any]) -> dict[str, Any] | None:
        """The figures of the newest run, if there is one."""
        page = await self._api.get(f"{self._path}/{found['set_id']}/runs", limit=1)
        return dict(page["items"][0]["figures"]) if page["items"] else None

    async def keep_run(self, found: Mapping[str, Any], note: str, figures: dict[str, Any]) -> None:
        """Keep a report with the set."""
        path = f"{self._path}/{found['set_id']}/runs"
        await self._api.post(path, {"note": note[:512], "figures": figures})

    async def documents(self) -> dict[str, str]:
        """Ids of the tenant's documents by id, own id, title and file name."""
        known: dict[str, str] = {}
        async for one in self._api.every(f"{self._tenant}/documents"):
            for name in ("file_name", "title", "external_id", "document_id"):
                if one.get(name):
                    known[str(one[name])] = str(one["document_id"])
        return known


def judged(text: str, names: Iterable[str], known: Mapping[str, str]) -> dict[str, Any]:
    """A question as the API takes it; documents by id, own id, title or file name."""
    relevant = []
    for name in names:
        if name not in known:
            raise BadQuestions(f"there is no document {name}")
        relevant.append({"document_id": known[name], "grade": 1.0})
    return {"question": text, "relevant": relevant}


def read_questions(data: str, known: Mapping[str, str]) -> list[dict[str, Any]]:
    """Of a CSV file (columns question, document, grade) or JSON lines of the same fields.

    Lines of the same question are one question with several documents.
    """
    found: dict[str, dict[str, float]] = {}
    for number, row in enumerate(_rows(data), start=1):
        question, name = str(row.get("question") or "").strip(), str(row.get("document") or "")
        if not question or name.strip() not in known:
            missing = "question" if not question else f"known document ({name!r})"
            raise BadQuestions(f"question {number} of the file has no {missing}")
        try:
            grade = float(row.get("grade") or 1)
        except (TypeError, ValueError):
            raise BadQuestions(f"question {number} has a grade that is no number") from None
        found.setdefault(question, {})[known[name.strip()]] = grade
    return [
        {
            "question": question,
            "relevant": [{"document_id": one, "grade": grade} for one, grade in grades.items()],
        }
        for question, grades in found.items()
    ]


def _rows(data: str) -> list[dict[str, Any]]:
    if data.lstrip().startswith("{"):
        try:
            return [dict(json.loads(line)) for line in data.splitlines() if line.strip()]
        except (ValueError, TypeError) as error:
            raise BadQuestions(f"not JSON lines: {error}") from None
    return [dict(row) for row in csv.DictReader(io.StringIO(data, newline=""))]
