"""What a person may say: text, files, choices, a template, a place, a reaction."""

from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from contracts.v1 import shapes
from gateway.api.parts import Shape
from gateway.words import Name

ShortLine = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]


_PLAIN_FIELDS: Final = frozenset(
    {
        "text",
        "author",
        "reply_to",
        "canned_reply_id",
        "expected_ownership_number",
        "expected_last_seq",
    }
)


class ChoiceBody(Shape):
    """Something to tap."""

    payload: Annotated[str, StringConstraints(max_length=256)] = Field(
        description="Comes back when it is tapped; the customer does not see it."
    )
    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)
    ] = Field(description="Its words.")
    description: ShortLine | None = Field(None, description="A second line, where there is room.")
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{1,2040}$")] | None = Field(
        None, description="Opens this address instead of coming back."
    )


class SectionBody(Shape):
    """Choices under one heading."""

    title: ShortLine | None = Field(None, description="The heading.")
    choices: Annotated[list[ChoiceBody], Field(min_length=1, max_length=100)] = Field(
        description="In the order in which they are shown."
    )


class ChoicesBody(Shape):
    """What the customer may tap; the channel's limits choose the nearest shape that fits."""

    style: Literal["buttons", "list", "quick_replies"] = Field(description="The shape wished for.")
    label: ShortLine | None = Field(None, description="On the button that opens a list.")
    sections: Annotated[list[SectionBody], Field(min_length=1, max_length=20)] = Field(
        description="One section where headings do not matter."
    )


class PlaceValue(Shape):
    """A value for one place of a template: words or a file."""

    component: Literal["header", "body", "button"] = Field(description="Where the place is.")
    index: Annotated[int, Field(ge=0, le=31)] = Field(0, description="Which place of it, from 0.")
    name: ShortLine | None = Field(None, description="Its name, for templates with named places.")
    text: Annotated[str, StringConstraints(max_length=1_024)] | None = Field(
        None, description="The words."
    )
    media_id: UUID | None = Field(None, description="The file of a media header.")

    @model_validator(mode="after")
    def _has_one_value(self) -> Self:
        if (self.text is None) == (self.media_id is None):
            raise ValueError("needs either text or media_id")
        return self


class TemplateBody(Shape):
    """A template that Meta approved, with its values."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,512}$")] = Field(
        description="Its name."
    )
    language: Annotated[str, StringConstraints(min_length=2, max_length=16)] = Field(
        description="Its language, e.g. en_US."
    )
    parameters: Annotated[list[PlaceValue], Field(max_length=64)] = Field(
        [], description="A value for each place."
    )


class LocationBody(Shape):
    """A place on the map."""

    latitude: Annotated[float, Field(ge=-90, le=90)] = Field(description="Degrees north.")
    longitude: Annotated[float, Field(ge=-180, le=180)] = Field(description="Degrees east.")
    name: ShortLine | None = Field(None, description="What is there.")
    address: ShortLine | None = Field(None, description="Postal address.")


class ReactionBody(Shape):
    """A reaction to a message of the conversation."""

    message_id: UUID = Field(description="`recorded_message_id` of the message reacted to.")
    emoji: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="One emoji; empty takes the reaction back."
    )


class NewMessage(Shape):
    """What a person says: at least one of its parts."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=65_536)] = Field(
        "", description="Markdown; the caption of the first file where the channel has captions."
    )
    author: Name = Field("agent", description="Who says it.")
    header: ShortLine | None = Field(None, description="A line above the text.")
    footer: ShortLine | None = Field(None, description="A line below the text.")
    media_ids: Annotated[list[UUID], Field(max_length=10)] = Field(
        [], description="Files of `POST …/media`, in the order in which they are shown."
    )
    choices: ChoicesBody | None = Field(None, description="What the customer may tap.")
    template: TemplateBody | None = Field(None, description="Send this template instead of a text.")
    location: LocationBody | None = Field(None, description="A place.")
    reaction: ReactionBody | None = Field(None, description="A reaction instead of a message.")
    reply_to: UUID | None = Field(
        None, description="`recorded_message_id` of the message that it answers."
    )
    canned_reply_id: UUID | None = Field(
        None,
        description="The canned reply that it was made from: its places are filled in; without a "
        "text, it is said as it is.",
    )
    expected_ownership_number: Annotated[int, Field(ge=1)] | None = Field(
        None, description="409 `conflict` where somebody else took the conversation meanwhile."
    )
    expected_last_seq: Annotated[int, Field(ge=0)] | None = Field(
        None, description="409 `conflict` where something was said meanwhile."
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        beside = [
            self.media_ids, self.choices, self.location, self.header, self.footer
        ]  # fmt: skip
        something = (
            self.text, self.canned_reply_id, self.media_ids, self.template, self.location,
            self.reaction,
        )  # fmt: skip
        if not any(something):
            raise ValueError("needs text, media_ids, template, location or reaction")
        if self.template and (self.reaction or any(beside)):
            raise ValueError("a template goes out alone")
        if self.reaction and (self.text or self.reply_to or any(beside)):
            raise ValueError("a reaction goes out alone")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether it is nothing but text."""
        return not self.model_fields_set - _PLAIN_FIELDS

    @property
    def every_media_id(self) -> list[UUID]:
        """All files that it names."""
        places = self.template.parameters if self.template else []
        return [*self.media_ids, *(place.media_id for place in places if place.media_id)]

    def extras(
        self, files: dict[UUID, shapes.OutgoingMedia], reaction_about: str | None
    ) -> shapes.MessageExtras | None:
        """As orchestrator takes it; null for plain text."""
        if self.is_plain:
            return None
        return shapes.MessageExtras(
            header=self.header,
            footer=self.footer,
            media=[files[media_id] for media_id in self.media_ids],
            choices=_choices(self.choices) if self.choices else None,
            template=_template(self.template, files) if self.template else None,
            location=shapes.GeoPoint(**self.location.model_dump()) if self.location else None,
            reaction=(
                shapes.OutgoingReaction(about=reaction_about, emoji=self.reaction.emoji)
                if self.reaction and reaction_about
                else None
            ),
        )


def _choices(body: ChoicesBody) -> shapes.Choices:
    return shapes.Choices.model_validate(body.model_dump())


def _template(body: TemplateBody, files: dict[UUID, shapes.OutgoingMedia]) -> shapes.TemplateCall:
    return shapes.TemplateCall(
        name=body.name,
        language=body.language,
        parameters=[
            shapes.TemplateParameter(
                component=place.component,
                index=place.index,
                name=place.name,
                text=place.text,
                media=files[place.media_id] if place.media_id else None,
            )
            for place in body.parameters
        ],
    )
