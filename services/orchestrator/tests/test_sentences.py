"""An answer is taken apart without losing a letter, and small talk claims nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sentences import sentences_of
from orchestrator.talk import admits, is_talk


def words(text: str) -> list[str]:
    return [sentence.words for sentence in sentences_of(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "You have 30 days. [1] We ship e.g. tents. It costs 6.90 EUR.",
            ["You have 30 days.", "We ship e.g. tents.", "It costs 6.90 EUR."],
        ),
        (
            "Wir öffnen am 3. Mai um 9 Uhr. Es gibt z.B. Zelte. Kommen Sie!",
            ["Wir öffnen am 3. Mai um 9 Uhr.", "Es gibt z.B. Zelte.", "Kommen Sie!"],
        ),
        (
            "Narudžbe do 15. studenoga šaljemo odmah. Vrijedi npr. za šatore.",
            ["Narudžbe do 15. studenoga šaljemo odmah.", "Vrijedi npr. za šatore."],
        ),
        (
            "La livraison coûte 5 €. Voir p. ex. la page M. Dupont. Merci !",
            ["La livraison coûte 5 €.", "Voir p. ex. la page M. Dupont.", "Merci !"],
        ),
        ("El Sr. Ruiz abre a las 9. ¿Algo más?", ["El Sr. Ruiz abre a las 9.", "¿Algo más?"]),
        ("Il dott. Rossi apre alle 9. Grazie.", ["Il dott. Rossi apre alle 9.", "Grazie."]),
        (
            "- A zip costs 18 EUR [1]\n2. A pole is 9 EUR.[2]",
            ["A zip costs 18 EUR", "A pole is 9 EUR."],
        ),
        ("价格是10元。[1] 明天发货。", ["价格是10元。", "明天发货。"]),
    ],
)
def test_sentences_end_where_people_end_them(text, expected):
    assert words(text) == expected


def test_marks_behind_the_full_stop_belong_to_the_sentence_before():
    first, second = sentences_of("Thirty days. [1][2] Free returns [3].")
    assert (first.cites, second.cites) == ((1, 2), (3,))


def test_kinds_are_told_apart():
    text = "## Returns\nYou have 30 days [1].\n```\nx = 1. y\n```\nIs that all?\nHello!"
    assert [one.kind for one in sentences_of(text)] == [
        "heading",
        "claim",
        "code",
        "question",
        "talk",
    ]


@given(st.text(max_size=400))
def test_pieces_keep_their_places_and_nothing_but_space_is_between(text):
    at = 0
    for piece in sentences_of(text):
        assert at <= piece.start < piece.end <= len(text)
        at = piece.end


@pytest.mark.parametrize(
    "text",
    [
        "I could not find this in the documents.",
        "Das konnte ich in den Dokumenten nicht finden.",
        "Je n'ai pas trouvé cela dans les documents.",
        "No he podido encontrar esto en los documentos.",
        "Non sono riuscito a trovarlo nei documenti.",
        "To nisam mogao pronaći u dokumentima.",
        "Sorry, the passages do not mention bicycles.",
        "Nažalost nemam informacija o tome.",
    ],
)
def test_admissions_are_known_in_six_languages(text):
    assert admits(text)
    assert is_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello!",
        "You are welcome!",
        "Gern geschehen!",
        "Avec plaisir !",
        "¡De nada!",
        "Prego!",
        "Nema na čemu!",
        "Let me know if you need anything else.",
        "Please contact our support team.",
        "Melden Sie sich gern wieder.",
        "Slobodno pišite ponovno.",
        "A colleague will take over.",
        "您好！",
        "感谢您的咨询！",
        "こんにちは！",
        "ありがとうございます。",
        "申し訳ございません。",
        "สวัสดีครับ",
    ],
)
def test_small_talk_and_pointers_claim_nothing(text):
    assert is_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "We do not ship to the United States.",
        "Gift cards cannot be returned.",
        "The warranty does not cover wear.",
        "Please call us at +385 1 555 0100.",
        "Write to help@shop.example.",
        "I could not find the price, but returns of tents are free.",
        "Sie können Gutscheine nicht zurückgeben.",
        "Poklon bonove nije moguće vratiti.",
        "对不起，我们不发货。",
        "抱歉不能退货。",
        "谢谢不退款",
    ],
)
def test_claims_are_not_taken_for_talk(text):
    assert not is_talk(text)
