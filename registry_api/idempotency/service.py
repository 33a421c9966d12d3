"""Answering a keyed request once: the effect and its answer commit together, a repeat gets the answer again."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta

from fastapi import Request, Response

from patchbay.core.clock import utcnow
from registry_api.db import Principal, Reader, UnitOfWork
from registry_api.idempotency.errors import KeyInFlight
from registry_api.idempotency.keys import HEADER, Question
from registry_api.idempotency.models import IdempotentAnswer
from registry_api.idempotency.repository import Answers
from registry_api.idempotency.sealing import seal, unseal
from registry_api.problems import FieldError, IdempotencyKeyReused
from registry_api.secrets import Key

KEPT = timedelta(hours=24)
KEPT_HEADERS = ("content-type", "etag", "location", "retry-after")
REPLAYED = "Idempotency-Replayed"


class Known(Exception):
    """The request was answered before; carries that answer out of whatever was about to be done."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


class Once:
    """The one unit of work of a keyed request, committed only when its answer stands beside its effect."""

    def __init__(self, question: Question, key: Key, units: AsyncExitStack) -> None:
        self.question, self.key, self.units = question, key, units
        self.work: UnitOfWork | None = None

    async def begin(self, unit: AbstractAsyncContextManager[UnitOfWork]) -> UnitOfWork:
        """Open the unit and claim the key in it.

        Raises `Known` with the former answer, `KeyInFlight`, `IdempotencyKeyReused` when the key came with another request.
        """
        if self.work is not None:
            raise RuntimeError("a keyed route opens one unit of work; what it did in two could be done half")
        self.work = await self.units.enter_async_context(unit)
        await self._claim(self.work.repository(Answers), self.work)
        return self.work

    async def _claim(self, answers: Answers, work: UnitOfWork) -> None:
        if not await answers.take(self.question):
            raise KeyInFlight
        expired = await self._unless_known(answers)
        if expired is None:
            return
        await work.session.delete(expired)
        await work.session.flush()

    async def recall(self, reader: Reader) -> None:
        """Raise `Known` with the former answer, if there is one by now, without claiming the key."""
        await self._unless_known(reader.repository(Answers))

    async def _unless_known(self, answers: Answers) -> IdempotentAnswer | None:
        """An answer that has expired, or None; raises `Known` for one that counts."""
        stored = await answers.find(self.question)
        if stored is not None and stored.expires_at > utcnow():
            raise Known(self._replay(stored))
        return stored

    def _replay(self, stored: IdempotentAnswer) -> Response:
        known = stored.sealed_by == self.key.id  # else its fingerprint is another key's too, which unsealing then tells
        if known and stored.fingerprint != self.question.fingerprint:
            detail = f"The key {self.question.key!r} was used for another request. Use a new key for a new request."
            raise IdempotencyKeyReused(detail, errors=[FieldError(HEADER, "idempotency_key_reused", detail)])
        body = unseal(self.key, stored, self.question.binding)
        return Response(body, status_code=stored.status, headers={**stored.headers, REPLAYED: "true"})

    async def keep(self, response: Response) -> None:
        """Write the answer into the unit of work that made the effect."""
        if self.work is None:
            raise RuntimeError("a keyed route answered without a unit of work, so its answer cannot be kept")
        now = utcnow()
        await self.work.repository(Answers).sweep(now)
        self.work.session.add(
            IdempotentAnswer(
                tenant_id=self.question.tenant_id,
                actor=self.question.actor,
                key=self.question.key,
                fingerprint=self.question.fingerprint,
                status=response.status_code,
                headers={name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
                sealed=seal(self.key, bytes(response.body), self.question.binding),
                sealed_by=self.key.id,
                expires_at=now + KEPT,
            )
        )


async def answer_once(
    request: Request, principal: Principal, handle: Callable[[Request], Awaitable[Response]]
) -> Response:
    """The handler's answer, committed with its effect, or the one it gave before; an error leaves nothing behind."""
    key: Key = request.app.state.answers_key
    question = Question.of(request, principal, await request.body(), key)
    with request.app.state.in_flight.entered(question):
        try:
            async with AsyncExitStack() as units:
                request.state.once = once = Once(question, key, units)
                response = await handle(request)
                await once.keep(response)
        except Known as known:
            return known.response
    return response
