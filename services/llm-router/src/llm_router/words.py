"""From text to comparable words, in any script: folding, light stemming, function words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"\w+(?:['’]\w+)*")
# Scripts written without spaces between words: compared by pairs of letters.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
_VOWEL = re.compile(r"[aeiouy]")
_SIBILANT = ("ses", "xes", "zes", "ches", "shes")
_DERIVED = (("ation", 4), ("ment", 3), ("able", 4), ("ing", 3), ("ed", 3), ("ly", 4))

_FUNCTION_WORDS = {
    "en": (
        "a about after all also am an and any are as at be because been before but by can could "
        "did do does doing done for from get give go got had has have having he hello her here hi "
        "him his how i if in into is it its just know let like make may me might mine must my need "
        "no not of off on once one only or our out over own please say shall she should so some "
        "such tell than thank thanks that the their them then there these they thing this those "
        "to too under until up us use used very want was way we were what when where whether which "
        "while who whom whose why will with would yes you your yours i'm i've i'd what's where's "
        "how's it's there's don't doesn't can't won't isn't aren't didn't much many long "
        "hey possible possibly happen happens"
    ),
    "de": (
        "aber als am an auch auf aus bei bin bis bitte da das dass dein dem den der des die dies "
        "doch du ein eine einem einen einer eines er es für gibt habe haben hat ich ihr ihre im in "
        "ist ja kann können kein keine lange man mein meine mich mir mit nach nicht noch nur oder "
        "ohne sein sich sie sind so über um und uns unser von vor wann war was wenn wer wie "
        "wieviel wird wo zu zum zur"
    ),
    "fr": (
        "a ai au aux avec c'est ce ces cette combien comment dans de des du elle en est et être "
        "faire il ils j'ai je la le les leur ma mais me mes moi mon ne nos notre nous on ou où par "
        "pas peut peux pour puis quand que quel quelle quelles quels qui quoi sa se ses si son "
        "sont sur ta te tu un une vos votre vous y"
    ),
    "es": (
        "a al como cómo con cual cuál cuándo cuánto cuántos cuanto de del donde dónde e el ella en "
        "es esa ese esta está están este esto estoy ha hay he la las le les lo los me mi mis muy "
        "más no nos nuestro o para pero por puedo que qué quien quién se ser si sin sobre son su "
        "sus te tengo tiene tienen tu tus un una uno unos y ya yo"
    ),
    "it": (
        "a ai al alla anche che chi ci come con cosa da dal dei del della delle di dove e è ed gli "
        "ha hai ho i il in io la le lo ma mi mio nel nella no non o per perché più posso quale "
        "quali quando quanto quanti questa questo se si sono su sul tu un una vi"
    ),
    "pt": (
        "a ao aos as até com como da das de do dos e ela ele em essa esse esta está este eu foi há "
        "isso já mais mas me meu minha muito na não nas no nos o onde os ou para pela pelo por "
        "posso qual quais quando quanto quantos que quem se sem ser seu sua são tem tenho um uma "
        "você vocês"
    ),
    "hr": (
        "a ako ali bez bi bih da do dok dugo gdje i ih ili im imam imate in ja je jer jesam jesu "
        "ju kad kada kako kamo koja koje koji koliko li me mi mogu moj moja moje može možete na "
        "nam nas ne nego nije o od ona oni po pri s sa sam se smo ste su što ta te ti to u uz va "
        "vam vaš za zašto že"
    ),
    "nl": (
        "aan al als bij ben dan dat de die dit een en er het hij hoe hoeveel hun ik in is je kan "
        "kunnen lang maar me met mij mijn naar niet nog of om ons onze ook op over te tot u uit "
        "van voor waar wanneer was wat we welke wie wij zijn zo"
    ),
}


def fold(text: str) -> str:
    """Lower case without accents, compatibility forms unified."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


FUNCTION_WORDS = {
    language: frozenset(fold(word) for word in words.split())
    for language, words in _FUNCTION_WORDS.items()
}
"""Language code to its function words, folded."""


def tokens(text: str) -> list[str]:
    """The folded words of a text; unspaced scripts give overlapping pairs of letters."""
    found: list[str] = []
    for word in _WORD.findall(fold(text)):
        if not word.isascii() and _UNSPACED.search(word):
            found.extend(_pairs(word))
        else:
            found.append(word)
    return found


def stems(text: str) -> list[str]:
    """The stems of all words, in order."""
    return [stem(word) for word in tokens(text)]


def meaning_stems(text: str) -> list[str]:
    """The stems of the words that carry meaning in the text's own language, in order."""
    idle = FUNCTION_WORDS["en"] | FUNCTION_WORDS[language_of(text)]
    return [stem(word) for word in tokens(text) if word not in idle]


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Strip the commonest endings, so that `returned`, `returns` and `returning` agree."""
    word = word.replace("’", "'").removesuffix("'s")
    if len(word) <= 3 or not word.isascii() or word[0].isdigit():
        return word
    word = _without_plural(word)
    for ending, shortest in _DERIVED:
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= shortest and _VOWEL.search(rest):
            word = _undoubled(rest)
            break
    if len(word) > 3 and word[-1] in "ey":
        word = word[:-1]
    return word


def language_of(text: str) -> str:
    """The language whose function words are most frequent; English when nothing tells."""
    words = set(tokens(text))
    hits = {language: len(words & known) for language, known in FUNCTION_WORDS.items()}
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] > hits["en"] else "en"


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(_SIBILANT) and len(word) > 4:
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _undoubled(word: str) -> str:
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiosz"
    return word[:-1] if doubled else word


def _pairs(word: str) -> list[str]:
    if len(word) == 1:
        return [word]
    return [word[i : i + 2] for i in range(len(word) - 1)]
