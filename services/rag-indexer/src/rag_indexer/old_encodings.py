"""Which encoding a text has that is no Unicode: charset-normalizer, and alphabets for Latin ones.

A few accented letters look alike to statistics in half a dozen encodings; which of them make up the
alphabet of one language tells them apart.
"""

import re
from collections import Counter
from collections.abc import Mapping

from charset_normalizer import from_bytes

_SAMPLE_BYTES = 128 * 1024
_LAST_RESORTS = ("cp1252", "latin-1")
_NEVER = [
    "cp037", "cp273", "cp424", "cp500", "cp720", "cp737", "cp775", "cp856", "cp857", "cp858",
    "cp860", "cp861", "cp863", "cp864", "cp865", "cp869", "cp875", "cp1006", "cp1026", "cp1125",
    "cp1140", "hp_roman8", "iso8859_10", "iso8859_14", "kz1048", "mac_greek", "mac_iceland",
    "mac_latin2", "mac_turkish", "ptcp154",
]  # fmt: skip
_ESCAPED = (("iso2022_jp", b"\x1b$B"), ("iso2022_jp", b"\x1b$@"), ("iso2022_kr", b"\x1b$)C"))
_LATIN: Mapping[str, tuple[str, ...]] = {
    "cp1252": (
        "äöüß", "àâæçèéêëîïôœùûüÿ", "áéíñóúü", "àèéìíòóù", "àáâãçéêíóôõúü", "åäöé", "æøåé",
        "áðéíóúýþæö", "éëïóöü",
    ),
    "cp1250": (
        "čćžšđ", "áčďéěíňóřšťúůýž", "áäčďéíľňóôšťúýž", "ąćęłńóśźż", "áéíóöőúüű", "ăâîşţ", "čšž",
    ),
    "cp1254": ("çğıiöşüâîû",),
    "cp1257": ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž"),
}  # fmt: skip
_COUSINS = {"cp1250": "iso8859_2", "cp1252": "iso8859_15", "cp1254": "iso8859_9"}
_QUOTES = "„“”‚‘’«»–—…•€§°·©®™£¿¡№"
_GLUED = re.compile(r"(?<=[^\W\d_])[^\w\s\x00-\x7f’‘'–—…](?=[^\W\d_])")
_LATIN_SCRIPT = re.compile(
    r"iso8859_(1|2|3|4|9|13|15|16)|cp125[02478]|cp437|cp85[02]|mac_roman|latin"
)
_STRANGE = 0.5


def guess(content: bytes) -> tuple[str, str] | None:
    """The text and its most likely encoding; never a character that stands for a failure."""
    for encoding in (*_likely(content[:_SAMPLE_BYTES]), *_LAST_RESORTS):
        try:
            return content.decode(encoding), encoding
        except (UnicodeDecodeError, LookupError):
            continue
    return None


def escaped(content: bytes) -> str | None:
    """An encoding of seven bits that switches alphabets by escape sequences."""
    head = content[:_SAMPLE_BYTES]
    return next((encoding for encoding, mark in _ESCAPED if mark in head), None)


def _likely(sample: bytes) -> list[str]:
    best = from_bytes(sample, cp_exclusion=_NEVER).best()
    if best is None:
        return []
    if not _LATIN_SCRIPT.fullmatch(best.encoding):
        return [best.encoding]
    ranked = sorted(
        (_strangeness(sample, encoding, alphabets), encoding != best.encoding, place, encoding)
        for place, (encoding, alphabets) in enumerate(_candidates())
    )
    return [encoding for _, _, _, encoding in ranked[:1]] + [best.encoding]


def _candidates() -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for encoding, alphabets in _LATIN.items():
        found += [(encoding, alphabets), (_COUSINS.get(encoding, encoding), alphabets)]
    return found


def _strangeness(sample: bytes, encoding: str, alphabets: tuple[str, ...]) -> float:
    """The share of special letters that the best alphabet lacks, and of signs inside of words."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        text = sample.decode(encoding, "replace")
        if text.count("\ufffd") > 1:
            return 9.0
    special = Counter(one for one in text if one > "\x7f" and one not in _QUOTES)
    total = special.total()
    if not total:
        return 0.0
    known = max(
        sum(times for one, times in special.items() if one.lower() in alphabet)
        for alphabet in alphabets
    )
    return (total - known + _STRANGE * len(_GLUED.findall(text))) / total
