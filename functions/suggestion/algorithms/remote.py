"""An algorithm behind a URL: asked by HTTP for every search, in any language."""

import json
from collections.abc import Iterator, Mapping
from urllib import request as http
from urllib.parse import urlsplit

from pydantic import JsonValue, ValidationError

from events.experiment import ExperimentSpec
from functions.errors import KuttabError
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.remote_messages import Question, Reply, ReplySuggestion, to_question
from functions.suggestion.algorithms.settings import SETTINGS, setting_paths, validate_parameters_only
from functions.suggestion.foreign import check_labels, read_texts
from functions.suggestion.search_space import Problem

DEFAULT_TIMEOUT_SECONDS = 20.0
MAX_TIMEOUT_SECONDS = 50.0
"""Less than the lease of a search, which somebody else would take over."""

MAX_REPLY_BYTES = 4 * 2**20

URL = "url"
TIMEOUT = "timeoutSeconds"


class ReplyError(KuttabError):
    """The algorithm's server answered with something that is no answer: its message says what."""


class _NoRedirects(http.HTTPRedirectHandler):
    """Refuses to go elsewhere: the URL is what was checked."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:  # noqa: ARG002 - the library's signature
        """Follow nothing."""
        return


class Remote:
    """Katib's own way turned around: the service is the user's. It decides all that it wants, and we keep its state."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with our settings; the others are the server's."""
        yield from validate_parameters_only(spec)
        paths = {name: f"{path}.value" for name, path in setting_paths(spec).items()}
        if not _is_url(settings.get(URL, "")):
            yield paths.get(URL, SETTINGS), f"{URL} must be set to an http or https URL"
        try:
            is_right = 0 < float(settings.get(TIMEOUT, DEFAULT_TIMEOUT_SECONDS)) <= MAX_TIMEOUT_SECONDS
        except ValueError:
            is_right = False
        if not is_right:
            yield paths.get(TIMEOUT, SETTINGS), f"{TIMEOUT} must be a number of seconds up to {MAX_TIMEOUT_SECONDS:g}"

    def suggest(self, request: Request) -> Answer:
        """Ask the server.

        Raises OSError where it cannot be reached, ReplyError or SuggestionError where its answer cannot be used.
        """
        settings = {name: text for name, text in request.settings.items() if name not in {URL, TIMEOUT}}
        timeout = float(request.settings.get(TIMEOUT) or DEFAULT_TIMEOUT_SECONDS)
        reply = _ask(request.settings[URL], to_question(request, settings), timeout)
        given = enumerate(reply.suggestions[: request.count])
        return Answer(
            tuple(_read_suggestion(request, it, f"suggestions[{index}]") for index, it in given),
            state=reply.state,
            is_end=reply.is_end and len(reply.suggestions) <= request.count,
            note=reply.note,
        )


def _read_suggestion(request: Request, given: ReplySuggestion, at: str) -> Suggested:
    check_labels(given.labels, at)
    return Suggested(read_texts(request.space, given.parameters, at), dict(given.labels))


def _is_url(text: str) -> bool:
    """Tell whether this is a URL that can be asked, as far as its letters say."""
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is no number
        return False
    return is_whole and text.isascii() and text.isprintable() and " " not in text


def _ask(url: str, question: Question, timeout_seconds: float) -> Reply:
    body = question.model_dump_json(by_alias=True).encode()
    call = http.Request(url, data=body, headers={"Content-Type": "application/json"}, method="POST")  # noqa: S310 - checked
    with http.build_opener(_NoRedirects).open(call, timeout=timeout_seconds) as response:
        text = response.read(MAX_REPLY_BYTES + 1)
    if len(text) > MAX_REPLY_BYTES:
        message = f"the answer is longer than {MAX_REPLY_BYTES} bytes"
        raise ReplyError(message)
    try:
        return Reply.model_validate(_parse(text))
    except (ValidationError, ValueError) as error:
        message = f"the answer is not as it should be: {error}"
        raise ReplyError(message[:1_000]) from error


def _parse(text: bytes) -> JsonValue:
    """Read what another program can read again: without NaN, infinity and halves of characters. Raises ValueError."""
    value: JsonValue = json.loads(text)
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    return value


HTTP = Remote()
