"""Sentences that the platform says for a tenant: by the customer's language, unless it has its own.

`language_replies` holds what a tenant says in other languages than its own.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from contracts.v1.tenants import TenantSettings
from orchestrator.failures import DEFAULT_FAILURE_REPLY
from orchestrator.words import language_of

Named = Literal["handoff_reply", "failure_reply", "away_reply", "rating_question"]

HANDOFF_REPLY: Final = {
    "en": "A person of our team will take over from here.",
    "de": "Ab hier übernimmt ein Mensch aus unserem Team.",
    "fr": "Une personne de notre équipe prend le relais.",
    "es": "A partir de aquí le atenderá una persona de nuestro equipo.",
    "it": "Da qui in poi le risponderà una persona del nostro team.",
    "hr": "Odavde preuzima osoba iz našeg tima.",
    "pt": "A partir daqui, uma pessoa da nossa equipa irá ajudar.",
    "nl": "Vanaf hier neemt een medewerker het over.",
}
FAILURE_REPLY: Final = {
    "en": DEFAULT_FAILURE_REPLY,
    "de": "Leider kann ich gerade nicht antworten. Bitte versuchen Sie es in ein paar Minuten "
    "noch einmal.",
    "fr": "Désolé, je ne peux pas répondre pour le moment. Réessayez dans quelques minutes.",
    "es": "Lo siento, ahora mismo no puedo responder. Inténtelo de nuevo en unos minutos.",
    "it": "Mi dispiace, al momento non posso rispondere. Riprovi tra qualche minuto.",
    "hr": "Nažalost, trenutačno ne mogu odgovoriti. Pokušajte ponovno za nekoliko minuta.",
    "pt": "Lamento, não consigo responder neste momento. Tente novamente dentro de minutos.",
    "nl": "Sorry, ik kan nu niet antwoorden. Probeer het over een paar minuten nog eens.",
}
END_REPLY: Final = {
    "en": "Thank you! Write again whenever you like.",
    "de": "Vielen Dank! Schreiben Sie uns jederzeit wieder.",
    "fr": "Merci ! Écrivez-nous quand vous voulez.",
    "es": "¡Gracias! Escríbanos cuando quiera.",
    "it": "Grazie! Ci scriva quando vuole.",
    "hr": "Hvala! Pišite nam kad god želite.",
}
RATING_QUESTION: Final = {
    "en": "How content are you with our help? 1 (not at all) to 5 (very)",
    "de": "Wie zufrieden sind Sie mit unserer Hilfe? 1 (gar nicht) bis 5 (sehr)",
    "fr": "Êtes-vous satisfait de notre aide ? De 1 (pas du tout) à 5 (tout à fait)",
    "es": "¿Qué tan satisfecho está con nuestra ayuda? De 1 (nada) a 5 (mucho)",
    "it": "Quanto è soddisfatto del nostro aiuto? Da 1 (per niente) a 5 (molto)",
    "hr": "Koliko ste zadovoljni našom pomoći? Od 1 (nimalo) do 5 (jako)",
    "pt": "Está satisfeito com a nossa ajuda? De 1 (nada) a 5 (muito)",
    "nl": "Hoe tevreden bent u met onze hulp? Van 1 (niet) tot 5 (zeer)",
}
DISCLAIMER: Final = {
    "en": "I am not sure about this; please have it confirmed by our team.",
    "de": "Ich bin mir dabei nicht sicher; bitte lassen Sie es sich von unserem Team bestätigen.",
    "fr": "Je n'en suis pas certain ; merci de le faire confirmer par notre équipe.",
    "es": "No estoy seguro de esto; confírmelo, por favor, con nuestro equipo.",
    "it": "Non ne sono sicuro; la prego di chiedere conferma al nostro team.",
    "hr": "Nisam siguran u ovo; molimo provjerite s našim timom.",
    "pt": "Não tenho a certeza disto; confirme, por favor, com a nossa equipa.",
    "nl": "Ik weet dit niet zeker; laat het bevestigen door ons team.",
}
NOT_FOUND: Final = {
    "en": "I could not find this in the documents.",
    "de": "Das konnte ich in den Dokumenten nicht finden.",
    "fr": "Je n'ai pas trouvé cela dans les documents.",
    "es": "No he podido encontrar esto en los documentos.",
    "it": "Non sono riuscito a trovarlo nei documenti.",
    "hr": "To nisam mogao pronaći u dokumentima.",
    "pt": "Não consegui encontrar isto nos documentos.",
    "nl": "Ik kon dit niet vinden in de documenten.",
}
_PLATFORM_TEXTS: Final = {
    "handoff_reply": (
        HANDOFF_REPLY,
        "I am asking a colleague to take over. Please wait a moment.",
    ),
    "failure_reply": (
        FAILURE_REPLY,
        "Sorry, I cannot answer right now. Please try again in a few minutes.",
    ),
}
"""By language, and what gateway fills in where a tenant chose nothing."""


@dataclass(frozen=True, slots=True)
class Replies:
    """What a tenant says in one language."""

    language: str
    _own: dict[str, Any]
    _settings: TenantSettings

    @property
    def handoff(self) -> str:
        """Said when a person takes over."""
        return self._said("handoff_reply", self._settings.handoff_reply)

    @property
    def failure(self) -> str:
        """Said when nothing could be answered."""
        return self._said("failure_reply", self._settings.failure_reply)

    @property
    def away(self) -> str:
        """Said while nobody is there; empty where the tenant has no words for it."""
        return self._own_words("away_reply") or (self._settings.away_reply or "").strip()

    @property
    def rating_question(self) -> str:
        """Asked at the end."""
        own = self._own_words("rating_question") or (self._settings.rating_question or "").strip()
        return own or by_language(RATING_QUESTION, self.language)

    @property
    def disclaimer(self) -> str:
        """Said with an answer that is not sure."""
        return (self._settings.disclaimer or "").strip() or by_language(DISCLAIMER, self.language)

    @property
    def not_found(self) -> str:
        """Said where nothing of an answer stayed."""
        return by_language(NOT_FOUND, self.language)

    @property
    def end(self) -> str:
        """Said where a model ends a conversation without a word."""
        return by_language(END_REPLY, self.language)

    def _own_words(self, name: Named) -> str:
        return str(self._own.get(name) or "").strip()

    def _said(self, name: Literal["handoff_reply", "failure_reply"], own: str) -> str:
        """The tenant's words in this language, its words, or the platform's in this language.

        What gateway filled in is nobody's choice: it gives way to the customer's language.
        """
        chosen = self._own_words(name)
        if chosen:
            return chosen
        texts, filled_in = _PLATFORM_TEXTS[name]
        own = own.strip()
        if own and (own != filled_in or self.language not in texts or self.language == "en"):
            return own
        return by_language(texts, self.language)


def replies_for(settings: TenantSettings, words: str) -> Replies:
    """Return what is said to somebody who wrote these words."""
    return replies_in(settings, language_of(words, settings.language or "en"))


def replies_in(settings: TenantSettings, language: str) -> Replies:
    """Return what is said in a language."""
    return Replies(language, _of_language(settings.language_replies, language.lower()), settings)


def while_away(settings: TenantSettings) -> TenantSettings:
    """Return the settings of a time when nobody is there: a handoff says so, in each language."""
    if not (settings.away_reply or "").strip():
        return settings
    listed = {
        language: {**own, "handoff_reply": own.get("away_reply")}
        for language, own in _parsed(settings.language_replies or "").items()
    }
    return settings.model_copy(
        update={
            "handoff_reply": settings.away_reply,
            "language_replies": json.dumps(listed) if listed else None,
        }
    )


def keywords_of_languages(settings: TenantSettings) -> list[str]:
    """Return the handoff keywords that a tenant lists by language."""
    found: list[str] = []
    for own in _parsed(settings.language_replies or "").values():
        listed = own.get("handoff_keywords")
        if isinstance(listed, list):
            found += [word for word in listed if isinstance(word, str) and word.strip()]
    return found


def by_language(texts: dict[str, str], language: str) -> str:
    """Return the sentence in a language, else in English."""
    return texts.get(language.lower().replace("_", "-").partition("-")[0], texts["en"])


def _of_language(text: str | None, language: str) -> dict[str, Any]:
    listed = _parsed(text or "")
    family = language.partition("-")[0]
    return listed.get(language) or listed.get(family) or {}


@lru_cache(maxsize=256)
def _parsed(text: str) -> dict[str, dict[str, Any]]:
    """Read `language_replies`; what is no object of objects says nothing."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key).lower(): value for key, value in found.items() if isinstance(value, dict)}
