"""What can go wrong in the storage port, one type per meaning."""


class StorageError(Exception):
    """Any failure of the storage port."""


class StorageKeyInvalid(StorageError):
    """The key is not one the port allows; nothing was read or written."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"storage key {key[:200]!r} {reason}")
        self.key = key


class ObjectMissing(StorageError):
    """No object has that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no object at {key!r}")
        self.key = key


class StorageUnavailable(StorageError):
    """The store could not be reached or refused; whether a write took effect is unknown, so repeat it."""

    def __init__(self, key: str, cause: BaseException) -> None:
        super().__init__(
            f"storage failed at {key!r}: {type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}"
        )
        self.key = key
