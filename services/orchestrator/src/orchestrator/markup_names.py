"""Names that tell addresses and markup from words. Pure."""

from typing import Final

MORE_TLDS: Final = (
    *("academy", "agency", "app", "art", "bank", "blog", "bot", "cafe", "care", "center"),
    *("chat", "city", "click", "clinic", "cloud", "club", "codes", "company", "computer"),
    *("dev", "digital", "direct", "email", "example", "express", "finance", "fun", "games"),
    *("global", "group", "guru", "help", "host", "icu", "inc", "ink", "international"),
    *("invalid", "kitchen", "life", "link", "live", "loan", "local", "localhost", "love"),
    *("ltd", "market", "media", "mobi", "money", "monster", "mov", "network", "news", "ninja"),
    *("one", "online", "page", "party", "pay", "photo", "pics", "pizza", "plus", "press"),
    *("quest", "red", "rest", "review", "rocks", "run", "sale", "school", "science"),
    *("security", "services", "shop", "show", "site", "social", "software", "solutions"),
    *("space", "store", "stream", "studio", "support", "systems", "team", "tech", "technology"),
    *("test", "tips", "today", "tools", "top", "town", "toys", "travel", "trade", "vip"),
    *("website", "wiki", "win", "work", "works", "world", "wtf", "xyz", "zip", "zone", "bar"),
    *("beauty", "best", "bet", "bid", "boats", "bond", "buzz", "cam", "camp", "capital"),
    *("cars", "cash", "casino", "cfd", "christmas", "cyou", "date", "day", "deals", "delivery"),
    *("download", "events", "exchange", "faith", "fit", "foo", "foundation", "fyi", "gift"),
    *("gle", "gold", "google", "hair", "health", "homes", "house", "kim", "land", "lat", "llc"),
    *("lol", "makeup", "men", "mom", "moe", "nexus", "observer", "ooo", "pub", "pw", "racing"),
    *("reviews", "rip", "sbs", "sexy", "skin", "study", "surf", "tattoo", "tokyo", "tube"),
    *("uno", "ventures", "video", "watch", "webcam", "whoswho", "wang", "yachts", "you"),
    *("rent",),
)
"""Domains beside those that a finder of addresses knows, which phones make clickable."""

ELEMENTS: Final = (
    *("a", "abbr", "address", "applet", "area", "article", "aside", "audio", "b", "base"),
    *("bdi", "bdo", "big", "blockquote", "body", "br", "button", "canvas", "caption", "center"),
    *("cite", "code", "col", "colgroup", "data", "dd", "del", "details", "dfn", "dialog"),
    *("dir", "div", "dl", "dt", "em", "embed", "fieldset", "figcaption", "figure", "font"),
    *("footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head"),
    *("header", "hr", "html", "i", "iframe", "image", "img", "input", "ins", "kbd", "label"),
    *("legend", "li", "link", "main", "map", "mark", "marquee", "math", "menu", "meta", "nav"),
    *("noscript", "object", "ol", "optgroup", "option", "p", "param", "picture", "pre", "q"),
    *("s", "samp", "script", "section", "select", "slot", "small", "source", "span", "strike"),
    *("strong", "style", "sub", "summary", "sup", "svg", "table", "tbody", "td", "template"),
    *("textarea", "tfoot", "th", "thead", "title", "tr", "track", "tt", "u", "ul", "var"),
    *("video", "wbr", "xmp"),
)
"""Of HTML; any other name in angles is words."""
