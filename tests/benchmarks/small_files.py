"""Small files of every kind, for measuring what reading one costs at least."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from pdf_corpus import write_pdf

WORDS = "Items may be sent back within thirty days. "
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def small_files(folder: Path) -> dict[str, bytes]:
    """One of each kind by name."""
    pdf = folder / "small.pdf"
    write_pdf(pdf, 2, 100)
    page = f"<!doctype html><html><body><main><h1>Returns</h1><p>{WORDS * 9}</main></body></html>"
    return {
        "a.txt": (WORDS * 20).encode(),
        "a.md": f"# Returns\n\n{WORDS * 20}".encode(),
        "a.csv": ("Item,Price\n" + "Shoe,12\n" * 40).encode(),
        "a.html": page.encode(),
        "a.pdf": pdf.read_bytes(),
        "a.docx": docx(),
        "a.xlsx": xlsx(),
        "a.pptx": pptx(),
    }


def packed(main: str, parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", relation("officeDocument", main))
        archive.writestr("[Content_Types].xml", "<Types/>")
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


def relation(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" Type="{_OFFICE}/{kind}" '
        f'Target="{target}"/></Relationships>'
    )


def docx() -> bytes:
    body = f"<w:p><w:r><w:t>{WORDS}</w:t></w:r></w:p>" * 20
    document = f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'
    return packed("word/document.xml", {"word/document.xml": document})


def xlsx() -> bytes:
    row = '<row><c t="inlineStr"><is><t>Shoe</t></is></c><c><v>12</v></c></row>' * 40
    book = f'<sheets><sheet name="A" sheetId="1" r:id="r1" xmlns:r="{_OFFICE}"/></sheets>'
    return packed(
        "xl/workbook.xml",
        {
            "xl/workbook.xml": f'<workbook xmlns="{_SHEET}">{book}</workbook>',
            "xl/_rels/workbook.xml.rels": relation("worksheet", "worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": (
                f'<worksheet xmlns="{_SHEET}"><sheetData>{row}</sheetData></worksheet>'
            ),
        },
    )


def pptx() -> bytes:
    spaces = f'xmlns:p="{_SLIDE}" xmlns:a="{_DRAWING}" xmlns:r="{_OFFICE}"'
    shape = f"<p:sp><p:txBody><a:p><a:r><a:t>{WORDS}</a:t></a:r></a:p></p:txBody></p:sp>"
    slides = '<p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst>'
    return packed(
        "ppt/presentation.xml",
        {
            "ppt/presentation.xml": f"<p:presentation {spaces}>{slides}</p:presentation>",
            "ppt/_rels/presentation.xml.rels": relation("slide", "slides/slide1.xml"),
            "ppt/slides/slide1.xml": (
                f"<p:sld {spaces}><p:cSld><p:spTree>{shape * 9}</p:spTree></p:cSld></p:sld>"
            ),
        },
    )
