"""What can go wrong while sealing; no message ever holds a key or a plaintext."""


class SealingError(Exception):
    """The parent of every refusal of this library."""


class InvalidKeyRing(SealingError):
    """The configured master keys are missing, short, doubled or not base64."""


class MalformedSeal(SealingError):
    """The text is not something that `seal` wrote."""


class UnknownKey(SealingError):
    """The text was sealed with a key that is not in this ring."""


class ContextMismatch(SealingError):
    """The text was changed, or was sealed for another context (row, tenant, column)."""
