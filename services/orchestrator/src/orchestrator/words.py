"""Words of six languages made comparable: folded, stemmed lightly, without the small ones. Pure."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "hr")

SMALL_WORDS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": (
            "a about am an and any are as at be but by can could did do does for from had has have "
            "how i if in into is it its just me my no not of on or our please so some tell that "
            "the their them then there these they this those to us was we were what when where "
            "which who whom whose why will with would you your one ones much many long more yes ok"
        ),
        "de": (
            "aber als am an auch auf aus bei bis bitte da das dass dem den denn der des die dies "
            "diese diesen doch du ein eine einem einen einer er es euch für gibt habe haben hat "
            "ich ihr im in ist ja kann können man mein mich mir mit nach nein nicht noch oder sie "
            "sind so und uns viel von war was wann wer wie wieso warum wir wo zu zum zur"
        ),
        "fr": (
            "a à ai as au aux avec c ce cela ces cet cette combien comme comment d dans de des du "
            "elle elles en est et eux il ils j je l la le les leur lui m ma mais me mes moi mon n "
            "ne non nous on ou où oui par pas pour pourquoi qu quand que quel quelle qui s sa se "
            "ses si son sont sur ta te tes toi ton tu un une vos votre vous y"
        ),
        "es": (
            "a al algo como cómo con cual cuál cuando cuándo cuanto cuánto de del donde dónde el "
            "él ella ellos en entre era es esa ese eso esta este esto ha hay la las le les lo los "
            "me mi muy no nos o para pero por porque qué que quien se si sí sin sobre son su sus "
            "te tu un una uno y ya yo"
        ),
        "it": (
            "a al alla anche che chi ci come con cosa da dal dei del della di dove e è ed ha ho i "
            "il in io la le lei lo loro lui ma mi mio ne nel no noi non o per perché più quale "
            "quando quanto quello questo se sei si sì sono su sua suo ti tu un una uno vi voi"
        ),
        "hr": (
            "a ali bi bih bilo da do gdje ga i ih ili iz ja je jel jesu joj još kad kada kako "
            "koja koje koji koliko li me mi moj možete možeš mogu mu na ne nego ni nije njega njih "
            "o od on ona oni ono ova ovaj ove ovo po pri s sa se si smo što ste su ta taj tako "
            "tamo te ti to tome tu u uz va vam vi za zašto"
        ),
    }.items()
}
"""Words that carry no subject, by language, as they are written."""

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ELIDED: Final = re.compile(r"^(?:[cdjlmnst]|qu|dell|nell|all|sull|un)['’](?=\w{2})")
# Scripts written without spaces between words: compared by pairs of letters.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
)
_SHORT: Final = 4
_STEM_CHARACTERS: Final = 6
_OWN_LETTERS: Final = str.maketrans({"đ": "d", "ł": "l", "ß": "ss", "æ": "ae", "ø": "o"})


def fold(text: str) -> str:
    """Lower case without accents, compatibility forms unified."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(one for one in decomposed if not unicodedata.combining(one))
    return bare.translate(_OWN_LETTERS)


_FOLDED: Final = {
    language: frozenset(fold(word) for word in words) for language, words in SMALL_WORDS.items()
}
_MORE_SMALL: Final = (
    "been being if may might shall should must also about all any only very such than then too up "
    "out use used via per etc please yes no not never within before after between during until "
    "werden wird wurde wurden sind sein ihre ihren ihrem ihr sowie nur kein keine keinen innerhalb "
    "bevor nachdem zwischen wahrend "
    "nous vous etre sont sera peut peuvent aucun aucune jamais apres avant entre pendant "
    "puede pueden sera son sus nunca ningun ninguna antes despues durante "
    "puo possono sara nessun nessuna mai prima dopo entro "
    "mozete moze mogu bude budu samo biti nema nikad prije poslije nakon izmedu tijekom roku"
)
_IDLE: Final = frozenset().union(*_FOLDED.values(), _MORE_SMALL.split())


def tokens(text: str) -> list[str]:
    """Return the folded words of a text, in order."""
    found: list[str] = []
    for word in _WORD.findall(fold(text)):
        if word.isascii() or not _UNSPACED.search(word):
            found.append(_ELIDED.sub("", word))
        else:
            found += [word[at : at + 2] for at in range(max(1, len(word) - 1))]
    return found


def is_unspaced(text: str) -> bool:
    """Whether the text is in a script that puts no spaces between words."""
    return not text.isascii() and _UNSPACED.search(text) is not None


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Cut what inflection changes, so that most forms of a word agree, in any of the languages.

    Six first letters tell words apart well enough; what is shorter loses a plural's ending.
    """
    word = word.replace("’", "'").removesuffix("'s")
    if word[:1].isdigit() or len(word) <= _SHORT:
        return word[:-1] if len(word) == _SHORT and word.endswith("s") else word
    for ending in ("ing", "ed", "es", "en", "er", "s", "e", "i", "a", "o", "u"):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORT:
            word = word[: -len(ending)]
            break
    return word[:_STEM_CHARACTERS]


def subject_stems(text: str) -> list[str]:
    """Return the stems of the words that carry the subject; numbers are no words."""
    return [
        stem(word)
        for word in tokens(text)
        if len(word) > 1 and word not in _IDLE and not word[0].isdigit()
    ]


def language_of(text: str, otherwise: str) -> str:
    """Return the language whose small words are most frequent; `otherwise` when nothing tells."""
    words = set(tokens(text))
    hits = {language: len(words & known) for language, known in _FOLDED.items()}
    most = max(hits.values())
    best = [language for language, count in hits.items() if count == most]
    family = otherwise.lower().replace("_", "-").partition("-")[0]
    if not most or (len(best) > 1 and family in best):
        return family
    return best[0]
