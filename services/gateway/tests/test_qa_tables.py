"""Tables of questions and answers as spreadsheets write them."""

from gateway.qa_pairs import read_table


def test_empty_cells_behind_the_last_column_say_nothing() -> None:
    rows = list(read_table(b"question,answer\nWhere?,Here,,\n,,\nWhen?,Now,oops\n"))
    assert rows[0].cells == {"question": "Where?", "answer": "Here"}
    assert [row.line for row in rows] == [2, 4]
    assert len(rows[1].cells) == 3
