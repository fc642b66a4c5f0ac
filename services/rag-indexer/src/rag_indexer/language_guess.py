"""The language of a text, where enough of it is there to tell."""

from functools import lru_cache

from py3langid.langid import (  # type: ignore[import-untyped]
    MODEL_FILE,
    LanguageIdentifier,
)

_SAMPLE_CHARACTERS = 4_000
_SURE = 0.5
_LANGUAGES = (
    "ar bg bs ca cs da de el en es et eu fa fi fr ga he hi hr hu hy id it ja ko lt lv mk ne nl "
    "no pl pt ro ru sk sl sq sr sv ta th tr uk vi zh"
)
UNDETERMINED = "und"


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES.split())
    return identifier


def guess_language(text: str) -> str | None:
    """BCP 47 of the text, from its beginning, middle and end; None when it cannot be told."""
    third = _SAMPLE_CHARACTERS // 3
    middle = max(0, len(text) // 2 - third // 2)
    sample = "\n".join((text[:third], text[middle : middle + third], text[-third:]))
    language, probability = _identifier().classify(sample)
    return str(language) if float(probability) >= _SURE else None
