"""Questions and answers as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.v1.documents import MetadataEntry
from gateway.document_words import Chosen, Language
from gateway.qa_pairs import QaPair
from gateway.uploads import Upload

Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
AnswerText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=16_000)
]
Alternatives = Annotated[list[Question], Field(max_length=20)]


class NewPair(Chosen):
    """A question and its answer."""

    model_config = ConfigDict(extra="forbid")

    question: Question = Field(description="As a customer would ask it.")
    answer: AnswerText = Field(description="What the bot answers from.")
    alternatives: Alternatives | None = Field(None, description="Other ways to ask it.")
    language: Language | None = Field(None, description="BCP 47; told from the words if absent.")


class PairChange(Chosen):
    """What is to change; absent fields stay."""

    model_config = ConfigDict(extra="forbid")

    question: Question | None = Field(None, description="As a customer would ask it.")
    answer: AnswerText | None = Field(None, description="What the bot answers from.")
    alternatives: Alternatives | None = Field(None, description="Other ways to ask it.")
    language: Language | None = Field(None, description="BCP 47.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing is to change")
        return self


class PairShown(BaseModel):
    """A question and its answer; `/documents/{document_id}` tells how far it has come."""

    document_id: UUID
    question: str
    alternatives: list[str]
    answer: str
    language: str | None
    enabled: bool
    expires_at: datetime | None
    tags: list[str]
    metadata: list[MetadataEntry]
    created_at: datetime


class PairsShown(BaseModel):
    """A page of pairs, the newest first."""

    items: list[PairShown]
    next_cursor: str | None


class RowProblem(BaseModel):
    """A row that was not taken."""

    line: int = Field(description="Of the file.")
    detail: str = Field(description="What is wrong with it.")


class Imported(BaseModel):
    """What became of the rows of a table."""

    created: int
    replaced: int = Field(description="Questions that were there, with another answer.")
    updated: int = Field(description="Only their tags changed.")
    unchanged: int
    failed: int
    problems: list[RowProblem] = Field(description="The first hundred of those that failed.")


def pair_shown(pair: QaPair, upload: Upload) -> PairShown:
    """A pair with what is said of its document."""
    said = upload.properties
    return PairShown(
        document_id=pair.document_id,
        question=pair.question,
        alternatives=list(pair.alternatives),
        answer=pair.answer,
        language=upload.language,
        enabled=said.enabled,
        expires_at=said.expires_at,
        tags=list(said.tags),
        metadata=list(said.metadata),
        created_at=pair.created_at,
    )
