"""Start the installed `kuttab` command: `events` is the kuttab package here, the rest lies in kuttab/_app."""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class EventsAreKuttab(MetaPathFinder, Loader):
    """Answer `import events.trial` with the module `kuttab.trial`, so that each class exists once."""

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Claim `events` and what lies under it; another package of that name is not seen by this process."""
        return ModuleSpec(fullname, self) if fullname.partition(".")[0] == "events" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Hand out kuttab's module, and keep its own spec, which the import system is about to replace."""
        module = import_module("kuttab" + spec.name.removeprefix("events"))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Put the spec back; the module itself has run already."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


# At import and not in main, so that a child process made by spawn, which imports this file again, finds the same.
sys.meta_path.insert(0, EventsAreKuttab())
sys.path.insert(0, str(Path(__file__).with_name("_app")))


def main() -> None:
    """Run the command, or say what to install when only the SDK is here."""
    try:
        import_module("local_runner.__main__").main()
    except ModuleNotFoundError as missing:
        sys.exit(f"kuttab: there is no module {missing.name}: pip install 'kuttab[runner]'")
