"""In which language does a customer write? By script and small words: cheap, the same always."""

from dataclasses import dataclass
from typing import Final

from orchestrator.words import SMALL_WORDS, fold, tokens

_SCRIPTS: Final = (
    ("el", 0x0370, 0x03FF),
    ("ru", 0x0400, 0x04FF),
    ("he", 0x0590, 0x05FF),
    ("ar", 0x0600, 0x06FF),
    ("hi", 0x0900, 0x097F),
    ("th", 0x0E00, 0x0E7F),
    ("ka", 0x10A0, 0x10FF),
    ("ko", 0x1100, 0x11FF),
    ("ja", 0x3040, 0x30FF),
    ("zh", 0x4E00, 0x9FFF),
    ("ko", 0xAC00, 0xD7AF),
)
"""The language that a script is taken for, unless letters of another one are there."""
_LETTERS_OF: Final = (
    ("ru", "uk", "іїєґ"),
    ("ru", "sr", "ђћџјљњ"),
    ("ar", "fa", "پچژگ"),
    (
        "zh",
        "ja",
        "ぁあいうえおかがきくけこさしすせたちってでとなにのはまもやよらりるれをんァアイカクスタッテトンー",
    ),
)
_MORE_WORDS: Final = {
    "en": "hello hi hey thanks thank want need get been order",
    "de": "hallo danke guten tag moin möchte brauche wurde",
    "fr": "bonjour salut merci bonsoir voudrais",
    "es": "hola gracias buenos buenas quiero quisiera",
    "it": "ciao grazie buongiorno vorrei buonasera",
    "hr": "bok hvala dobar dan molim zanima trebam",
    "pt": "olá obrigado obrigada bom dia não eu você onde está meu minha ainda é foi quero uma um "
    "com para os as do da que em",
    "nl": "hallo bedankt dank goedemorgen ik je het een van niet hoe wat en mijn is zijn kan",
    "pl": "cześć dzień dobry dziękuję jak jest nie się na czy mam proszę gdzie kiedy i w z do",
    "cs": "ahoj dobrý den děkuji jak je se na že mám prosím kde kdy a v jsem mi",
    "sl": "živjo zdravo hvala dober dan kako je ne kje kdaj prosim lahko imam sem naročilo",
    "sv": "hej tack jag är det en och inte hur kan min på för att har var",
    "tr": "merhaba teşekkürler nasıl bir bu ve ne için var mı mi ben nerede zaman",
    "ro": "bună mulțumesc cum este nu și un o la ce unde când am pentru vreau",
    "hu": "szia köszönöm hogyan a az és nem van egy hol mikor kérem meg jó napot",
}
_WORDS: Final = {
    language: frozenset(map(fold, more.split()))
    | frozenset(map(fold, SMALL_WORDS.get(language, ())))
    for language, more in _MORE_WORDS.items()
}
_ALONE: Final = {
    language: frozenset(map(fold, words.split()))
    for language, words in {
        "en": "hello hi hey thanks thank",
        "de": "danke moin",
        "fr": "bonjour merci bonsoir salut",
        "es": "hola gracias",
        "it": "ciao grazie buongiorno",
        "hr": "bok hvala",
        "pt": "olá obrigado obrigada",
        "nl": "bedankt goedemorgen",
        "pl": "cześć dziękuję",
        "cs": "ahoj děkuji",
        "sv": "hej tack",
        "tr": "merhaba",
    }.items()
}
"""Words that tell their language although nothing else is said."""


@dataclass(frozen=True, slots=True)
class LanguageSign:
    """A language, and whether it is so plain that it takes the place of another one."""

    language: str
    is_plain: bool


def language_sign(text: str) -> LanguageSign | None:
    """Return the language of some words; None where too little tells it."""
    script = _by_script(text)
    if script is not None:
        return LanguageSign(script, is_plain=True)
    words = set(tokens(text[:2_000]))
    hits = sorted(
        ((len(words & known), language) for language, known in _WORDS.items()), reverse=True
    )
    (most, best), (second, _) = hits[:2]
    if most >= 2 and most > second:
        return LanguageSign(best, is_plain=most >= 3)
    greeted = [language for language, known in _ALONE.items() if words & known]
    if len(greeted) == 1 and len(words) <= 3:
        return LanguageSign(greeted[0], is_plain=False)
    return None


def _by_script(text: str) -> str | None:
    letters = [one for one in text[:500] if one.isalpha()]
    if not letters or text.isascii():
        return None
    counts: dict[str, int] = {}
    for letter in letters:
        for language, first, last in _SCRIPTS:
            if first <= ord(letter) <= last:
                counts[language] = counts.get(language, 0) + 1
                break
    if not counts:
        return None
    found = max(counts, key=lambda language: counts[language])
    if sum(counts.values()) * 2 < len(letters):
        return None
    lowered = text.lower()
    for taken_for, language, own in _LETTERS_OF:
        if found == taken_for and any(letter in lowered for letter in own):
            return language
    return found
