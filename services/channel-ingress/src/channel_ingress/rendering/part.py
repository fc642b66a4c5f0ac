"""What rendering makes: parts, each of them one call to the provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from contracts.v1.shapes import OutgoingMedia

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One call: the message itself; who gets it and our reference come with the request."""

    message: Json
    """WhatsApp: `type` and what belongs to it, `context`. Messenger: the `message` object."""
    needs_media: OutgoingMedia | None = None
    """A file that has to be uploaded before the call."""
    media_path: tuple[str | int, ...] = ()
    """Where in `message` the uploaded file's id belongs."""
    fallback: Part | None = None
    """What goes out instead when the provider does not take the file."""
    warning: str | None = None
    """Code of what this part lost: `media_too_large`, `media_refused` …; None for most."""

    def with_media(self, provider_media_id: str) -> Json:
        """The message, complete with the id of the uploaded file."""
        message: Json = _placed(self.message, self.media_path, provider_media_id)
        return message


def _placed(node: Any, path: tuple[str | int, ...], value: str) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(node, list):
        return [_placed(one, rest, value) if at == step else one for at, one in enumerate(node)]
    return {**node, step: _placed(node.get(step, {}), rest, value)}


class CannotRender(Exception):
    """The channel has no way to show this body; `code` is ours, the text is for a person."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
