"""What the builtin answerer says when it does not quote, and how it knows small talk."""

from __future__ import annotations

from llm_router.words import language_of, tokens

NOT_FOUND = {
    "en": "I could not find this in the documents.",
    "de": "Das konnte ich in den Dokumenten nicht finden.",
    "fr": "Je n'ai pas trouvé cela dans les documents.",
    "es": "No he podido encontrar esto en los documentos.",
    "it": "Non sono riuscito a trovarlo nei documenti.",
    "pt": "Não consegui encontrar isto nos documentos.",
    "hr": "To nisam mogao pronaći u dokumentima.",
    "nl": "Ik kon dit niet vinden in de documenten.",
}
_GREETING = {
    "en": "Hello! How can I help you?",
    "de": "Hallo! Wie kann ich Ihnen helfen?",
    "fr": "Bonjour ! Comment puis-je vous aider ?",
    "es": "¡Hola! ¿En qué puedo ayudarle?",
    "it": "Salve! Come posso aiutarla?",
    "pt": "Olá! Como posso ajudar?",
    "hr": "Dobar dan! Kako vam mogu pomoći?",
    "nl": "Hallo! Waarmee kan ik u helpen?",
}
_THANKS = {
    "en": "You are welcome! Is there anything else I can help you with?",
    "de": "Gern geschehen! Kann ich sonst noch helfen?",
    "fr": "Avec plaisir ! Puis-je vous aider pour autre chose ?",
    "es": "¡De nada! ¿Puedo ayudarle en algo más?",
    "it": "Prego! Posso aiutarla in altro?",
    "pt": "De nada! Posso ajudar em mais alguma coisa?",
    "hr": "Nema na čemu! Mogu li još nešto pomoći?",
    "nl": "Graag gedaan! Kan ik nog ergens mee helpen?",
}
_FAREWELL = {
    "en": "Goodbye, and thank you for writing to us.",
    "de": "Auf Wiedersehen und danke für Ihre Nachricht.",
    "fr": "Au revoir et merci de votre message.",
    "es": "Adiós y gracias por escribirnos.",
    "it": "Arrivederci e grazie per averci scritto.",
    "pt": "Até logo e obrigado pela sua mensagem.",
    "hr": "Doviđenja i hvala na poruci.",
    "nl": "Tot ziens en bedankt voor uw bericht.",
}
_WORDS_OF = {
    "greeting": {
        "en": "hello hi hey hiya howdy greetings good morning afternoon evening day",
        "de": "hallo guten tag morgen abend servus moin gruezi",
        "fr": "bonjour salut bonsoir coucou",
        "es": "hola buenos dias buenas tardes noches",
        "it": "ciao salve buongiorno buonasera",
        "pt": "ola oi bom dia boa tarde noite",
        "hr": "bok dobar dan dobro jutro dobra vecer pozdrav zdravo",
        "nl": "hoi goedemorgen goedemiddag goedenavond dag",
    },
    "thanks": {
        "en": "thanks thank you thx cheers great perfect ok okay much lot many very",
        "de": "danke dankeschön vielen dank super",
        "fr": "merci beaucoup parfait",
        "es": "gracias muchas perfecto vale",
        "it": "grazie mille perfetto",
        "pt": "obrigado obrigada muito perfeito",
        "hr": "hvala lijepa puno super",
        "nl": "dank bedankt hartelijk je wel",
    },
    "farewell": {
        "en": "bye goodbye see you later soon cya",
        "de": "tschüss tschuss auf wiedersehen",
        "fr": "au revoir bientot",
        "es": "adios hasta luego",
        "it": "arrivederci addio",
        "pt": "tchau ate logo adeus",
        "hr": "doviđenja dovidenja vidimo se",
        "nl": "tot ziens doei",
    },
}
_FILLER = frozenset(tokens("there all everyone team please so a und et y e i the for your help"))
_SMALL_TALK_WORDS_MAX = 6
_REPLIES = {"farewell": _FAREWELL, "thanks": _THANKS, "greeting": _GREETING}
_LEXICON = {
    kind: {
        language: frozenset(word for text in words.split() for word in tokens(text))
        for language, words in languages.items()
    }
    for kind, languages in _WORDS_OF.items()
}


def small_talk(text: str) -> str | None:
    """A polite answer to a greeting, thanks or a farewell; None if the text says more."""
    words = tokens(text)
    if not words or len(words) > _SMALL_TALK_WORDS_MAX:
        return None
    for kind, languages in _LEXICON.items():
        for language, known in languages.items():
            spoken = [word for word in words if word in known]
            rest = [word for word in words if word not in known and word not in _FILLER]
            if spoken and not rest:
                return _REPLIES[kind][language]
    return None


def not_found(question: str) -> str:
    """The honest answer, in the question's language where it can be told."""
    return NOT_FOUND[language_of(question)]
