"""Which sentences of an answer claim nothing: greetings, thanks, offers, pointers, admissions.

Pure. Grounding asks nothing of them; an admission is what an answer that found nothing says.
"""

import re
from typing import Final

from orchestrator.words import fold, is_unspaced, subject_stems, tokens

_CLAIMS_BY_ITSELF: Final = re.compile(r"\d|@|https?://|www\.")
"""Figures, addresses and telephone numbers are claims wherever they stand."""

_TALK: Final = re.compile(
    r"""
    ^(?:hello|hi|hey|good\s(?:morning|day|evening|afternoon)|welcome|thanks?\b|thank\syou|
       you\sare\swelcome|you['’]re\swelcome|sorry|i['’]?\s?a?m\ssorry|my\sapologies|apologies|
       of\scourse|sure|certainly|gladly|great|perfect|goodbye|bye|
       hallo|guten\s(?:tag|morgen|abend)|danke|vielen\sdank|gern|entschuldig|es\stut\s(?:mir|uns)\s
       leid|tut\s(?:mir|uns)\sleid|selbstverstandlich|naturlich|auf\swiedersehen|willkommen|
       bonjour|bonsoir|salut|merci|je\svous\sen\sprie|desole|je\ssuis\sdesole|avec\splaisir|
       bien\ssur|au\srevoir|bienvenue|
       hola|buen[oa]s\s(?:dias|tardes|noches)|gracias|muchas\sgracias|de\snada|lo\s(?:siento|
       sentimos|lamento)|claro|por\ssupuesto|adios|bienvenid|con\sgusto|
       ciao|salve|buongiorno|buonasera|grazie|prego|mi\sdispiace|ci\sdispiace|certo|certamente|
       arrivederci|volentieri|benvenut|
       bok\b|pozdrav|dobar\sdan|dobro\sjutro|dobra\svecer|hvala|nema\sna\scemu|oprostite|
       zao\s(?:mi|nam)\sje|naravno|svakako|rado\b|dovidenja|dobro\sdosli)\b[^.]{0,60}$
    """,
    re.VERBOSE,
)
"""Openings and closings: the whole short sentence is one."""

_TALK_UNSPACED: Final = re.compile(
    r"""
    ^(?:
       (?:[您你]们?好|大家好|早上好|下午好|晚上好|谢谢|多谢|感谢|謝謝|感謝|
          こんにちは|こんばんは|おはよう|ありがとう|どういたしまして|สวัสดี|ขอบคุณ)
       [^\s,，、。.:：;；不没沒]{0,6}
     | 不客气|不客氣|再见|再見|欢迎光临|歡迎光臨|(?:很|非常)?抱歉|对不起|對不起|
       申し訳(?:ござい|あり)ません|すみません|さようなら|ขอโทษ(?:ครับ|ค่ะ)?
    )[!！。.~～\s]*$
    """,
    re.VERBOSE,
)
"""The same where no spaces part words: nothing but the greeting and its polite ending."""

_OFFERS: Final = re.compile(
    r"""
    let\s(?:me|us)\sknow | feel\sfree | happy\sto\shelp | glad\sto\shelp | can\si\shelp |
    here\sto\shelp | i\s(?:can|could)\shelp | if\syou\s(?:have|need)\s(?:any|more|further)\b |
    (?:is\sthere\s)?anything\selse | write\sagain | have\sa\s(?:nice|good|great)\sday |
    (?:colleague|person|human|team\smember|someone)\b.{0,40}\b(?:take\sover|help\syou|answer|
      contact\syou|be\swith\syou) |
    (?:please\s)?(?:contact|reach\sout\sto|ask|write\sto|call)\s(?:us|our\s(?:team|support)|
      (?:the|our)\s(?:customer\s)?(?:support|service|team)) |
    could\syou\s(?:please\s)?(?:tell|give|say) |
    melden\ssie\ssich | weiterhelfen | behilflich | lassen\ssie\s(?:es\s)?(?:mich|uns)\swissen |
    (?:schreiben|fragen|kontaktieren)\ssie\suns | wenden\ssie\ssich | noch\sfragen |
    n['’]hesitez\spas | puis-je\svous\saider | vous\saider |
    contactez(?:-nous|\snotre) | bonne\sjournee |
    no\sdude\sen | (?:puedo|podemos)\sayudar | contacte\s(?:con|a) |
    pongase\sen\scontacto | buen\sdia |
    non\sesit | posso\saiutar | possiamo\saiutar | contatt(?:i|ate)\sil |
    ci\scontatti | buona\sgiornata |
    slobodno | javite\s(?:mi|nam|se) | mogu\s(?:li\s)?(?:vam\s)?(?:jos\s)?pomoci | obratite\sse |
    kontaktirajte | kolega\b.{0,40}\bpreuz
    """,
    re.VERBOSE,
)

_ADMISSIONS: Final = re.compile(
    r"""
    (?:could|can|did|was|were|am|is|are|do|does)\s?(?:not|n['’]t)\s(?:able\sto\s)?(?:find|locate|
       know|look\s(?:it|this|that)\sup|have\s(?:any\s)?(?:information|details|an\sanswer)) |
    (?:passages?|documents?|pages?|sources?|information\si\shave)\b.{0,40}(?:do|does)\s?
       (?:not|n['’]t)\s(?:mention|contain|say|include|hold|cover|tell) |
    cannot\s(?:find|locate|answer|tell|look|help\swith) | unable\sto\s(?:find|answer|look) |
    (?:found|have|there\sis)\sno\s(?:information|answer|details|mention|passages) |
    (?:ich|wir|leider|konnten?)\b.{0,60}\b(?:nicht|nichts|keine\w*)\b.{0,40}
       (?:finden|gefunden|nachsehen|beantworten|informationen|angaben|antwort) |
    (?:n['’]ai|n['’]avons)\s(?:pas|rien)\s(?:pu\s)?(?:trouve|d['’]information) | pas\strouve |
    aucune\sinformation | ne\s(?:peux|trouve|sais|dispose)\b.{0,20}\bpas |
    no\s(?:he|hemos|pude|pudimos|puedo)\s(?:podido\s)?(?:encontr|responder) | no\sencontr |
    no\s(?:tengo|tenemos|hay|dispongo\sde)\s(?:ninguna\s)?informacion |
    non\s(?:ho|abbiamo|sono|siamo)\s.{0,20}(?:trova|informazion) | non\s(?:riesco|trovo|posso)\b |
    (?:nisam|nismo|ne\smogu|ne\smozemo|nije\smoguce)\s.{0,20}(?:prona|naci|pronaci|odgovoriti) |
    nema(?:m|mo)?\s(?:o\stome\s)?(?:informacij|podat) | ne\smogu\spronaci |
    nao\s(?:consegui|encontrei) | kon\sdit\sniet\svinden
    """,
    re.VERBOSE,
)
_BUT: Final = re.compile(r"\b(?:but|however|although|aber|jedoch|mais|toutefois|pero|ma|ali)\b(.+)")
_TALK_STEMS_MAX: Final = 1
_CLAIM_STEMS_MIN: Final = 2


def is_talk(sentence: str) -> bool:
    """Whether a sentence claims nothing about the business."""
    if _CLAIMS_BY_ITSELF.search(sentence):
        return False
    if admits(sentence):
        beside = _BUT.search(fold(sentence))
        return beside is None or len(subject_stems(beside.group(1))) < _CLAIM_STEMS_MIN
    if _TALK_UNSPACED.match(sentence.strip()):
        return True
    folded = " ".join(fold(sentence).split()).strip("¡¿!. ")
    if _OFFERS.search(folded):
        return True
    if _TALK.match(folded) and len(subject_stems(folded)) <= 3:
        return True
    few = len(subject_stems(sentence)) <= _TALK_STEMS_MAX and len(tokens(sentence)) <= 4
    return few and not is_unspaced(sentence)


def admits(text: str) -> bool:
    """Whether the words admit that something was not found or is not known."""
    return _ADMISSIONS.search(" ".join(fold(text).split())) is not None
