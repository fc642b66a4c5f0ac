"""What is answered to a customer who sent something but said nothing. Pure.

There is nothing to search for: a search without words would end in "I could not find this".
"""

from collections.abc import Sequence
from typing import Final

from orchestrator.domain import StoredMessage

_FILES: Final = frozenset({"image", "video", "audio", "voice", "document"})
# Their texts are names of people and places, not the customer's words.
_SIGNS: Final = frozenset({"sticker", "location", "contacts"})

_SENTENCES: Final = {
    "ar": "شكرًا لك، لقد استلمناها. ماذا تود أن تعرف؟",
    "de": "Danke, das ist bei uns angekommen. Was möchten Sie wissen?",
    "en": "Thank you, we have received it. What would you like to know?",
    "es": "Gracias, lo hemos recibido. ¿Qué le gustaría saber?",
    "fr": "Merci, nous l'avons bien reçu. Que souhaitez-vous savoir ?",
    "hr": "Hvala, primili smo. Što biste željeli znati?",
    "it": "Grazie, l'abbiamo ricevuto. Che cosa desidera sapere?",
    "pt": "Obrigado, já recebemos. O que gostaria de saber?",
}


def holds_no_words(unanswered: Sequence[StoredMessage]) -> bool:
    """Whether the customer sent nothing but files, stickers, places and contact cards."""
    return bool(unanswered) and all(_is_wordless(message) for message in unanswered)


def received_sentence(language: str | None) -> str:
    """Return the one sentence, in the tenant's language where we know it, else in English."""
    family = (language or "").lower().replace("_", "-").partition("-")[0]
    return _SENTENCES.get(family, _SENTENCES["en"])


def _is_wordless(message: StoredMessage) -> bool:
    if message.content is None:
        return False
    kind = message.content.kind
    return kind in _SIGNS or (kind in _FILES and not message.text.strip())
