"""Who is searched by comparing every vector, and who along the index."""

import pytest

from retriever.vector_plan import ef_search_for, plan


@pytest.mark.parametrize(
    ("passages", "everybodys", "exact"),
    [
        (410, 100_000, True),
        (3_000, 3_000, True),
        (10_000, 100_000, True),
        (10_000, 10_000, False),
        (50_000, 100_000, False),
        (4_000, 1_000_000, True),
        (100_000, 1_000_000, False),
        (500_000, 1_000_000, False),
        (20_000, -1, False),
    ],
)
def test_the_cheaper_way_is_taken(passages: int, everybodys: int, exact: bool) -> None:
    chosen = plan(passages, everybodys, 384, 100)
    assert (chosen.ef_search is None) is exact
    assert str(chosen).startswith("exact" if exact else "hnsw, ef_search ")


def test_lengths_without_an_index_are_always_compared() -> None:
    assert plan(1_000_000, 1_000_000, 500, 100).ef_search is None


def test_ef_search_grows_with_the_table_within_bounds() -> None:
    grown = [ef_search_for(count) for count in (0, 100_000, 500_000, 5_000_000, 10**10)]
    assert grown == [150, 150, 309, 800, 800]


def test_the_scan_may_go_far_enough_to_meet_the_tenants_own() -> None:
    chosen = plan(100_000, 10_000_000, 384, 100)
    assert chosen.ef_search is None
    chosen = plan(600_000, 10_000_000, 384, 100)
    assert chosen.scan_tuples_max >= 100 * 10_000_000 // 600_000
