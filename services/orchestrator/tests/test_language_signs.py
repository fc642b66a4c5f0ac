"""The language of a customer's words, or that too little tells it."""

import pytest

from orchestrator.language_signs import language_sign


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my order? I have been waiting for a week.", "en"),
        ("Wo ist meine Bestellung? Ich warte schon seit einer Woche auf die Lampe.", "de"),
        ("Où est ma commande ? Je l'attends depuis une semaine.", "fr"),
        ("¿Dónde está mi pedido? Lo espero desde hace una semana.", "es"),
        ("Dov'è il mio ordine? Lo aspetto da una settimana e non è arrivato.", "it"),
        ("Gdje je moja narudžba? Čekam je već tjedan dana i nije stigla.", "hr"),
        ("Onde está o meu pedido? Não chegou e eu preciso dele.", "pt"),
        ("Waar is mijn bestelling? Ik heb het nog niet gekregen.", "nl"),
        ("Gdzie jest moje zamówienie? Czy mam jeszcze czekać?", "pl"),
        ("Πού είναι η παραγγελία μου;", "el"),
        ("Где мой заказ?", "ru"),
        ("Де моє замовлення? Він ще їде?", "uk"),
        ("Где је моја поруџбина?", "sr"),
        ("أين طلبي؟", "ar"),
        ("我的订单在哪里？", "zh"),
        ("注文はどこですか", "ja"),
        ("내 주문은 어디에 있나요?", "ko"),
        ("मेरा ऑर्डर कहाँ है?", "hi"),
        ("Hvala!", "hr"),
        ("Hello", "en"),
        ("bonjour", "fr"),
    ],
)
def test_languages(text, language):
    sign = language_sign(text)
    assert sign is not None
    assert sign.language == language


@pytest.mark.parametrize(
    "text", ["", "ok", "42", "Lamp X-200", "👍", "A-1042", "PayPal", "ana@x.example"]
)
def test_too_little_tells_nothing(text):
    assert language_sign(text) is None


def test_one_greeting_takes_no_known_language_away():
    assert not language_sign("Hello").is_plain
    assert language_sign("Where is the lamp that I ordered from you?").is_plain
