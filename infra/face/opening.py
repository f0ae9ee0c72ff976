"""Put the face together: reader, commands and rules, for whichever broker the events go to."""

from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from functions.api.face import Access, Face
from functions.api.http import Answer, Request
from functions.api.problems import unavailable
from functions.observation.tokens import Tokens
from functions.trial.placement import Placement
from infra.face.commands import Publish, SQLCommands
from infra.face.logs import TargetLogs
from infra.face.pace import SystemPace
from infra.settings import Settings
from infra.store.engine import SQLStores
from infra.store.opening import one_line
from infra.store.reader import SQLReader
from infra.wiring import Wiring

Respond = Callable[[Request], Awaitable[Answer]]


def open_face(
    settings: Settings,
    engine: AsyncEngine,
    publish: Publish,
    *,
    placement: Placement,
    is_open: bool = False,
    can_stream: bool = True,
) -> Respond:
    """Return what answers requests; a database that is away is 503 and no crash."""
    tokens = Tokens(settings.secret)
    commands = SQLCommands(Wiring(SQLStores(engine), limits=settings.limits, tokens=tokens), publish)
    face = Face(
        SQLReader(engine),
        commands,
        TargetLogs(settings),
        SystemPace(),
        access=Access(settings.api_token, tokens, is_open=is_open),
        placement=placement,
        limits=settings.limits,
        can_stream=can_stream,
    )

    async def respond(request: Request) -> Answer:
        try:
            return await face.answer(request)
        except (SQLAlchemyError, OSError) as error:
            return Answer.refuse(unavailable(f"the database cannot be used: {one_line(error)}"))

    return respond
