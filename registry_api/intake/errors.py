"""Problems of whole batches; faults of single rows are rejects, not problems."""

from http import HTTPStatus

from registry_api.problems import FieldError, InvalidRequest, Problem


class EmptyBatch(InvalidRequest):
    """The batch has no row."""

    code, title = "empty_batch", "The batch is empty"


class UnreadableBody(InvalidRequest):
    """The body is not what its content type says."""

    code, title = "unreadable_body", "The body cannot be read"


class WrongColumns(InvalidRequest):
    """The columns of an Arrow stream do not fit; `errors` names each."""

    code, title = "wrong_columns", "The columns do not fit"


class KeyMissing(InvalidRequest):
    """No usable Idempotency-Key."""

    code, title = "idempotency_key_missing", "An idempotency key is needed"


class AmbiguousBatch(Problem):
    """Several streams have a batch of that id."""

    status, code, title = HTTPStatus.CONFLICT, "ambiguous_batch", "Several streams have this batch"


def key_missing(detail: str) -> KeyMissing:
    """The problem with the header named."""
    return KeyMissing(detail, errors=[FieldError("Idempotency-Key", "idempotency_key_missing", detail)])
