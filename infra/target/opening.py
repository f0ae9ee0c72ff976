"""Open the targets that any process can reach, wherever it runs: what Workers' hosts need is not among them."""

from collections.abc import Awaitable, Callable, Sequence

from events.envelope import Event
from events.trial import TargetKind
from functions.observation.tokens import Tokens
from functions.ports import Targets
from functions.worker import LogChunk, Target, Worker, WorkerState
from infra.settings import Settings
from infra.target.external import ExternalTarget
from infra.target.worker_environment import PushAccess

Publish = Callable[[Sequence[Event]], Awaitable[None]]


def open_targets(settings: Settings, publish: Publish | None = None) -> dict[TargetKind, Target]:
    """Return the remote targets. AWS's region, endpoint and credentials come from its own standard variables.

    With `publish` a target says by itself what has changed, where it can.
    """
    push = PushAccess(settings.push_broker or settings.broker, Tokens(settings.secret))
    return {
        TargetKind.BATCH: LateTarget(lambda: _open_batch(push)),
        TargetKind.KUBERNETES: LateTarget(lambda: _open_kubernetes(settings, push, publish)),
        TargetKind.EXTERNAL: ExternalTarget(),
    }


async def close_targets(targets: Targets) -> None:
    """Close what these have open."""
    for target in targets.values():
        if isinstance(target, LateTarget):
            await target.close()


def _open_kubernetes(settings: Settings, push: PushAccess, publish: Publish | None) -> Target:
    from infra.target.kubernetes import KubernetesTarget
    from infra.target.kubernetes_calls import KubernetesCalls
    from infra.target.kubernetes_watch import KubernetesWatches

    if settings.eks_cluster:
        from infra.target.kubernetes_eks import open_eks_client

        calls = KubernetesCalls(lambda: open_eks_client(settings.eks_cluster))
    else:
        calls = KubernetesCalls()
    watches = KubernetesWatches(calls, publish) if publish else None
    return KubernetesTarget(calls, push=push, image=settings.image, watches=watches)


def _open_batch(push: PushAccess) -> Target:
    from infra.target.batch import BatchTarget
    from infra.target.batch_calls import BatchCalls

    return BatchTarget(BatchCalls(), push=push)


class LateTarget:
    """A target that is opened with its first Worker: until then its SDK is not even loaded."""

    def __init__(self, open_it: Callable[[], Target]) -> None:
        self._open_it = open_it
        self._opened: Target | None = None

    @property
    def _target(self) -> Target:
        if self._opened is None:
            self._opened = self._open_it()
        return self._opened

    async def launch(self, worker: Worker) -> str:
        """Launch there."""
        return await self._target.launch(worker)

    async def look(self, worker: Worker) -> WorkerState:
        """Look there."""
        return await self._target.look(worker)

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        """Read there."""
        return await self._target.read_log(worker, start, is_over=is_over)

    async def stop(self, worker: Worker) -> None:
        """Stop there."""
        await self._target.stop(worker)

    async def remove(self, worker: Worker) -> None:
        """Remove there."""
        await self._target.remove(worker)

    async def close(self) -> None:
        """Close what it has open."""
        close = getattr(self._opened, "close", None)
        if close is not None:
            await close()
