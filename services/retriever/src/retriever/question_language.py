"""Which language a question is in, as far as its letters and commonest words tell. Pure."""

import re

_WORD = re.compile(r"[^\W\d_]+")
_COMMONEST = {
    "bs": "šta gdje kad zašto kako koliko jel bih hoću možete trebam nije ili koji",
    "cs": "co kde kdy proč jak kolik který je jsou mám můžu prosím nebo není při které",
    "da": "hvad hvor hvornår hvorfor hvordan er jeg kan ikke det og til en af med mit min",
    "de": "was wo wann warum wie ist sind ich kann nicht der die das und zu ein mein wie viel für",
    "en": "what where when why how is are i can not the and to a my do does much of for if you",
    "es": "qué dónde cuándo por qué cómo es son puedo no el la los y un mi para cuánto de que",
    "fi": "mikä missä milloin miksi miten on ovat voin ei ja minun kuinka paljon mitä olen",
    "fr": "quoi où quand pourquoi comment est sont je peux ne pas le la les et un mon pour de",
    "hr": "što gdje kada zašto kako koliko je su mogu ne i u na za moj koji li ili treba nije",
    "hu": "mi hol mikor miért hogyan van én nem a az és egy mennyi hogy milyen lehet kell",
    "it": "che dove quando perché come è sono posso non il la i e un mio per quanto di del",
    "nl": "wat waar wanneer waarom hoe is zijn ik kan niet de het en een mijn voor hoeveel van",
    "pl": "co gdzie kiedy dlaczego jak jest są mogę nie i w na do mój ile czy się który",
    "pt": "que onde quando porque como é são posso não o a os e um meu para quanto de do",
    "ro": "ce unde când de ce cum este sunt pot nu și la un meu pentru cât care din",
    "sl": "kaj kje kdaj zakaj kako koliko je so lahko ne in v na za moj kateri ali",
    "sr": "šta gde kada zašto kako koliko je su mogu ne i u na za moj koji li ili treba",
    "sv": "vad var när varför hur är jag kan inte det och till en av med mitt min",
    "tr": "ne nerede ne zaman neden nasıl ve bir bu için mi mı değil kaç benim var",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMONEST.items()}
_SCRIPTS = (
    (re.compile("[\u0600-\u06ff]"), "ar"),
    (re.compile("[\u0370-\u03ff]"), "el"),
    (re.compile("[\u0590-\u05ff]"), "he"),
    (re.compile("[\u0900-\u097f]"), "hi"),
    (re.compile("[\u3040-\u30ff]"), "ja"),
    (re.compile("[\uac00-\ud7af]"), "ko"),
    (re.compile("[\u4e00-\u9fff]"), "zh"),
    (re.compile("[\u0e00-\u0e7f]"), "th"),
    (re.compile("[\u0400-\u04ff]"), "ru"),
)
_HITS_MIN = 2


def language_of(question: str) -> str | None:
    """BCP 47 of the question; None when nothing tells, or two languages are equally likely."""
    for script, language in _SCRIPTS:
        if script.search(question):
            return language
    words = {word.casefold() for word in _WORD.findall(question)}
    hits = sorted(
        ((len(words & known), language) for language, known in _WORDS.items()), reverse=True
    )
    (most, best), (second, _) = hits[0], hits[1]
    return best if most >= min(_HITS_MIN, len(words)) and most > second else None
