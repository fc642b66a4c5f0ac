"""The five kinds of message and the envelope that all of them share.

The class line says who says a message, who hears it and its version; the address, exchange,
queues, JSON Schema, AsyncAPI and broker permissions are derived from it (`contracts.topology`,
`contracts.generate`). Fields carry no defaults: what is not on the wire was not said. Only a field
that came after its version was out is `X | None = Field(None, …)`: an older speaker does not write
it, a newer one writes null.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from uuid_utils.compat import uuid7

from contracts.naming import SERVICES, address_of, listener_queue

MESSAGE_BYTES_MAX = 256 * 1024

ShortText = Annotated[str, Field(max_length=512)]
Code = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9_]+$")]
Slug = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64)]


class UnknownService(TypeError):
    """A message class names an owner or a listener that is not a service."""


class Part(BaseModel):
    """A piece of a message: strict when built, and never on the wire by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Message(Part):
    """What every message carries; `correlation_id` is the turn, document or delivery."""

    kind: ClassVar[str] = ""
    exchange: ClassVar[str] = ""
    owner: ClassVar[str] = ""
    listeners: ClassVar[tuple[str, ...]] = ()
    speakers: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 0
    address: ClassVar[str] = ""
    public: ClassVar[str | None] = None

    message_id: UUID = Field(description="Identity of this message; listeners hear it once.")
    tenant_id: UUID = Field(description="The tenant whose data this is.")
    correlation_id: UUID = Field(description="The turn, document or delivery this belongs to.")
    causation_id: UUID | None = Field(description="The message that caused this one, if any.")
    occurred_at: AwareDatetime = Field(description="When it happened, UTC.")

    @classmethod
    def make(
        cls,
        *,
        tenant_id: UUID,
        correlation_id: UUID | None = None,
        causation_id: UUID | None = None,
        message_id: UUID | None = None,
        occurred_at: datetime | None = None,
        **fields: Any,
    ) -> Self:
        """Start a story: stamp a message that no other message caused."""
        identity = message_id or uuid7()
        return cls(
            message_id=identity,
            tenant_id=tenant_id,
            correlation_id=correlation_id or identity,
            causation_id=causation_id,
            occurred_at=occurred_at or datetime.now(UTC),
            **fields,
        )

    @classmethod
    def after(
        cls,
        cause: "Message",
        *,
        message_id: UUID | None = None,
        correlation_id: UUID | None = None,
        **fields: Any,
    ) -> Self:
        """Continue a story: same tenant and correlation, caused by `cause`."""
        return cls.make(
            tenant_id=cause.tenant_id,
            correlation_id=correlation_id or cause.correlation_id,
            causation_id=cause.message_id,
            message_id=message_id,
            **fields,
        )

    @classmethod
    def queues(cls) -> tuple[str, ...]:
        """Names of the queues it is taken from; each kind says how."""
        return ()

    @classmethod
    def hear(cls, body: bytes) -> Self:
        """Read a message from the wire; unknown fields of a newer speaker are ignored."""
        return cls.model_validate_json(body, extra="ignore")

    def said(self) -> bytes:
        """The bytes that go on the wire, UTF-8 JSON."""
        return self.model_dump_json().encode()


class Event(Message):
    """It happened; anyone may listen. One queue for each listener."""

    kind = "event"
    exchange = "events"

    def __init_subclass__(
        cls,
        *,
        owner: str = "",
        heard_by: tuple[str, ...] = (),
        version: int = 0,
        public: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        listeners = (*heard_by, "webhook-dispatcher") if public else heard_by
        _name(cls, owner, listeners, (owner,), version)
        cls.public = public

    @classmethod
    def queues(cls) -> tuple[str, ...]:
        """One queue a listener."""
        return tuple(listener_queue(listener, cls.address) for listener in cls.listeners)


class Command(Message):
    """Do it; one recipient (the owner); durable."""

    kind = "command"
    exchange = "commands"

    def __init_subclass__(
        cls, *, owner: str = "", said_by: tuple[str, ...] = (), version: int = 0, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        _name(cls, owner, (owner,), said_by, version)

    @classmethod
    def queues(cls) -> tuple[str, ...]:
        """One queue, named as the address."""
        return (cls.address,)


class Answer(Part):
    """What a request is answered with; travels to the asker's own reply queue."""


class Refusal(Part):
    """The other answer: why the owner would not or could not, AMQP type `refusal`."""

    code: Code = Field(description="Stable: not_found, invalid_request, internal_error …")
    detail: Annotated[str, Field(max_length=2_000)] = Field(description="For a person.")
    retry_after_seconds: float | None = Field(
        None, ge=0, description="When asking again may help; null: nobody knows, or never."
    )


AnswerType = TypeVar("AnswerType", bound=Answer)


class Request(Message, Generic[AnswerType]):
    """Ask the owner and wait with a deadline; late answers are dropped."""

    kind = "request"
    exchange = "requests"
    answer: ClassVar[type[Answer]] = Answer

    def __init_subclass__(
        cls, *, owner: str = "", asked_by: tuple[str, ...] = (), version: int = 0, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if not owner:
            return
        _name(cls, owner, (owner,), asked_by, version)
        cls.answer = _answer_of(cls)

    @classmethod
    def queues(cls) -> tuple[str, ...]:
        """One queue, named as the address."""
        return (cls.address,)


class Stream(Message):
    """Reply deltas and typing: may be lost, never the only carrier of content."""

    kind = "stream"
    exchange = "streams"
    to_each_replica: ClassVar[bool] = False
    """Whether every process of a listener hears it, on a queue that lives as long as it does."""

    def __init_subclass__(
        cls,
        *,
        owner: str = "",
        heard_by: tuple[str, ...] = (),
        version: int = 0,
        to_each_replica: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        _name(cls, owner, heard_by, (owner,), version)
        cls.to_each_replica = to_each_replica

    @classmethod
    def queues(cls) -> tuple[str, ...]:
        """One transient-content queue a listener; none that stays where each replica hears it."""
        if cls.to_each_replica:
            return ()
        return tuple(listener_queue(listener, cls.address) for listener in cls.listeners)


def _name(
    cls: type[Message],
    owner: str,
    listeners: tuple[str, ...],
    speakers: tuple[str, ...],
    version: int,
) -> None:
    unknown = {owner, *listeners, *speakers} - set(SERVICES)
    if unknown:
        raise UnknownService(f"{cls.__name__} names {sorted(unknown)}, which is no service")
    cls.owner = owner
    cls.listeners = listeners
    cls.speakers = speakers
    cls.version = version
    cls.address = address_of(cls.__name__, owner, version)


def _answer_of(cls: type[Request[Any]]) -> type[Answer]:
    for parent in cls.__mro__:
        metadata = parent.__dict__.get("__pydantic_generic_metadata__")
        if metadata and metadata.get("origin") is Request and metadata.get("args"):
            answer: type[Answer] = metadata["args"][0]
            return answer
    raise TypeError(f"{cls.__name__} does not say what it is answered with: Request[TheAnswer]")
