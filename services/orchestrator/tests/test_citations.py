"""Numbers in answers against passages that were given."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.v1.knowledge import FoundPassage
from orchestrator.citations import check_citations


def passage(number: int) -> FoundPassage:
    return FoundPassage(
        passage_id=UUID(int=number),
        document_id=UUID(int=1_000 + number),
        document_version=1,
        title=f"Document {number}",
        page=number,
        heading=None,
        text="Items may be returned within 30 days. " * 100,
        keyword_score=1.0,
        vector_score=0.5,
        score=0.9,
    )


GIVEN = {1: passage(1), 2: passage(2), 3: passage(3)}


@pytest.mark.parametrize(
    ("said", "kept", "numbers", "removed"),
    [
        ("Within 30 days [1].", "Within 30 days [1].", [1], []),
        ("Within 30 days[1][3].", "Within 30 days[1][3].", [1, 3], []),
        ("Both [3, 1].", "Both [3][1].", [1, 3], []),
        ("Invented [7].", "Invented.", [], [7]),
        ("Half [1, 9].", "Half [1].", [1], [9]),
        ("Zero [0] and huge [123456].", "Zero and huge.", [], [0, 123456]),
        ("See [1](https://example.org).", "See [1](https://example.org).", [], []),
        ("Code `a[9]` stays [2].", "Code `a[9]` stays [2].", [2], []),
        ("```\nx[5]\n```\nand [5]", "```\nx[5]\n```\nand", [], [5]),
        ("A [note] in brackets.", "A [note] in brackets.", [], []),
        ("[4]", "", [], [4]),
    ],
)
def test_checked(said, kept, numbers, removed):
    checked = check_citations(said, GIVEN)
    assert checked.text == kept
    assert [citation.number for citation in checked.citations] == numbers
    assert checked.removed == removed


def test_a_citation_tells_where_it_comes_from():
    citation = check_citations("Yes [2].", GIVEN).citations[0]
    assert citation.document_id == UUID(int=1_002)
    assert (citation.title, citation.page, citation.score) == ("Document 2", 2, 0.9)
    assert len(citation.quote) == 1_000


@given(st.text(alphabet="ab [](),;`\n0123456789", max_size=300))
def test_no_unknown_number_survives_outside_code(said):
    checked = check_citations(said, GIVEN)
    assert all(citation.number in GIVEN for citation in checked.citations)
    assert not set(checked.removed) & set(GIVEN)
    if "`" not in said and "(" not in said:
        again = check_citations(checked.text, GIVEN)
        assert [c.number for c in again.citations] == [c.number for c in checked.citations]
