"""Get, list and watch."""

from functions.api.http import Answer, Request
from functions.api.kinds import Kind
from functions.api.looking import Looker, Resource, Scope
from functions.api.ports import Pace, Reader
from functions.api.problems import bad_request, not_found
from functions.api.selectors import Selector, parse_field_selector, parse_selector
from functions.api.streaming import Wish, open_watch
from functions.api.tables import Presentation
from functions.api.watching import Watches
from functions.trial.view import EXPERIMENT_LABEL


class Reading:
    """What may be looked at."""

    def __init__(self, reader: Reader, pace: Pace, *, can_stream: bool) -> None:
        self._reader = reader
        self._pace = pace
        self._watches = Watches(reader, pace)
        self._can_stream = can_stream

    async def get(self, request: Request, kind: Kind, namespace: str, name: str) -> Answer:
        """Answer with one resource. Raises ApiError."""
        found = await Looker(self._reader, Scope(kind, namespace, name)).look()
        if not found:
            raise not_found(kind, name)
        return self.show(request, kind, await found[0].render())

    def show(self, request: Request, kind: Kind, resource: Resource, *, status: int = 200) -> Answer:
        """Answer with this resource as the caller wants to see it."""
        return Answer.of(self._presentation(request, kind).one(resource), status=status)

    async def collect(self, request: Request, kind: Kind, namespace: str | None) -> Answer:
        """Answer with a list, or with a stream of what changes. Raises ApiError."""
        scope, selector = _read_query(request, kind, namespace)
        watched, presentation = self._watches.scope(scope), self._presentation(request, kind)
        if request.asks("watch"):
            wish = Wish.of(request, is_brief=not self._can_stream)
            lines = await open_watch(watched, wish, selector=selector, presentation=presentation, pace=self._pace)
            return Answer(stream=lines)
        seen, label = await watched.look()
        resources = [await it.render() for it in seen if selector.matches(it.labels)]
        return Answer.of(presentation.many(resources, str(label)))

    def _presentation(self, request: Request, kind: Kind) -> Presentation:
        return Presentation.of(request, kind, self._pace.now())

    async def namespaces(self) -> list[str]:
        """Return the namespaces that hold an Experiment, and the default one."""
        return sorted({"default", *(it.namespace for it in await self._reader.experiments())})


def _read_query(request: Request, kind: Kind, namespace: str | None) -> tuple[Scope, Selector]:
    """Return where to look, as narrow as the selectors say, and what else must hold. Raises ApiError."""
    try:
        selector = parse_selector(request.query.get("labelSelector", ""))
        fields = parse_field_selector(request.query.get("fieldSelector", ""))
    except ValueError as error:
        raise bad_request(str(error)) from error
    experiment = "" if kind == Kind.EXPERIMENTS else selector.value_of(EXPERIMENT_LABEL)
    where = fields.get("metadata.namespace", namespace) if namespace is None else namespace
    return Scope(kind, where, fields.get("metadata.name", ""), experiment), selector
