"""Problems of keyed requests."""

from http import HTTPStatus

from registry_api.problems import Problem


class KeyInFlight(Problem):
    """The first request with this key has not been answered yet."""

    status, code, title = HTTPStatus.CONFLICT, "idempotency_key_in_flight", "The first request is still under way"

    def __init__(self) -> None:
        detail = "A request with this Idempotency-Key is under way. Send it again in a second for its answer."
        super().__init__(detail, headers={"Retry-After": "1"})


class AnswerUnreadable(Problem):
    """The effect was made, but its stored answer was sealed with a key file that is no longer there, or told of a person who was
    erased since.
    """

    status, code, title = HTTPStatus.CONFLICT, "idempotency_answer_unreadable", "The stored answer cannot be read"
