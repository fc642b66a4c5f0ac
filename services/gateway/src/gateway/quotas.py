"""How much a tenant may keep, and the refusal that says by how much it would be too much. Pure."""

from dataclasses import dataclass

from contracts.v1.tenants import TenantSettings


class QuotaExceeded(Exception):
    """It would be more than the tenant may keep; `figures` say how much."""

    def __init__(self, detail: str, figures: dict[str, int]) -> None:
        super().__init__(detail)
        self.figures = figures


@dataclass(frozen=True, slots=True)
class Quota:
    """What a tenant may keep."""

    documents: int
    size_bytes: int

    def of(self, settings: TenantSettings) -> "Quota":
        """The tenant's own figures; these where it has none."""
        own_documents, own_bytes = settings.quota_documents, settings.quota_bytes
        return Quota(
            self.documents if own_documents is None else own_documents,
            self.size_bytes if own_bytes is None else own_bytes,
        )

    def check(self, used: "Quota", more: "Quota") -> None:
        """Raise `QuotaExceeded` when it would grow beyond; what shrinks is always let in."""
        documents = used.documents + more.documents
        size_bytes = used.size_bytes + more.size_bytes
        figures = {
            "documents": used.documents,
            "documents_max": self.documents,
            "size_bytes": used.size_bytes,
            "size_bytes_max": self.size_bytes,
        }
        if more.documents > 0 and documents > self.documents:
            raise QuotaExceeded(
                f"{used.documents} of {self.documents} documents are used, and this needs "
                f"{more.documents} more. Delete some, or ask the platform's operator for more.",
                figures,
            )
        if more.size_bytes > 0 and size_bytes > self.size_bytes:
            raise QuotaExceeded(
                f"{used.size_bytes} of {self.size_bytes} bytes are used, and this needs "
                f"{more.size_bytes} more. Delete documents, or ask the platform's operator for "
                "more.",
                figures,
            )
