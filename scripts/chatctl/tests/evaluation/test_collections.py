"""Folders as people have them: ids of any form, holes, doubles, judgements of nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chatctl.evaluation.collection import NotACollection, read_collection
from chatctl.evaluation.indexing import _own_id, requests_of


def written(
    folder: Path, corpus: list[Any], queries: list[Any], qrels: str, qrels_name: str = "qrels.tsv"
) -> Path:
    (folder / "corpus.jsonl").write_text("\n".join(json.dumps(row) for row in corpus) + "\n\n")
    (folder / "queries.jsonl").write_text("\n".join(json.dumps(row) for row in queries))
    (folder / qrels_name).parent.mkdir(exist_ok=True)
    (folder / qrels_name).write_text(qrels)
    return folder


CORPUS = [
    {
        "_id": 4983,
        "title": "",
        "text": "Microstructural development of human newborn cerebral " * 9,
    },
    {"_id": "doc/ä 2", "text": "no title at all"},
    {"_id": "t", "title": "Only a\n title", "text": ""},
    {"_id": "empty", "title": " ", "text": "--"},
    {"_id": "t", "title": "again", "text": "again"},
    {"_id": "nul", "title": "x\x00y", "text": "half \ud83d of a character"},
]
QUERIES = [
    {"_id": 1, "text": "newborn?", "metadata": {}},
    {"_id": "2", "text": "nobody judged this"},
    {"_id": "3", "text": " "},
    {"_id": "4", "text": "judged as not relevant"},
]
QRELS = (
    "query-id\tcorpus-id\tscore\n1\t4983\t2\n1\tdoc/ä 2\t1\n1\tgone\t1\n1\tnul\t0\n"
    "3\tt\t1\n4\tt\t0\n9\tt\t1\nbroken\n"
)


def test_what_can_be_used_is_used_and_the_rest_is_told(tmp_path: Path) -> None:
    found = read_collection(written(tmp_path, CORPUS, QUERIES, QRELS))
    sources = {source.name: source for source in found.sources}
    assert list(sources) == ["4983", "doc/ä 2", "t", "nul"]
    assert sources["4983"].title.startswith("Microstructural development")
    assert len(sources["4983"].title) <= 80
    assert (sources["t"].title, sources["t"].text) == ("Only a title", "Only a title")
    assert (sources["nul"].title, sources["nul"].text) == ("x y", "half ? of a character")
    (query,) = found.queries
    assert (query.name, query.grades) == ("1", {"4983": 2.0, "doc/ä 2": 1.0, "gone": 1.0})
    assert found.notes == [
        "1 documents without words were left out",
        "1 documents repeat an id: the first is kept",
        "1 lines of qrels.tsv could not be read",
        "2 questions without a relevant document were left out",
        "1 questions without words were left out",
        "1 judged questions are not in queries.jsonl",
        "1 judgements name documents without words: they count as not found",
    ]


@pytest.mark.parametrize(
    ("qrels", "name"),
    [
        ("1 0 4983 2\n", "qrels.txt"),
        ("1\t4983\t2", "qrels.tsv"),
        ("q\td\ts\n1\t4983\t2", "qrels/test.tsv"),
    ],
)
def test_judgements_of_other_shapes(tmp_path: Path, qrels: str, name: str) -> None:
    found = read_collection(written(tmp_path, CORPUS, QUERIES, qrels, name))
    assert found.queries[0].grades == {"4983": 2.0}


@pytest.mark.parametrize(
    ("corpus", "queries", "qrels"),
    [([], QUERIES, QRELS), (CORPUS, [], QRELS), (CORPUS, QUERIES, ""), ([["x"]], QUERIES, QRELS)],
)
def test_what_cannot_be_evaluated(tmp_path: Path, corpus: Any, queries: Any, qrels: str) -> None:
    with pytest.raises(NotACollection):
        read_collection(written(tmp_path, corpus, queries, qrels))
    (tmp_path / "qrels.tsv").unlink()
    with pytest.raises(NotACollection):
        read_collection(tmp_path)


def test_the_hash_is_of_what_is_indexed(tmp_path: Path) -> None:
    one = read_collection(written(tmp_path, CORPUS, QUERIES, QRELS))
    other = read_collection(written(tmp_path, CORPUS, [*QUERIES, {"_id": 9, "text": "x"}], QRELS))
    assert one.sha256 == other.sha256
    changed = read_collection(written(tmp_path, CORPUS[:1], QUERIES, QRELS))
    assert changed.sha256 != one.sha256


def test_long_documents_are_cut_and_requests_stay_small(tmp_path: Path) -> None:
    long = [{"_id": str(n), "title": "t", "text": "ž" * 150_000} for n in range(30)]
    short = [{"_id": f"s{n}", "title": "t", "text": "few words"} for n in range(250)]
    found = read_collection(written(tmp_path, long + short, QUERIES, "1\t0\t1"))
    assert len(found.sources[0].text.encode()) == 200 * 1024
    portions = requests_of(found.sources)
    assert [source for portion in portions for source in portion] == found.sources
    assert max(len(portion) for portion in portions) == 100
    assert max(sum(len(s.text.encode()) for s in portion) for portion in portions) <= 2**21


def test_words_of_a_title_that_is_too_long_are_found_in_the_text(tmp_path: Path) -> None:
    long = [{"_id": "1", "title": "word " * 200 + "last", "text": "text"}]
    (source,) = read_collection(written(tmp_path, long, QUERIES, "1\t1\t1")).sources
    assert len(source.title) == 499
    assert source.text.endswith("word last\ntext")


def test_own_ids_are_kept_apart_whatever_they_are_made_of() -> None:
    long = "https://shop.example/" + "a" * 600
    names = ["7", " 7", "", "half \ud83d", "ä" * 300 + "1", "ä" * 300 + "2", long, f"{long}b"]
    own = [_own_id(name) for name in names]
    assert own[0] == "7"
    assert len(set(own)) == len(names)
    assert all(each.isascii() and 0 < len(each) <= 512 for each in own)
