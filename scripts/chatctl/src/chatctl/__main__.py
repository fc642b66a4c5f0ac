"""`chatctl`, also as `python -m chatctl`."""

from __future__ import annotations

from chatctl import (
    command_channel_health,
    command_channels,
    command_curated,
    command_documents,
    command_eval,
    command_explain,
    command_inbox,
    command_knowledge,
    command_life,
    command_models,
    command_questions,
    command_search,
    command_simulate,
    command_spending,
    command_talk,
    command_tenants,
    command_timeline,
    command_tools,
    command_trying,
    command_web,
)
from chatctl.cli import app

__all__ = [
    "command_channel_health",
    "command_channels",
    "command_curated",
    "command_documents",
    "command_eval",
    "command_explain",
    "command_inbox",
    "command_knowledge",
    "command_life",
    "command_models",
    "command_questions",
    "command_search",
    "command_simulate",
    "command_spending",
    "command_talk",
    "command_tenants",
    "command_timeline",
    "command_tools",
    "command_trying",
    "command_web",
]


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
