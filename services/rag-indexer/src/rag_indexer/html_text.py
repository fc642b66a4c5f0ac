"""HTML: the main text of a page as Markdown, without what stands around it or is hidden in it."""

import codecs
import logging
import re
from contextlib import suppress

import trafilatura
from lxml import etree  # type: ignore[import-untyped]
from lxml.html import (  # type: ignore[import-untyped]
    HtmlElement,
    HTMLParser,
    document_fromstring,
)
from markdownify import markdownify

from rag_indexer.dates import date_in
from rag_indexer.file_source import FileSource
from rag_indexer.hidden_html import take_out_hidden
from rag_indexer.markdown_text import heading_marks
from rag_indexer.parsed import ParsedDocument, Progress, Unreadable, language_tag
from rag_indexer.plain_text import decode, mostly_controls
from rag_indexer.visible_text import visible, words

_CHARSET = re.compile(rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{2,40})""")
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_HEAD_BYTES = 4096
_ESCAPING = ("iso-2022", "hz")
_MODIFIED_IN_DATA = re.compile(r'"date(?:Modified|Published)"\s*:\s*"(\d{4}-\d{2}-\d{2})')
_DATED = (
    "article:modified_time", "og:updated_time", "last-modified", "dcterms.modified", "dc.date",
    "article:published_time", "date", "dcterms.created", "pubdate",
)  # fmt: skip
_AROUND = ["nav", "header", "footer", "aside", "form", "menu"]
_AROUND_ROLES = (
    "navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar", "dialog",
)  # fmt: skip
_HEADINGS = ("h1", "h2", "h3")
_KEPT_SHARE = 0.5
_LINKED_SHARE = 0.8
_LINKS_MIN = 4


def parse_html(source: FileSource, progress: Progress) -> ParsedDocument:
    """A page or a fragment of one: headings, lists and tables kept, hidden text left out."""
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    page, encoding, guessed = _decode(source)
    if mostly_controls(page):
        raise Unreadable("unsupported_type", "mostly control characters")
    if not page.strip():
        raise Unreadable("no_text")
    root = _tree(page)
    said = _metadata(root)
    hidden = take_out_hidden(root)
    text, removed = visible(_main_text(root).strip() + "\n")
    marks, first_heading = heading_marks(text)
    progress(source.size, source.size)
    return ParsedDocument(
        file_type="html",
        text=text,
        marks=marks,
        title=words(said.get("title")) or first_heading,
        author=words(said.get("author")),
        dated_at=date_in(said.get("date")),
        language=said.get("language"),
        encoding=encoding,
        encoding_guessed=guessed,
        invisible_removed=removed + hidden,
    )


def _decode(source: FileSource) -> tuple[str, str, bool]:
    """What the page says of its encoding counts where the bytes are no UTF-8."""
    head = source.content[:_HEAD_BYTES]
    found = _CHARSET.search(head) or _XML_CHARSET.search(head)
    declared = found[1].decode("ascii", "replace").lower() if found else ""
    declared = {"iso-8859-1": "cp1252", "latin1": "cp1252"}.get(declared, declared)
    if declared and declared.startswith(_ESCAPING):
        with suppress(LookupError, UnicodeDecodeError):
            return str(source.content, declared), declared, False
    text, encoding, guessed = decode(source.content)
    if guessed and declared and not declared.startswith(("utf-16", "utf-32")):
        with suppress(LookupError, UnicodeDecodeError):
            return str(source.content, declared), codecs.lookup(declared).name, False
    return text, encoding, guessed


def _tree(page: str) -> HtmlElement:
    bare = _XML_DECLARATION.sub("", page).replace("\0", "")
    try:
        return document_fromstring(bare, parser=HTMLParser(huge_tree=True, no_network=True))
    except (etree.ParserError, etree.XMLSyntaxError) as nothing:
        raise Unreadable("no_text", type(nothing).__name__) from nothing


def _metadata(root: HtmlElement) -> dict[str, str]:
    """Title, author, date and language, as far as the page says them."""
    named: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = meta.get("name") or meta.get("property") or meta.get("http-equiv") or ""
        named.setdefault(name.lower(), (meta.get("content") or "").strip())
    titles = [element.text_content() for element in root.iter("title")]
    said = {"title": (titles[0] if titles else "").strip() or named.get("og:title", "")}
    said["author"] = named.get("author") or named.get("dc.creator", "")
    dates = [named[name] for name in _DATED if date_in(named.get(name))]
    said["date"] = dates[0] if dates else _date_in_data(root)
    language = (root.get("lang") or named.get("content-language", "")).strip()
    if tag := language_tag(language):
        said["language"] = tag
    return said


def _date_in_data(root: HtmlElement) -> str:
    for script in root.iter("script"):
        if script.get("type") == "application/ld+json":
            found = _MODIFIED_IN_DATA.findall(script.text or "")
            if found:
                return str(max(found))
    return ""


def _main_text(root: HtmlElement) -> str:
    """The content as the page marks it; where it marks none, what trafilatura takes for it.

    trafilatura is not believed when it lost much of the page or its shape.
    """
    for element in root.iter():
        # What is hidden is gone; guessing again by style loses paragraphs.
        element.attrib.pop("style", None)
    html = etree.tostring(root, encoding="unicode", method="html")
    region, marked = _region(root)
    if not marked:
        extracted = trafilatura.extract(
            html,
            output_format="markdown",
            include_comments=False,
            include_tables=True,
            include_links=False,
            include_images=False,
            fast=True,
        )
        if extracted and _keeps_enough(extracted, region):
            return extracted
    for summary in region.iter("summary"):
        summary.tag = "p"
    return markdownify(
        etree.tostring(region, encoding="unicode", method="html"),
        heading_style="ATX",
        bullets="-",
        strip=["a", "img"],
        table_infer_header=True,
    )


def _region(root: HtmlElement) -> tuple[HtmlElement, bool]:
    """The content as the page marks it, else its body, without what stands around; and if marked.

    Changes the tree.
    """
    body = root.find("body")
    whole = body if body is not None else root
    mains = root.xpath("//main | //*[@role='main']") or root.xpath("//article")
    region, marked = (mains[0], True) if len(mains) == 1 else (whole, False)
    for element in list(region.iter(*_AROUND)):
        inside_content = element.tag == "header" and element.xpath(
            "ancestor::article|ancestor::main"
        )
        if not inside_content and element is not region:
            element.drop_tree()
    for element in region.xpath(".//*[@role]"):
        if element.get("role") in _AROUND_ROLES:
            element.drop_tree()
    if not marked:
        _drop_link_lists(region)
    return region, marked


def _drop_link_lists(region: HtmlElement) -> None:
    """Menus that are not marked as such; a page that mostly is a list of links stays one."""
    found = [block for block in region.iter("ul", "ol", "div") if _is_only_links(block)]
    outermost = [block for block in found if not set(block.iterancestors()) & set(found)]
    size = sum(len(block.text_content()) for block in outermost)
    if region in found or size > len(region.text_content()) // 2:
        return
    for block in outermost:
        block.drop_tree()


def _is_only_links(block: HtmlElement) -> bool:
    links = [link.text_content() for link in block.iter("a")]
    if len(links) < _LINKS_MIN:
        return False
    return sum(map(len, links)) > _LINKED_SHARE * len(block.text_content().strip())


def _keeps_enough(extracted: str, region: HtmlElement) -> bool:
    there = len(region.text_content().split())
    if len(extracted.split()) < _KEPT_SHARE * there:
        return False
    if "#" not in extracted and next(region.iter(*_HEADINGS), None) is not None:
        return False
    return "|" in extracted or next(region.iter("td"), None) is None
