"""A WhatsApp message in, a cited answer out, through all seven services."""

import asyncio

from outside_ledger import OutsideLedger, problems
from whole_platform import Shop, WholePlatform, customer_number


def test_a_question_gets_one_cited_answer(returns_shop: Shop):
    customer = customer_number()
    _, status = returns_shop.say(customer, "How long do I have to return an item?")
    assert status == 200
    (answer,) = returns_shop.wait_reply(customer)
    assert "30 days" in answer


def test_an_unknown_matter_is_honestly_not_found(returns_shop: Shop):
    customer = customer_number()
    returns_shop.say(customer, "Who won the chess olympiad in 1972?")
    (answer,) = returns_shop.wait_reply(customer)
    assert "could not find" in answer


def test_a_keyword_brings_a_person_and_silences_the_bot(platform: WholePlatform):
    shop = platform.shop(handoff_keywords=["human"], handoff_reply="A colleague will answer.")
    customer = customer_number()
    shop.say(customer, "I want to talk to a HUMAN, please")
    assert shop.wait_reply(customer) == ["A colleague will answer."]
    ledger = OutsideLedger(shop)
    shop.say(customer, "Are you there?")

    async def status() -> str:
        async with shop.api as api:
            page = await api.get(f"/api/tenants/{shop.tenant_id}/conversations")
        return str(page["items"][0]["status"])

    assert asyncio.run(status()) == "assigned_human"
    ledger.accepted[customer] = ["one", "two"]
    (conversation,) = ledger.read()
    assert [m["role"] for m in conversation.messages].count("bot") == 0


def test_many_customers_at_once_are_answered_in_order(returns_shop: Shop):
    ledger = OutsideLedger(returns_shop)
    customers = [customer_number() for _ in range(6)]
    for question in ("How long do I have to return an item?", "What does shipping cost?"):
        for customer in customers:
            ledger.post(customer, question)
    conversations = ledger.settled()
    assert problems(conversations) == []


def test_a_burst_keeps_the_order_in_which_it_was_accepted(returns_shop: Shop):
    ledger = OutsideLedger(returns_shop)
    customers = [customer_number() for _ in range(3)]
    said = {customer: [f"Thought {n} of mine" for n in range(8)] for customer in customers}
    for texts in zip(*said.values(), strict=True):
        for customer, text in zip(customers, texts, strict=True):
            ledger.post(customer, text)
    conversations = ledger.settled()
    assert problems(conversations) == []
    for one in conversations:
        kept = [m["text"] for m in one.messages if m["role"] == "customer"]
        assert kept == said[one.customer]
