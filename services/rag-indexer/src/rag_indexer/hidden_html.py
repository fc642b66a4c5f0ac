"""Takes out of a page what its reader does not see: hidden elements, scripts, comments."""

import re

from lxml.html import HtmlElement  # type: ignore[import-untyped]

_NEVER_SHOWN = frozenset({
    "script", "style", "noscript", "template", "iframe", "frame", "object", "embed", "applet",
    "svg", "canvas", "audio", "video", "map", "head", "link", "meta", "select", "option",
    "datalist", "textarea", "input", "progress", "meter", "dialog",
})  # fmt: skip
_CLOSED = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|content-visibility\s*:\s*hidden",
    re.IGNORECASE,
)
_DISGUISED = re.compile(
    r"(?<![\w-])opacity\s*:\s*0*\.?0+%?\s*(?:;|!|$)"
    r"|font-size\s*:\s*(?:0*\.?0+(?:px|pt|em|rem|%)?|[01](?:\.\d+)?(?:px|pt))\s*(?:;|!|$)"
    r"|(?:text-indent|left|right|top|margin-left|margin-top)\s*:\s*-\d{3,}"
    r"|clip\s*:\s*rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?\s*\)"
    r"|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)"
    r"|transform\s*:\s*scale\(\s*0\s*\)",
    re.IGNORECASE,
)
_TITLING = ("h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt")
_NOTHING_HIGH = re.compile(
    r"(?<![\w-])(?:max-)?(?:height|width)\s*:\s*[01](?:px)?\s*(?:;|!|$)", re.IGNORECASE
)
_CUT_OFF = re.compile(r"overflow(?:-[xy])?\s*:\s*(?:hidden|clip)", re.IGNORECASE)
_COLOR = re.compile(r"(?<![\w-])color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color|-image)?\s*:\s*([^;!]+)", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$")
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+%?))?\s*\)")
_NAMED = {"white": (255, 255, 255), "black": (0, 0, 0), "snow": (255, 250, 250)}
_WHITE = (255, 255, 255)
_ALIKE = 12

Color = tuple[int, int, int]


def take_out_hidden(root: HtmlElement) -> int:
    """Remove hidden elements and comments from the page; how many characters of text went.

    What a visible control opens (an answer under its question) is no secret and stays.
    """
    removed = 0
    openable = _openable(root)
    gone: set[HtmlElement] = set()
    backgrounds: dict[HtmlElement, Color | None] = {}
    for element in list(root.iter()):
        if element in gone:
            continue
        if not isinstance(element.tag, str):
            if element.getparent() is not None:
                element.drop_tree()
            continue
        style = element.get("style") or ""
        before = backgrounds.get(element.getparent(), _WHITE)
        behind = backgrounds[element] = _background(element, style, before)
        if element is root or element.tag == "body":
            continue
        closed = _is_closed(element, style) and element.get("id") not in openable
        hidden = closed or _is_disguised(element, style, behind)
        if hidden or _is_furniture(element):
            gone.update(element.iter())
            if hidden:
                removed += len(element.text_content().strip())
            element.drop_tree()
    return removed


def _openable(root: HtmlElement) -> set[str]:
    """What the buttons and links of the page say that they open and close."""
    return {
        one
        for control in root.xpath("//*[@aria-controls]")
        if control.text_content().strip()
        for one in control.get("aria-controls").split()
    }


def _is_furniture(element: HtmlElement) -> bool:
    """Never shown, or a control; a button that opens something or stands in a heading is text."""
    if element.tag != "button":
        return element.tag in _NEVER_SHOWN
    if "aria-expanded" in element.attrib or "aria-controls" in element.attrib:
        return False
    return not any(above.tag in _TITLING for above in element.iterancestors())


def _is_closed(element: HtmlElement, style: str) -> bool:
    if "hidden" in element.attrib and element.get("hidden", "").lower() != "until-found":
        return True
    if element.get("aria-hidden", "").lower() == "true":
        return True
    if not style:
        return False
    if _NOTHING_HIGH.search(style) and _CUT_OFF.search(style):
        return True
    return _CLOSED.search(style) is not None


def _is_disguised(element: HtmlElement, style: str, behind: Color | None) -> bool:
    """Text that takes part in the page and cannot be seen."""
    if not style:
        written = element.get("color") if element.tag == "font" else None
        return written is not None and _alike(_color(written), behind)
    if _DISGUISED.search(style):
        return True
    found = _COLOR.search(style)
    if found is None:
        return False
    value = found[1].strip().lower()
    return _is_transparent(value) or _alike(_color(value), behind)


def _background(element: HtmlElement, style: str, before: Color | None) -> Color | None:
    """The colour behind an element's text; None for a picture or a colour that is not understood.

    Stylesheets are not read: where no style is written, the page is taken to be white.
    """
    found = _BACKGROUND.search(style)
    written = found[1].strip().lower() if found else (element.get("bgcolor") or "").strip().lower()
    if (
        not written
        or written in ("inherit", "initial", "unset", "none")
        or (_is_transparent(written))
    ):
        return before
    return _color(written)


def _alike(one: Color | None, other: Color | None) -> bool:
    if one is None or other is None:
        return False
    return all(abs(a - b) <= _ALIKE for a, b in zip(one, other, strict=True))


def _is_transparent(value: str) -> bool:
    if value == "transparent":
        return True
    found = _RGB.match(value)
    return found is not None and found[4] is not None and float(found[4].rstrip("%")) == 0


def _color(value: str) -> Color | None:
    value = value.strip().lower()
    if value in _NAMED:
        return _NAMED[value]
    if found := _HEX.match(value):
        digits = found[1]
        if len(digits) < 6:
            digits = "".join(digit * 2 for digit in digits)
        return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if found := _RGB.match(value):
        return int(found[1]), int(found[2]), int(found[3])
    return None
