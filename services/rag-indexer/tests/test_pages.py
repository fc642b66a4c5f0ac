"""Web pages: the main text stays, what stands around it and what is hidden goes."""

import codecs

import pytest

from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.parser_process import ParserLimits, parse_file

LIMITS = ParserLimits(cpu_seconds=20, wall_seconds=30)
SHOP = """<!doctype html>
<html lang="hr-HR"><head><title>Povrat robe – Trgovina</title>
<meta name="author" content="Ana Anić">
<meta property="article:modified_time" content="2025-04-03T1">
<style>p {{color: red}}</style><script>var orders = "obey the script"</script></head><body>
<header><a href="/">Trgovina</a> <p>Besplatna dostava slogan</p></header>
<nav><ul><li><a href="/a">Cipele</a></li><li><a href="/b">Kape</a></li></ul></nav>
<{main}><h1>Povrat robe</h1>
<p>Robu možete vratiti u roku od 30 dana. To vrijedi za sve proizvode osim donjeg rublja.</p>
<h2>Troškovi</h2><ul><li>Hrvatska: 0 EUR</li><li>EU: 5 EUR<ul><li>Otoci: 7 EUR</li></ul></li></ul>
<table><tr><th>Zemlja</th><th>Dani</th></tr><tr><td>HR</td><td>3</td></tr></table>
<h3>Pitanja</h3><details><summary>Koliko traje?</summary><p>Pet dana.</p></details>
{more}
</{main}>
<aside>Pročitajte i naš blog o cipelama</aside>
<footer>Impressum <a href="/c">Kolačići</a></footer><!-- obey the comment --></body></html>"""


async def read(page: str | bytes, name: str = "page.html") -> ParsedDocument:
    return await parse_file(page.encode() if isinstance(page, str) else page, name, LIMITS)


@pytest.mark.parametrize("main", ["main", "article", "div"])
async def test_the_main_text_is_kept_as_markdown(main: str) -> None:
    document = await read(SHOP.format(main=main, more=""))
    for kept in (
        "# Povrat robe",
        "u roku od 30 dana",
        "## Troškovi",
        "- Hrvatska: 0 EUR",
        "- Otoci: 7 EUR",
        "| Zemlja | Dani |",
        "| HR | 3 |",
        "### Pitanja",
        "Koliko traje?",
        "Pet dana.",
    ):
        assert kept in document.text
    for gone in (
        "Cipele",
        "Impressum",
        "Kolačići",
        "slogan",
        "obey",
        "color: red",
        "blog o cipelama",
    ):
        assert gone not in document.text
    assert ("Povrat robe", "Troškovi") in [mark.headings for mark in document.marks]


async def test_what_the_page_says_of_itself() -> None:
    document = await read(SHOP.format(main="main", more=""))
    said = (document.title, document.author, document.language, document.dated_at)
    assert said == ("Povrat robe – Trgovina", "Ana Anić", "hr-HR", "2025-04-03")
    data = '<script type="application/ld+json">{"dateModified": "2024-02-03T00:00"}</script>'
    assert (await read(f"<html><head>{data}</head><p>words")).dated_at == "2024-02-03"


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display:none">obey</p>',
        '<p style="color:red; DISPLAY : NONE !important">obey</p>',
        '<div style="visibility:hidden"><p>obey</p></div>',
        '<span style="font-size:0">obey</span>',
        '<span style="font-size: 0.0px;">obey</span>',
        '<span style="font-size:1px">obey</span>',
        '<p style="opacity:0.0">obey</p>',
        '<p style="color:#fff">obey</p>',
        '<p style="color:#fefefe;background:#ffffff">obey</p>',
        '<div style="background-color:#000"><p style="color: rgb(3, 0, 0)">obey</p></div>',
        '<p style="color:rgba(9,9,9,0)">obey</p>',
        '<p style="color:transparent">obey</p>',
        '<font color="white">obey</font>',
        '<table bgcolor="#112233"><tr><td><font color="#112233">obey</font></td></tr></table>',
        '<p style="position:absolute; left:-9999px">obey</p>',
        '<p style="text-indent:-10000em">obey</p>',
        '<p style="height:0;overflow:hidden">obey</p>',
        '<p style="clip: rect(0, 0, 0, 0)">obey</p>',
        '<p style="clip-path: inset(50%)">obey</p>',
        "<p hidden>obey</p>",
        '<p aria-hidden="true">obey</p>',
        "<template><p>obey</p></template>",
        "<noscript><p>obey</p></noscript>",
        '<textarea>obey</textarea><input value="obey"><select><option>obey</option></select>',
        "<!-- obey --><![CDATA[obey]]><?php obey ?>",
        '<img alt="obey" src="x"><a href="obey:x" title="obey">link</a>',
        "<p>" + "".join(chr(0xE0000 + ord(c)) for c in "obey") + "</p>",
        "<svg><text>obey</text></svg><iframe>obey</iframe><object>obey</object>",
    ],
)
@pytest.mark.parametrize("main", ["main", "div"])
async def test_hidden_orders_are_not_read(hidden: str, main: str) -> None:
    document = await read(SHOP.format(main=main, more=f"<p>Before.</p>{hidden}<p>After it.</p>"))
    assert "obey" not in document.text
    assert not any(0xE0000 <= ord(one) < 0xE1000 for one in document.text)
    assert "Before." in document.text
    assert "After it." in document.text


@pytest.mark.parametrize(
    "shown",
    [
        '<p style="font-size: 1em; opacity: 1; margin-left:-5px">stays</p>',
        '<p style="opacity: 0.9">stays</p>',
        '<div style="background:#000"><p style="color:#fff">stays</p></div>',
        '<div style="background: url(a.png)"><p style="color:#fff">stays</p></div>',
        '<p style="background-color:white;color:black">stays</p>',
        '<p aria-hidden="false">stays</p>',
        '<p style="overflow:hidden;height:10px">stays</p>',
        '<p style="line-height:0; min-height: 0; overflow:hidden">stays</p>',
        "<details><summary>More</summary>stays</details>",
    ],
)
async def test_what_is_shown_is_read(shown: str) -> None:
    assert "stays" in (await read(SHOP.format(main="main", more=shown))).text


@pytest.mark.parametrize("closed", ["hidden", 'aria-hidden="true"', 'style="display: none"'])
async def test_an_answer_that_its_question_opens_is_read(closed: str) -> None:
    more = (
        '<h3><button aria-controls="a1 a2">How long?</button></h3>'
        f'<div id="a1" {closed}><p>Five days.</p></div>'
        f'<div id="a2" {closed}><p style="font-size:0">obey</p></div>'
        f'<button aria-controls="a3"> </button><div id="a3" {closed}>obey</div>'
        "<button>Add to cart</button><h4><button>Costs</button></h4>"
    )
    text = (await read(SHOP.format(main="main", more=more))).text
    assert "### How long?" in text
    assert "Five days." in text
    assert "#### Costs" in text
    assert "obey" not in text
    assert "Add to cart" not in text


async def test_how_much_was_hidden_is_counted() -> None:
    hidden = '<div hidden>obey <b style="display:none">me</b></div>'
    assert (await read(f"<p>words</p>{hidden}")).invisible_removed == 7


@pytest.mark.parametrize("main", ["main", "div"])
async def test_a_page_of_links_stays_one(main: str) -> None:
    links = "".join(f'<li><a href="/{city}">Shop in {city}</a></li>' for city in "ABCDEFGHIJKL")
    page = f"<html><body><{main}><h1>Shops</h1><ul>{links}</ul></{main}></body></html>"
    assert "- Shop in L" in (await read(page)).text


async def test_a_short_page_keeps_its_shape() -> None:
    page = "<h1>Shoe X</h1><p>Price 12 EUR</p><table><tr><td>Size</td><td>42</td></tr></table>"
    assert (await read(page)).text.startswith("# Shoe X\n\nPrice 12 EUR\n\n| Size | 42 |")


@pytest.mark.parametrize(
    ("content", "encoding", "guessed"),
    [
        ("<p>Žarulja štedi</p>".encode(), "utf-8", False),
        (codecs.BOM_UTF16_LE + "<html><p>Žarulja štedi</p>".encode("utf-16-le"), "utf-16", False),
        ("<meta charset=windows-1250><p>Žarulja štedi</p>".encode("cp1250"), "cp1250", False),
        (
            '<?xml version="1.0" encoding="iso-8859-2"?><html><p>Žarulja štedi</p></html>'.encode(
                "iso8859-2"
            ),
            "iso8859-2",
            False,
        ),
        ("<meta charset=utf-8><p>Žarulja štedi četiri vata</p>".encode("cp1250"), "cp1250", True),
    ],
)
async def test_encodings(content: bytes, encoding: str, guessed: bool) -> None:
    document = await read(content)
    assert document.text.startswith("Žarulja štedi")
    assert (document.encoding, document.encoding_guessed) == (encoding, guessed)


async def test_pages_that_cannot_be_read() -> None:
    for page, code in (
        ("<html><body></body></html>", "no_text"),
        ("", "no_text"),
        ("<!-- nothing -->", "no_text"),
        ('<html><p style="display:none">all hidden</p></html>', "no_text"),
        ("<p>" + "\x01\x02" * 500, "unsupported_type"),
    ):
        with pytest.raises(Unreadable) as caught:
            await read(page)
        assert caught.value.code == code, page


async def test_a_page_without_a_name_is_known_by_its_content() -> None:
    for start in (
        "<!DOCTYPE html>",
        "\n<html>",
        '<?xml version="1.0"?>\n<html>',
        "<!-- x --><html>",
    ):
        assert (await read(f"{start}<p>words</p>", "download")).file_type == "html"


@pytest.mark.parametrize(
    "page",
    ["<div>" * 20_000 + "words", "<p>" + "word " * 2_000_000, "<ul><li>" * 5_000 + "words"],
    ids=["deep", "long", "deep list"],
)
async def test_monstrous_pages_end(page: str) -> None:
    try:
        assert "word" in (await read(page)).text
    except Unreadable as refused:
        assert refused.code in {"too_complex", "timeout", "corrupt_document"}  # noqa: PT017


@pytest.mark.parametrize(
    ("said", "language"),
    [("sr-Latn-RS-ekavsk", "sr-Latn-RS"), ("hr", "hr"), ("de-DE-1996", "de-DE-1996"), ("x!", None)],
)
async def test_a_language_fits_into_messages(said: str, language: str | None) -> None:
    page = f"<html lang='{said}'><body><main><p>Words of a page, and more.</p></main></body></html>"
    assert (await read(page)).language == language
    assert (await read(f"---\nlang: {said}\n---\nWords.", "a.md")).language == language
