"""The one composition root: the ports that handlers name as keyword parameters are filled here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from inspect import Parameter, signature

from events.envelope import Event
from functions.catalog import Subscription
from functions.limits import Limits
from functions.observation.tokens import Tokens
from functions.ports import Host, Ledger, Notifier, Offload, Stores, Targets
from infra.notifier import SilentNotifier
from infra.offload import run_in_place

Bound = Callable[..., Awaitable[list[Event]]]


@dataclass(slots=True)
class Wiring:
    """Every port of one process. Handlers are imported when they are first needed."""

    stores: Stores
    targets: Targets = field(default_factory=dict)
    host: Host = field(default_factory=lambda: Host("local"))
    limits: Limits = field(default_factory=Limits)
    tokens: Tokens = field(default_factory=Tokens)
    offload: Offload = run_in_place
    notifier: Notifier = field(default_factory=SilentNotifier)
    caches: dict[str, object] = field(default_factory=dict)
    """What a warm process remembers: may be lost at any time."""
    _bound: dict[str, Bound] = field(default_factory=dict)

    def bind(self, function: str) -> Bound:
        """Return the function's `handle` with its ports; `store` is left to the runtime's transaction."""
        if function not in self._bound:
            handle = import_module(function).handle
            names = [name for name, it in signature(handle).parameters.items() if it.kind == Parameter.KEYWORD_ONLY]
            self._bound[function] = partial(handle, **{name: self.port(name) for name in names if name != "store"})
        return self._bound[function]

    def port(self, name: str) -> object:
        """Return a port by its name in handlers' signatures."""
        if name in _CACHES:
            if name not in self.caches:
                module, kind = _CACHES[name].rsplit(".", 1)
                self.caches[name] = getattr(import_module(module), kind)()
            return self.caches[name]
        return getattr(self, name)

    async def run(self, subscription: Subscription, event: Event, store: Ledger | None = None) -> list[Event]:
        """Call the subscription's handler."""
        handle = self.bind(subscription.function)
        return await (handle(event, store=store) if subscription.is_grouped else handle(event))


_CACHES: Mapping[str, str] = {
    "histories": "functions.suggestion.history_cache.HistoryCache",
    "memory": "functions.trial.watching.WatchMemory",
}
"""Port name → class: made on first use, so that only the functions that need one import it."""
