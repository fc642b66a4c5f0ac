"""curated: answers that people wrote, and questions that nothing answered."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from chatctl.cli import app, console, with_api
from chatctl.gateway_api import GatewayApi
from chatctl.overview import whole_table

curated = typer.Typer(
    no_args_is_help=True, help="Answers said as they stand, and questions that nothing answered."
)
app.add_typer(curated, name="curated")


@curated.command("add")
def add(
    questions: Annotated[list[str], typer.Argument(help="Ways in which customers ask.")],
    text: Annotated[str, typer.Option(help="What is said, Markdown.")],
    source: Annotated[str, typer.Option(help="Where it can be read.")] = "",
    cluster: Annotated[str, typer.Option(help="The gathered questions that it answers.")] = "",
) -> None:
    """Answer questions for good: no model is asked where a customer asks one of them."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        wish = {
            "questions": questions,
            "text": text,
            "source_url": source or None,
            "resolves_cluster_id": cluster or None,
        }
        path = f"/api/tenants/{state['CHAT_TENANT_ID']}/curated-answers"
        made = await api.post(path, wish)
        console.print(f"{made['curated_answer_id']}: {len(made['questions'])} questions")

    with_api(work)


@curated.command("list")
def list_answers(
    words: Annotated[str, typer.Argument(help="Only those with these words.")] = "",
) -> None:
    """List curated answers, the newest first."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        path = f"/api/tenants/{state['CHAT_TENANT_ID']}/curated-answers"
        table = whole_table("id", "questions", "text", "used", "enabled")
        async for one in api.every(path, limit=20, **({"query": words} if words else {})):
            asked = "\n".join(one["questions"])
            used, enabled = str(one["used"]), "yes" if one["enabled"] else "no"
            table.add_row(
                one["curated_answer_id"], escape(asked), escape(one["text"]), used, enabled
            )
        console.print(table)

    with_api(work)


@curated.command("remove")
def remove(identity: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Delete a curated answer."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        await api.delete(f"/api/tenants/{state['CHAT_TENANT_ID']}/curated-answers/{identity}")
        console.print("removed")

    with_api(work)


@curated.command("unanswered")
def unanswered(
    state_wanted: Annotated[
        str, typer.Option("--state", help="open, answered or dismissed; empty: all.")
    ] = "open",
) -> None:
    """What customers ask and nothing answers, the most asked first."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        path = f"/api/tenants/{state['CHAT_TENANT_ID']}/unanswered"
        table = whole_table("cluster", "question", "asked", "last", "why", "state")
        async for one in api.every(
            path, limit=50, **({"state": state_wanted} if state_wanted else {})
        ):
            why = ", ".join(sorted({example["reason"] for example in one["examples"]}))
            table.add_row(
                one["cluster_id"],
                escape(one["question"]),
                str(one["asked"]),
                one["last_asked_at"][:16],
                why,
                one["state"],
            )
        console.print(table)

    with_api(work)


@curated.command("dismiss")
def dismiss(cluster: Annotated[str, typer.Argument(metavar="CLUSTER")]) -> None:
    """Say that a cluster of questions needs no answer."""

    async def work(api: GatewayApi, state: dict[str, Any]) -> None:
        path = f"/api/tenants/{state['CHAT_TENANT_ID']}/unanswered/{cluster}"
        await api.put(path, {"state": "dismissed"})
        console.print("dismissed")

    with_api(work)
