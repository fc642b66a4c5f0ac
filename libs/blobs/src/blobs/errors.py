"""What a blob store can answer instead of bytes."""


class BlobMissing(Exception):
    """No blob has this hash."""


class BlobCorrupt(Exception):
    """The stored bytes do not have the hash they are filed under."""


class InvalidBlobAddress(ValueError):
    """The store's URL or a hash is not of the expected form."""
