"""Figures of a text made comparable: numbers with their units, times, names, addresses. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from orchestrator.words import fold, stem

_UNIT_WORDS: Final = {
    "second": "second seconds sec s sekunde sekunden seconde secondes segundo segundos secondo "
    "secondi sekundi",
    "minute": "minute minutes min minuten minuto minutos minuti minuta",
    "hour": "hour hours h hr hrs stunde stunden heure heures hora horas ora ore sat sata sati",
    "day": "day days tag tage tagen jour jours dia dias giorno giorni dan dana",
    "week": "week weeks woche wochen semaine semaines semana semanas settimana settimane tjedan "
    "tjedna tjedana",
    "month": "month months monat monate monaten mois mes meses mese mesi mjesec mjeseca mjeseci",
    "year": "year years jahr jahre jahren an ans annee annees ano anos anno anni godina godine "
    "godinu",
    "eur": "eur euro euros eura",
    "usd": "usd dollar dollars",
    "gbp": "gbp pound pounds",
    "percent": "percent prozent pourcent",
    "km": "km kilometre kilometres kilometer kilometers kilometara",
    "m": "m metre metres meter metara",
    "cm": "cm centimetre centimetres centimeter zentimeter centimetara",
    "mm": "mm millimetre millimetres millimeter",
    "kg": "kg kilogram kilograms kilo kilos",
    "g": "g gram grams gramm grammes",
    "l": "l litre litres liter liters litara",
    "wh": "wh",
    "point": "point points punkt punkte punti bodova boda",
}
_UNITS: Final = {word: unit for unit, words in _UNIT_WORDS.items() for word in words.split()}
UNIT_STEMS: Final = frozenset(stem(word) for word in _UNITS if len(word) > 2)
"""They belong to the figure that they stand with; as words they say nothing of the subject."""
_SIGNS: Final = {"€": "eur", "$": "usd", "£": "gbp", "%": "percent", "°": "degree"}
_WORKING: Final = re.compile(
    r"(?:working|business|work)\s|(?:werk|arbeits)|ouvr|habil|laborable|lavorativ|radn"
)
_NUMBER_WORDS: Final = {
    word: number
    for number, words in {
        2: "two zwei deux dos due dva dvije twice zweimal dvaput",
        3: "three drei trois tres tre tri",
        4: "four vier quatre cuatro quattro cetiri",
        5: "five funf cinq cinco cinque pet",
        6: "six sechs seis sei sest",
        7: "seven sieben sept siete sette sedam",
        8: "eight acht huit ocho otto osam",
        9: "nine neun neuf nueve nove devet",
        10: "ten zehn dix diez dieci deset",
        12: "twelve zwolf douze doce dodici dvanaest",
        14: "fourteen vierzehn quatorze catorce quattordici cetrnaest",
        30: "thirty dreissig trente treinta trenta trideset",
    }.items()
    for word in words.split()
}
_CLOCK: Final = re.compile(
    r"(?<![\d.,:])(\d{1,2})(?:[:.h](\d\d))?\s*(a\.?m\b\.?|p\.?m\b\.?|uhr\b|heures?\b(?=\s*\d\d)|h\b(?!\w))"
    r"|(?<![\d.,:])(\d{1,2}):(\d\d)(?!\d)"
)
_NUMBER: Final = re.compile(
    r"([€$£])?\s?(?<![\w.,])(\d{1,3}(?:[.,'\u00a0\u202f ]\d{3}){1,5}(?:[.,]\d{1,2})?|"
    r"\d{1,15}(?:[.,]\d{1,15})?)"
    r"(?![\d])(?:\s?([€$£%°])|[\s-]{0,2}([^\W\d_]{1,30}(?:\s[^\W\d_]{1,30})?))?"
)
_ADDRESS: Final = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}|https?://[^\s)\]>\"']{1,2000}"
    r"|\+\d[\d\s/()-]{6,24}\d"
)
_ACRONYM: Final = 4
"""`EU`, `USA`: documents write them out."""
_NAME: Final = re.compile(r"(?<![.!?:]\s)(?<=\s)([A-ZČĆŠŽĐÀ-Ý][\w'’-]{1,40})")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and, where one stands with it, its unit."""

    value: float
    unit: str | None

    def fits(self, other: "Figure") -> bool:
        """Whether both say the same; a unit that is not known says nothing against it."""
        if abs(self.value - other.value) > 1e-6 * max(1.0, abs(self.value)):
            return False
        return self.unit is None or other.unit is None or self.unit == other.unit


def figures_of(text: str) -> tuple[Figure, ...]:
    """Return every number of a text, numbers in words and times of day included."""
    folded = _ADDRESS.sub(" ", fold(text))
    found = [_time(match) for match in _CLOCK.finditer(folded)]
    rest = _CLOCK.sub(" ", folded)
    found += [_figure(match) for match in _NUMBER.finditer(rest)]
    words = rest.split()
    for place, word in enumerate(words):
        value = _NUMBER_WORDS.get(word.strip(".,;:()"))
        if value is not None:
            found.append(Figure(float(value), _unit_of(" ".join(words[place + 1 : place + 3]))))
    return tuple(found)


def addresses_of(text: str) -> frozenset[str]:
    """Return e-mail addresses, links and telephone numbers, comparable."""
    return frozenset(
        re.sub(r"[\s/()-]", "", one) if one.startswith("+") else one.rstrip(".,;/").lower()
        for one in _ADDRESS.findall(text)
    )


def names_of(text: str, language: str) -> frozenset[str]:
    """Return words written as names; German writes every noun so, there they tell nothing."""
    if language == "de":
        return frozenset()
    names = (name for name in _NAME.findall(text) if not (name.isupper() and len(name) <= _ACRONYM))
    return frozenset(fold(name) for name in names) - _UNITS.keys()


def missing(claimed: tuple[Figure, ...], known: tuple[Figure, ...]) -> list[Figure]:
    """Return the figures that nothing known fits."""
    return [figure for figure in claimed if not any(figure.fits(other) for other in known)]


def _time(match: re.Match[str]) -> Figure:
    hour = int(match.group(1) or match.group(4))
    minute = int(match.group(2) or match.group(5) or 0)
    sign = (match.group(3) or "").replace(".", "")
    if sign == "pm" and hour < 12:
        hour += 12
    if sign == "am" and hour == 12:
        hour = 0
    return Figure(hour + minute / 100, "o'clock")


def _figure(match: re.Match[str]) -> Figure:
    before, number, sign, words = match.groups()
    unit = _SIGNS.get(sign or before or "") or (_unit_of(words) if words else None)
    return Figure(_value(number), unit)


def _unit_of(words: str) -> str | None:
    """Return the unit that follows a number: `working days`, `EUR`, `Werktage`."""
    parts = re.findall(r"[^\W\d_]+|[€$£%]", words)
    if len(parts) > 1 and _WORKING.match(parts[1]) and parts[0] in _UNITS:
        return f"working {_UNITS[parts[0]]}"
    working = bool(parts) and _WORKING.match(words.lstrip()) is not None
    for part in parts[:2]:
        unit = _UNITS.get(part) or _SIGNS.get(part)
        if unit is not None:
            return f"working {unit}" if working and unit == "day" else unit
        if working and re.match(r"(?:werk|arbeits)tag", part):
            return "working day"
        if not working:
            break
    return None


def _value(number: str) -> float:
    """Read `1.000`, `1,000`, `3,90` and `3.90`: three digits after a sign are thousands."""
    bare = re.sub(r"['\u00a0\u202f ]", "", number)
    last = max(bare.rfind("."), bare.rfind(","))
    if last < 0:
        return float(bare)
    whole, part = bare[:last], bare[last + 1 :]
    signs = set(re.findall(r"[.,]", bare))
    if len(part) == 3 and len(signs) == 1 and whole != "0":
        return float(re.sub(r"[.,]", "", bare))
    return float(f"{re.sub(r'[.,]', '', whole) or '0'}.{part}")
