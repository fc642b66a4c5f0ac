"""Does the customer ask for a person in words of their own? Cheap patterns for six languages. Pure.

Only where a verb of wanting or talking and a word for a person stand together: "Do I need a person
to carry the tent?" is a question about tents.
"""

import re
from typing import Final

from orchestrator.words import fold

_CHARACTERS_MAX: Final = 2_000

_PERSON: Final = {
    "en": r"(?:real |live |actual |human )?(?:person|human(?: being)?|people|agent|representative|"
    r"operator|advisor|colleague|employee|somebody real|someone real|customer service)",
    "de": r"(?:echten |richtigen |lebenden |menschlichen )?(?:menschen?|mitarbeiter(?:in|s)?|"
    r"person|berater(?:in)?|kundendienst|kundenservice|kollegen)",
    "fr": r"(?:vraie |vrai )?(?:personne|humain|etre humain|conseiller|conseillere|agent|operateur|"
    r"quelqu['’]un|service client)",
    "es": r"(?:verdadera |real )?(?:persona(?: real)?|humano|agente|asesor|operador|representante|"
    r"alguien|atencion al cliente)",
    "it": r"(?:vera )?(?:persona(?: reale| vera)?|umano|essere umano|operatore|operatrice|addetto|"
    r"qualcuno|servizio clienti)",
    "hr": r"(?:pravom |pravim |stvarnom |zivom |zivim |ljudskom )?(?:osob[aeou]m?|covjek(?:om|a)?|"
    r"ljud(?:ima|i)|djelatnik(?:om|a)?|operater(?:om|a)?|agent(?:om|a)?|nekim|zaposlenik(?:om|a)?)",
}
_WISHES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:speak|talk|chat|write|connect me|transfer me|put me through|pass me|hand me over|"
        rf"switch)\b(?: me)?(?: directly)? (?:to|with) (?:an? |the |your |some )?{_PERSON['en']}\b",
        r"\b(?:want|need|get me|give me|i['’]d like|would like|prefer) (?:an? |the |your |some )?"
        r"(?:real|live|actual|human) ?(?:person|human|agent|being|operator|representative)?\b",
        r"\b(?:want|need|get me|give me) (?:an? )(?:human|agent|representative|operator)\b",
        r"\b(?:stop|no more|not|instead of) (?:the |a |this )?(?:bot|chatbot|robot|machine)\b.*"
        rf"\b{_PERSON['en']}\b",
        rf"\bmit (?:einem |einer |jemand(?:em)? |dem )?{_PERSON['de']}\b.{{0,30}}\b(?:"
        r"sprechen|reden|schreiben|chatten|verbinden|verbunden)\b",
        rf"\b(?:sprechen|reden|verbinden sie mich|verbinde mich|weiterleiten)\b.{{0,20}}\b"
        rf"(?:mit|an) (?:einem |einer |einen |dem )?{_PERSON['de']}\b",
        r"\b(?:will|mochte|brauche) (?:einen? |mit )?(?:echten |richtigen )?(?:menschen|mitarbeiter"
        r"(?:in)?)\b",
        rf"\b(?:parler|discuter|echanger|etre mis en relation|mettez[- ]moi en relation)\b"
        rf".{{0,20}}\b(?:a|avec) (?:une? |un |le |votre )?{_PERSON['fr']}",
        r"\b(?:je veux|je voudrais|passez[- ]moi) (?:une? )?(?:vraie personne|humain|conseiller|"
        r"operateur|vrai humain)\b",
        rf"\b(?:hablar|chatear|comunicar(?:me)?|contactar)\b.{{0,20}}\bcon (?:una? |el |la |un )?"
        rf"{_PERSON['es']}\b",
        r"\b(?:quiero|necesito|pongame|paseme) (?:con )?(?:una? )?(?:persona real|humano|agente|"
        r"asesor|operador)\b",
        rf"\b(?:parlare|chattare|mettermi in contatto|comunicare)\b.{{0,20}}\bcon (?:una? |"
        rf"un['’ ]?|il |l['’])?{_PERSON['it']}\b",
        r"\b(?:voglio|vorrei|mi passi|passatemi) (?:una? |un )?(?:persona vera|persona reale|"
        r"operatore|umano)\b",
        r"\b(?:razgovarati|pricati|pisati|popricati|razgovor|spojite me|spoji me|povezite me|"
        rf"cuti se)\b.{{0,20}}\b(?:s|sa) {_PERSON['hr']}\b",
        r"\b(?:zelim|hocu|trebam|dajte mi) (?:pravu |zivu |stvarnu |pravog |zivog )?(?:osobu|"
        r"covjeka|djelatnika|operatera|agenta)\b",
    )
)
_REFUSED: Final = re.compile(
    r"\b(?:do not|don['’]t|dont|no need to|not|kein(?:en)?|nicht|ne (?:veux|souhaite) pas|"
    r"no (?:quiero|necesito)|non (?:voglio|serve)|ne (?:zelim|moram|trebam))(?: [\w'’]+){0,2} ?$"
)
"""What may stand just before a wish that is none."""


def asks_for_person(text: str) -> bool:
    """Whether a message asks for a person; what says that none is wanted does not."""
    folded = " ".join(fold(text[:_CHARACTERS_MAX]).split())
    for wish in _WISHES:
        found = wish.search(folded)
        if found is not None:
            return _REFUSED.search(folded[: found.start()]) is None
    return False
