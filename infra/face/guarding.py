"""A database that is away is an answer, and in a watch its last line; nothing of it is a crash."""

from collections.abc import AsyncIterator, Awaitable, Callable

from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError

from functions.api.http import Answer, Request
from functions.api.problems import ApiError, unavailable
from infra.store.opening import one_line

Respond = Callable[[Request], Awaitable[Answer]]


def guard(respond: Respond) -> Respond:
    """Return what answers the same, and 503 where the database cannot be used."""

    async def guarded(request: Request) -> Answer:
        try:
            answer = await respond(request)
        except (SQLAlchemyError, OSError) as error:
            return Answer.refuse(_explain(error))
        if answer.stream is None:
            return answer
        return Answer(answer.status, media_type=answer.media_type, stream=_guard_stream(answer.stream))

    return guarded


async def _guard_stream(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for line in lines:
            yield line
    except (SQLAlchemyError, OSError) as error:
        yield to_json({"type": "ERROR", "object": _explain(error).to_status()}) + b"\n"


def _explain(error: Exception) -> ApiError:
    return unavailable(f"the database cannot be used: {one_line(error)}")
