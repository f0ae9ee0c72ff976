"""Put the face together: reader, commands and rules, for whichever broker the events go to."""

from sqlalchemy.ext.asyncio import AsyncEngine

from functions.api.face import Access, Face
from functions.api.ports import Pace
from functions.observation.tokens import Tokens
from functions.trial.placement import Placement
from infra.face.commands import Publish, SQLCommands
from infra.face.guarding import Respond, guard
from infra.face.logs import TargetLogs
from infra.face.pace import SystemPace
from infra.settings import Settings
from infra.store.engine import SQLStores
from infra.store.reader import SQLReader
from infra.wiring import Wiring


def open_face(
    settings: Settings,
    engine: AsyncEngine,
    publish: Publish,
    *,
    placement: Placement,
    pace: Pace | None = None,
    is_open: bool = False,
    can_stream: bool = True,
) -> Respond:
    """Return what answers requests."""
    tokens = Tokens(settings.secret)
    commands = SQLCommands(Wiring(SQLStores(engine), limits=settings.limits, tokens=tokens), publish)
    face = Face(
        SQLReader(engine),
        commands,
        TargetLogs(settings),
        pace or SystemPace(),
        access=Access(settings.api_token, tokens, is_open=is_open),
        placement=placement,
        limits=settings.limits,
        can_stream=can_stream,
    )
    return guard(face.answer)
