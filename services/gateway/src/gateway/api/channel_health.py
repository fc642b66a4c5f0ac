"""How a channel is: channel-ingress finds out."""

from uuid import UUID

from fastapi import APIRouter

from contracts.v1.channel_health import ChannelHealth, CheckChannel, GetChannelHealth
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import With

# The check asks Meta several things, one after the other.
CHECK_SECONDS = 20.0

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/channels/{channel_id}",
    tags=["channels"],
    route_class=GuardedRoute,
)


@router.get("/health")
async def get_channel_health(tenant_id: UUID, channel_id: UUID, parts: With) -> ChannelHealth:
    """What is known of the channel's health, the worst finding first."""
    request = GetChannelHealth.make(tenant_id=tenant_id, channel_id=channel_id)
    return (await parts.ask(request)).health


@router.post("/check")
async def check_channel(tenant_id: UUID, channel_id: UUID, parts: With) -> ChannelHealth:
    """Ask the provider now, with the channel's own token: its real error comes back."""
    request = CheckChannel.make(tenant_id=tenant_id, channel_id=channel_id)
    return (await parts.bus.ask(request, timeout_seconds=CHECK_SECONDS)).health
