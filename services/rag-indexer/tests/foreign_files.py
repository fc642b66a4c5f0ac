"""Foreign files made by hand: small, valid, and ready to be broken in known ways."""

import io
import zipfile
from collections.abc import Sequence

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
    'package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/'
    '2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>'
)


def docx_of(body: str, *, head: str = "", **parts: bytes) -> bytes:
    """A Word file with this body; `parts` replace or add members."""
    document = f'<?xml version="1.0"?>{head}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body>'
    members = {
        "[Content_Types].xml": CONTENT_TYPES.encode(),
        "_rels/.rels": RELATIONS.encode(),
        "word/document.xml": f"{document}</w:document>".encode(),
        **parts,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in members.items():
            archive.writestr(name, part)
    return out.getvalue()


def pdf_of(pages: Sequence[Sequence[str]], *, trailer: str = "", info: str = "") -> bytes:
    """A PDF with these lines on its pages, every object and offset written out."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids ["
        + " ".join(f"{5 + 2 * place} 0 R" for place in range(len(pages)))
        + "] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< {info} >>",
    ]
    for place, lines in enumerate(pages):
        shown = " ".join(
            f"BT /F1 12 Tf 72 {720 - 20 * number} Td ({line}) Tj ET"
            for number, line in enumerate(lines)
        )
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {6 + 2 * place} 0 R >>"
        )
        objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream")
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    for offset in offsets:
        out.write(f"{offset:010d} 00000 n \n".encode())
    size = len(objects) + 1
    out.write(f"trailer\n<< /Size {size} /Root 1 0 R /Info 4 0 R {trailer} >>\n".encode())
    out.write(f"startxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


CORE = (
    '<?xml version="1.0"?><cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/'
    'package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/"><dc:title>{}</dc:title><dc:creator>{}</dc:creator>'
    "<dc:language>{}</dc:language><dcterms:modified>{}</dcterms:modified></cp:coreProperties>"
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def packed(members: dict[str, bytes]) -> bytes:
    """A zip of these."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in members.items():
            archive.writestr(name, part)
    return out.getvalue()


def relations(*entries: tuple[str, str]) -> bytes:
    """A part of relations: kinds and targets, with the ids `r1`, `r2` …"""
    lines = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(entries, start=1)
    )
    where = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<?xml version="1.0"?><Relationships xmlns="{where}">{lines}</Relationships>'.encode()


def xlsx_of(
    sheets: dict[str, str],
    *,
    states: Sequence[str] = (),
    strings: Sequence[str] = (),
    styles: str = "",
    settings: str = "",
    **parts: bytes,
) -> bytes:
    """A workbook of sheets by name, each the XML inside of `worksheet`."""
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}" '
        f'state="{states[number - 1] if states else "visible"}"/>'
        for number, name in enumerate(sheets, start=1)
    )
    book = f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}">{settings}<sheets>{listed}</sheets>'
    shared = "".join(f"<si>{text}</si>" for text in strings)
    members = {
        "[Content_Types].xml": b"<Types/>",
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"{book}</workbook>".encode(),
        "xl/_rels/workbook.xml.rels": relations(
            *(
                ("worksheet", f"worksheets/sheet{number}.xml")
                for number in range(1, len(sheets) + 1)
            ),
            ("sharedStrings", "sharedStrings.xml"),
            ("styles", "/xl/styles.xml"),
        ),
        "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}">{shared}</sst>'.encode(),
        "xl/styles.xml": f'<styleSheet xmlns="{_SHEET}">{styles}</styleSheet>'.encode(),
    }
    for number, inside in enumerate(sheets.values(), start=1):
        sheet = f'<worksheet xmlns="{_SHEET}">{inside}</worksheet>'
        members[f"xl/worksheets/sheet{number}.xml"] = sheet.encode()
    return packed({**members, **parts})


def sheet_rows(*rows: Sequence[object]) -> str:
    """`sheetData` of plain cells; None leaves a cell out, (value, style) gives it a style."""
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = []
        for place, given in enumerate(row):
            value, style = given if isinstance(given, tuple) else (given, 0)
            name = f"{chr(65 + place)}{number}"
            if isinstance(value, str):
                cells.append(f'<c r="{name}" t="inlineStr"><is><t>{value}</t></is></c>')
            elif value is not None:
                cells.append(f'<c r="{name}" s="{style}"><v>{value}</v></c>')
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f"<sheetData>{''.join(lines)}</sheetData>"


def pptx_of(slides: Sequence[str], *, notes: dict[int, str] | None = None, **parts: bytes) -> bytes:
    """A presentation of slides, each the XML inside of `spTree`; a slide `!…` is hidden."""
    notes = notes or {}
    spaces = f'xmlns:p="{_SLIDE}" xmlns:a="{_DRAWING}" xmlns:r="{_OFFICE}"'
    listed = "".join(
        f'<p:sldId id="{256 + number}" r:id="r{number}"/>' for number in range(1, len(slides) + 1)
    )
    members = {
        "[Content_Types].xml": b"<Types/>",
        "_rels/.rels": relations(("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": (
            f"<p:presentation {spaces}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>"
        ).encode(),
        "ppt/_rels/presentation.xml.rels": relations(
            *(("slide", f"slides/slide{number}.xml") for number in range(1, len(slides) + 1))
        ),
    }
    for number, inside in enumerate(slides, start=1):
        show = ' show="0"' if inside.startswith("!") else ""
        tree = f"<p:cSld><p:spTree>{inside.lstrip('!')}</p:spTree></p:cSld>"
        slide = f"<p:sld {spaces}{show}>{tree}</p:sld>"
        members[f"ppt/slides/slide{number}.xml"] = slide.encode()
        if number in notes:
            tree = f"<p:cSld><p:spTree>{notes[number]}</p:spTree></p:cSld>"
            members[f"ppt/notesSlides/notes{number}.xml"] = (
                f"<p:notes {spaces}>{tree}</p:notes>".encode()
            )
            members[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(
                ("notesSlide", f"../notesSlides/notes{number}.xml")
            )
    return packed({**members, **parts})


def shape(*paragraphs: str, kind: str = "", levels: Sequence[int] = (), more: str = "") -> str:
    """A shape of a slide with text, perhaps a placeholder of a kind."""
    holder = f'<p:ph type="{kind}"/>' if kind else ""
    lines = "".join(
        f'<a:p><a:pPr lvl="{levels[place] if levels else 0}"/><a:r><a:t>{text}</a:t></a:r></a:p>'
        for place, text in enumerate(paragraphs)
    )
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="x"{more}/><p:nvPr>{holder}</p:nvPr></p:nvSpPr>'
        f"<p:txBody>{lines}</p:txBody></p:sp>"
    )
