"""Seal small secrets so that a stolen row is unreadable and cannot be moved to another row."""

from sealing.errors import (
    ContextMismatch,
    InvalidKeyRing,
    MalformedSeal,
    SealingError,
    UnknownKey,
)
from sealing.key_ring import KeyRing

__all__ = [
    "ContextMismatch",
    "InvalidKeyRing",
    "KeyRing",
    "MalformedSeal",
    "SealingError",
    "UnknownKey",
]
