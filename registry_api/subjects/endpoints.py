"""HTTP of subjects."""

from typing import Annotated

from fastapi import Query, Request

from registry_api.access import writing
from registry_api.db import UnitOfWork
from registry_api.http import api_router, problems
from registry_api.subjects.service import erase_person

router = api_router("subjects")


@router.delete(
    "/subjects", status_code=204, summary="Erase a person", responses=problems(conflict="It is a live token.")
)
async def erase_subject(
    request: Request,
    work: Annotated[UnitOfWork, writing("subjects:erase")],
    person: Annotated[
        str,
        Query(
            min_length=1,
            max_length=1000,
            description="The person's id as usage was sent with it, a maintainer's handle, a CI login, a mail or network "
            "address, or token:<id>.",
        ),
    ],
) -> None:
    """The link between person and pseudonym is gone at once; a job then rewrites the segments without the pseudonym. What the
    audit log has of somebody by that name, or of who used a token that opens nothing any more, is answered as `(erased)` from now on.

    A person the tenant does not know, or no longer, is answered the same, so the call may be repeated.
    """
    await erase_person(work, request.app.state.settings, person)
