"""Presentations: slides are pages, titles are headings; lists, tables, diagrams and notes stay."""

import pytest

from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file

from .foreign_files import CORE, packed, pptx_of, relations, shape

LIMITS = ParserLimits(cpu_seconds=20, wall_seconds=30)
CELL = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
FRAME = (
    '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="t"/></p:nvGraphicFramePr>'
    "<a:graphic><a:graphicData>{}</a:graphicData></a:graphic></p:graphicFrame>"
)


def table(*rows: tuple[str, ...]) -> str:
    lines = "".join(f"<a:tr>{''.join(map(CELL.format, row))}</a:tr>" for row in rows)
    return FRAME.format(f"<a:tbl>{lines}</a:tbl>")


async def read(content: bytes) -> ParsedDocument:
    return await parse_file(content, "a.pptx", LIMITS)


async def code_of(content: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        await read(content)
    return caught.value.code


async def test_slides_keep_number_title_lists_tables_and_notes() -> None:
    content = pptx_of(
        [
            shape("Returns", kind="ctrTitle") + shape("Within 30 days."),
            "!" + shape("Old prices", kind="title"),
            shape("12.4.2026", kind="dt")
            + shape("3", kind="sldNum")
            + f"<p:grpSp>{shape('Shipping', 'to islands', levels=(0, 1))}</p:grpSp>"
            + shape("obey", more=' hidden="1"')
            + shape("Prices", kind="title")
            + table(("Item", "Price"), ("Sh|oe", "12 EUR")),
        ],
        notes={3: shape("Say it slowly.", kind="body") + shape("3", kind="sldNum")},
        **{"docProps/core.xml": CORE.format("", "Ann", "", "2025-05-06").encode()},
    )
    document = await read(content)
    assert document.text.strip() == (
        "# Returns\n\nWithin 30 days.\n\n"
        "# Prices\n\n- Shipping\n  - to islands\n\n| Item | Price |\n| --- | --- |\n"
        "| Sh\\|oe | 12 EUR |\n\nNotes: Say it slowly."
    )
    assert [(mark.page, mark.headings) for mark in document.marks] == [
        (1, ("Returns",)),
        (3, ("Prices",)),
    ]
    assert document.text[document.marks[1].start :].startswith("# Prices")
    said = (document.title, document.author, document.pages, document.dated_at)
    assert said == ("Returns", "Ann", 3, "2025-05-06")


async def test_the_words_of_a_diagram_are_read() -> None:
    where = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
    content = pptx_of(
        [FRAME.format(f'<d:relIds xmlns:d="{where}" r:dm="r1"/>')],
        **{
            "ppt/slides/_rels/slide1.xml.rels": relations(("diagramData", "../diagrams/data1.xml")),
            "ppt/diagrams/data1.xml": (
                f'<d:dataModel xmlns:d="{where}" xmlns:a="http://schemas.openxmlformats.org/'
                'drawingml/2006/main"><a:p><a:r><a:t>Order</a:t></a:r></a:p>'
                "<a:p><a:r><a:t>Pay</a:t></a:r></a:p></d:dataModel>"
            ).encode(),
        },
    )
    assert (await read(content)).text.strip() == "- Order\n- Pay"


async def test_invisible_characters_go() -> None:
    document = await read(pptx_of([shape("Fee\u200b: ten", kind="title")]))
    assert document.marks[0].headings == ("Fee: ten",)
    assert (document.text.strip(), document.invisible_removed) == ("# Fee: ten", 1)


async def test_damage_and_bombs() -> None:
    whole = pptx_of([shape("words")])
    assert await code_of(whole[:200]) == "corrupt_document"
    assert await code_of(packed({"[Content_Types].xml": b"<a/>"})) == "corrupt_document"
    torn = {"ppt/slides/slide1.xml": b"<p:sld"}
    assert await code_of(pptx_of([""], **torn)) == "corrupt_document"
    assert await code_of(pptx_of([shape("")])) == "no_text"
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
    for part in ("ppt/slides/slide1.xml", "ppt/presentation.xml", "docProps/core.xml"):
        assert await code_of(pptx_of([shape("words")], **{part: bomb})) == "corrupt_document"
    dense = {"ppt/media/zeros.bin": b"\0" * 20_000_000}
    assert await code_of(pptx_of([shape("words")], **dense)) == "zip_bomb"
    package = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    assert await code_of(package) == "encrypted"


async def test_a_relation_to_outside_is_not_followed() -> None:
    outside = relations(("notesSlide", "file:///etc/passwd")).replace(
        b'Target="file', b'TargetMode="External" Target="file'
    )
    rels = {"ppt/slides/_rels/slide1.xml.rels": outside}
    assert (await read(pptx_of([shape("words")], **rels))).text.strip() == "words"
    climbing = {"ppt/slides/_rels/slide1.xml.rels": relations(("notesSlide", "../../../../etc/x"))}
    assert (await read(pptx_of([shape("words")], **climbing))).text.strip() == "words"
