"""eval: does search find what people judged relevant?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from chatctl.cli import app, errors, guarded, running_state
from chatctl.evaluation.collection import Collection, NotACollection, read_collection
from chatctl.evaluation.conversations import set_at
from chatctl.evaluation.indexing import Indexer
from chatctl.evaluation.own_questions import QuestionSets
from chatctl.evaluation.progress_line import ProgressLine
from chatctl.evaluation.rankings import CONFIGURATIONS, DEFAULT, PLAIN
from chatctl.evaluation.report import (
    NotComparable,
    Subject,
    difference_table,
    differences,
    report_of,
    tables,
)
from chatctl.evaluation.running import Run
from chatctl.evaluation.talk_gate import evaluate_talks
from chatctl.gateway_api import GatewayApi

# Figures are read by programs from the standard output: all else goes to the other one.
shown = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
QUICK = (DEFAULT, PLAIN)


@app.command("eval")
def evaluate(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="corpus.jsonl, queries.jsonl, qrels.tsv; or conversations.jsonl.", exists=True
        ),
    ] = None,
    question_set: Annotated[
        str, typer.Option("--set", help="Instead of a folder: a question set of the tenant.")
    ] = "",
    note: Annotated[str, typer.Option(help="With --set: what was changed before this run.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    against: Annotated[
        Path | None,
        typer.Option(help="JSON of an earlier run: ends with 1 if a figure got worse."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="How much worse is still the same.")] = 0.005,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the documents: the next run has no indexing.")
    ] = False,
    tenant: Annotated[
        str, typer.Option(help="Index into this tenant instead of one of its own; it is kept.")
    ] = "",
    language: Annotated[
        str, typer.Option(help="Of the documents (BCP 47); auto: each is guessed.")
    ] = "en",
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the tenant's own way and plain fusion.")
    ] = False,
    given: Annotated[
        list[str],
        typer.Option("--with", metavar="NAME=VALUE", help="Conversations: a setting that differs."),
    ] = [],  # noqa: B006 - typer reads it, nobody changes it
) -> None:
    """Index a labelled collection, ask its questions, and show how well search answers.

    Given conversations, the bot talks through them instead, and what must be true of its answers
    is checked; ends with 1 if something is not (or, --against an earlier run, is not any more).

    Everything goes through the running platform's API. A tenant of its own is made for the
    collection, and removed at the end unless you --keep it.
    """
    if (folder is None) == (not question_set):
        raise typer.BadParameter("give a folder, or --set")
    baseline = json.loads(against.read_text()) if against else None
    conversations = set_at(folder) if folder else None
    if conversations is not None:
        evaluate_talks(conversations, given, baseline, tenant=tenant, as_json=as_json)
        return
    if folder is None:
        report = _of_set(question_set, note, quick=quick)
    else:
        chosen = None if language == "auto" else language
        report = _of_folder(_read(folder), chosen, keep=keep, tenant=tenant, quick=quick)
    print_report(report, as_json=as_json)
    if baseline is not None:
        compare(report, baseline, tolerance)


def _read(folder: Path) -> Collection:
    try:
        return read_collection(folder)
    except NotACollection as error:
        errors.print(f"[red]✗[/red] {error}", markup=True)
        raise typer.Exit(2) from None


def _of_folder(
    collection: Collection, language: str | None, *, keep: bool, tenant: str, quick: bool
) -> dict[str, Any]:
    state = running_state()

    async def work() -> dict[str, Any]:
        async with GatewayApi(state["CHAT_URL"], state["CHAT_ADMIN_KEY"]) as api:
            with ProgressLine(errors) as line:
                indexer = Indexer(api, line)
                tenant_id = tenant or await indexer.tenant(collection, language)
                names = await indexer.upload(tenant_id, collection.sources, language)
                notes = await indexer.wait(tenant_id, len(names))
                run = Run(api, tenant_id, collection.queries, names, line)
                measured = await run.all(QUICK if quick else CONFIGURATIONS)
                # What was interrupted stays, so that the next run goes on where it was.
                if not keep and not tenant:
                    await indexer.remove(tenant_id)
        subject = Subject(
            name=collection.name,
            sha256=collection.sha256,
            documents=len(collection.sources),
            queries=collection.queries,
            notes=[*collection.notes, *notes],
            language=language,
        )
        return report_of(subject, measured)

    return guarded(work())


def _of_set(name: str, note: str, *, quick: bool) -> dict[str, Any]:
    state = running_state()
    tenant_id = state["CHAT_TENANT_ID"]

    async def work() -> dict[str, Any]:
        async with GatewayApi(state["CHAT_URL"], state["CHAT_TENANT_KEY"]) as api:
            sets = QuestionSets(api, tenant_id)
            found = await sets.named(name)
            subject, before = await sets.subject(found), await sets.last_run(found)
            documents = {one for query in subject.queries for one in query.grades}
            with ProgressLine(errors) as line:
                names = {one: one for one in documents}
                run = Run(api, tenant_id, subject.queries, names, line, others_count=True)
                report = report_of(subject, await run.all(QUICK if quick else CONFIGURATIONS))
            await sets.keep_run(found, note, report)
        if before is not None:
            _show_changes(report, before)
        return report

    return guarded(work())


def _show_changes(report: dict[str, Any], before: dict[str, Any]) -> None:
    try:
        moved = [one for one in differences(report, before) if one.gain]
    except NotComparable:
        errors.print("The set's questions have changed since the last run.")
        return
    errors.print(difference_table(moved, 0.0) if moved else "The same figures as the last run.")


def print_report(report: dict[str, Any], *, as_json: bool) -> None:
    """As JSON for programs, or as tables."""
    if as_json:
        print(json.dumps(report, indent=1))
        return
    shown.print(
        f"{report['documents']} documents, {report['questions']} questions, "
        f"{report['judgements']} judgements"
    )
    for table in tables(report):
        shown.print(table)
    for note in report["notes"]:
        shown.print(f"· {note}", markup=False)


def compare(report: dict[str, Any], baseline: dict[str, Any], tolerance: float) -> None:
    """Ends with 1 when a figure of the baseline got worse, with 2 when it is of other data."""
    try:
        found = differences(report, baseline)
    except NotComparable as error:
        errors.print(f"[red]✗[/red] {error}", markup=True)
        raise typer.Exit(2) from None
    worse = [one for one in found if one.gain < -tolerance]
    moved = [one for one in found if abs(one.gain) > tolerance]
    if moved:
        errors.print(difference_table(moved, tolerance))
    if worse:
        errors.print(f"[red]✗[/red] {len(worse)} figures are worse by more than {tolerance}")
        raise typer.Exit(1)
    errors.print(f"[green]✓[/green] none of {len(found)} figures is worse by more than {tolerance}")
