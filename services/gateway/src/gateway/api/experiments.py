"""Experiments: other settings beside the live ones, unseen or for a share of the conversations."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from contracts.v1.trying import (
    Experiment,
    ExperimentRule,
    ListExperiments,
    StartExperiment,
    StopExperiment,
)
from gateway.api.chat import overrides_of
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Caller, Shape, With
from gateway.api.tenants import SettingsChange
from gateway.words import Name

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/experiments", tags=["trying"], route_class=GuardedRoute
)

Points = Annotated[float, Field(ge=0, le=100)]
MorePercent = Annotated[float, Field(ge=0, le=1_000)]


class StopRule(Shape):
    """A canary stops by itself when it is worse than the live settings by more than this."""

    turns_min: Annotated[int, Field(ge=1, le=100_000)] = Field(
        20, description="Not before so many turns."
    )
    failures_percent_more: Points | None = Field(5.0, description="Failed turns, in points.")
    handoffs_percent_more: Points | None = Field(20.0, description="Handoffs, in points.")
    cost_percent_more: MorePercent | None = Field(None, description="Cost a turn, in percent.")
    seconds_percent_more: MorePercent | None = Field(None, description="Median time, in percent.")


class NewExperiment(Shape):
    """Which settings, and for how many."""

    name: Name = Field(description="What it tries.")
    kind: Literal["shadow", "canary"] = Field(
        description="`shadow` answers turns twice and sends nothing of it; `canary` answers a "
        "share of the conversations with the other settings."
    )
    percent: Annotated[float, Field(gt=0, le=100)] = Field(
        description="Share of the conversations; one stays on its side."
    )
    settings: SettingsChange = Field(description="Settings that differ.")
    rule: StopRule = Field(StopRule(), description="When a canary stops by itself.")
    budget_usd: Annotated[float, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="A shadow stops when it has cost so much."
    )


class ExperimentsShown(BaseModel):
    """The newest 50 experiments."""

    items: list[Experiment]


@router.post("", status_code=201)
async def start_experiment(
    tenant_id: UUID, body: NewExperiment, parts: With, who: Caller
) -> Experiment:
    """Begin a shadow or a canary; turns that start from now on take part."""
    request = StartExperiment.make(
        tenant_id=tenant_id,
        name=body.name,
        experiment_kind=body.kind,
        percent=body.percent,
        overrides=overrides_of(body.settings) or "{}",
        rule=ExperimentRule(**body.rule.model_dump()),
        budget_usd=body.budget_usd,
    )
    experiment = (await parts.ask(request)).experiment
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(
            tx,
            tenant_id,
            who,
            "experiment.started",
            experiment.experiment_id,
            kind=body.kind,
            name=body.name,
        )
    return experiment


@router.get("")
async def list_experiments(tenant_id: UUID, parts: With) -> ExperimentsShown:
    """The newest experiments, and how both sides do."""
    answer = await parts.ask(ListExperiments.make(tenant_id=tenant_id))
    return ExperimentsShown(items=answer.experiments)


@router.post("/{experiment_id}/stop")
async def stop_experiment(
    tenant_id: UUID, experiment_id: UUID, parts: With, who: Caller
) -> Experiment:
    """End it: every conversation goes on with the live settings."""
    request = StopExperiment.make(tenant_id=tenant_id, experiment_id=experiment_id)
    experiment = (await parts.ask(request)).experiment
    async with parts.database.transaction(tenant_id) as tx:
        await parts.audit.note(tx, tenant_id, who, "experiment.stopped", experiment_id)
    return experiment
