"""Bytes that travel between services by their content hash."""

from blobs.errors import BlobCorrupt, BlobMissing, InvalidBlobAddress
from blobs.store import Blobs

__all__ = ["BlobCorrupt", "BlobMissing", "Blobs", "InvalidBlobAddress"]
