"""A WhatsApp Business Account that tests give to a channel."""

from __future__ import annotations

from contracts.v1.tenants import ChannelChoices

ACCOUNT = "102290129340398"
CHOICES = ChannelChoices(
    business_account_id=ACCOUNT,
    app_id=None,
    platform=None,
    reengagement_template=None,
    human_agent_tag=False,
    messages_per_second=None,
    silence_alarm_hours=None,
)
