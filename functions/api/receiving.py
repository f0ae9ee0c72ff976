"""Events over HTTP: one CloudEvent a request, on the broker before the answer says so.

A Worker pushes its metrics so, with the token of its Trial; whoever may call the rest of the API may publish any event.
"""

from http import HTTPStatus

from events.envelope import CONTENT_TYPE, MAX_MESSAGE_BYTES, MalformedEventError, decode
from events.observation import TOKEN, MetricReported
from functions.api.http import Answer, Request
from functions.api.ports import Commands
from functions.api.problems import bad_request, forbidden, too_large, unauthorized, unsupported_media_type
from functions.observation.tokens import Tokens

PATH = "/events"


async def receive(request: Request, *, commands: Commands, tokens: Tokens, is_known: bool) -> Answer:
    """Publish the event of this request. Raises ApiError, and what the port raises where the broker is away."""
    if request.media_type != CONTENT_TYPE:
        raise unsupported_media_type(request.media_type, CONTENT_TYPE)
    if len(request.body) > MAX_MESSAGE_BYTES:
        raise too_large(MAX_MESSAGE_BYTES)
    try:
        event = decode(request.body)
    except MalformedEventError as error:
        raise bad_request(str(error)) from error
    if isinstance(event, MetricReported) and tokens.secret and TOKEN in event.extensions:
        if not tokens.is_borne_by(event):
            raise forbidden(f"{TOKEN}: is not the token of attempt {event.attempt} of {event.trial.name}")
    elif not is_known:
        raise unauthorized()
    await commands.publish(event)
    return Answer.of({"id": event.id}, status=HTTPStatus.ACCEPTED)
