"""Run one seed: chaos for a while, then only what the clock finds; report a broken promise with its replay."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from functions.worker import Worker
from infra import runtime
from infra.target.simulated import Script
from tests.simulation.chaos import InjectedError, Odds
from tests.simulation.extras import enrich
from tests.simulation.invariants import BrokenPromiseError, expect
from tests.simulation.scenario import ClientAction, Plan, clockless_plan, epilogue, observed_plan, plan, script
from tests.simulation.world import FUNCTIONS, HOSTS, Process, World

FLAVOUR_SHARES = (0.6, 0.2, 0.2)
"""Of the seeds: anything goes; no clock to find what a crash lost; Workers looked at all the time."""
CALM_ROUNDS = 400
"""Ticks after which every admitted Experiment must have ended; four times as many where each Trial is given up."""


def run_seed(seed: int) -> World:
    """Run a seed's world to its rest. Raises BrokenPromiseError."""
    rng = Random(f"plan/{seed}")
    flavour = rng.choices((plan, clockless_plan, observed_plan), FLAVOUR_SHARES)[0]
    has_clock = flavour is not clockless_plan
    odds = Odds(
        crash=rng.choice((0, 0.005, 0.02)) if has_clock else rng.choice((0.02, 0.05)),
        transient=rng.choice((0, 0.02)),
        drop=rng.choice((0, 0.05, 0.3)) if has_clock else 0,
        double=rng.choice((0, 0.1)),
        delay=rng.choice((0, 0.2)),
    )
    what = enrich(flavour(rng), Random(f"extras/{seed}"))
    what = replace(what, epilogue=epilogue(Random(f"epilogue/{seed}"), what))
    return run_world(seed, what, lambda worker: script(seed, worker), odds=odds)


def run_world(
    seed: int,
    what: Plan,
    how: Callable[[Worker], Script],
    *,
    odds: Odds,
    forgets: bool | None = None,
    broken_queue: str = "",
) -> World:
    """Run a world; `forgets` loses every message when the chaos ends, so that only the clock is left.

    With a `broken_queue` its handler always raises: then every Experiment must end all the same.
    """
    runtime.TRANSIENT_PAUSE_SECONDS = 0  # real time would make a seed differ from itself

    async def main() -> World:
        world = World(seed, what, how, odds=odds, broken_queue=broken_queue)
        await world.open()
        _listen(world)
        await _chaos(world, what.actions, what.steps)
        may_forget = what.has_clock and world.clockwork.rng.random() < 0.5
        await _calm(world, forgets=may_forget if forgets is None else forgets)
        if what.epilogue:
            world.clockwork.odds = odds
            await _chaos(world, what.epilogue, what.steps)
            await _calm(world, forgets=False)
        if not broken_queue:
            world.inspector.check_rest()
            check_quiet(world)
        await world.stores.close()
        return world

    return asyncio.run(main())


class _BugHandler(logging.Handler):
    """Takes every error that the runtime or a supervisor logs for a bug, unless the world made it."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, OSError | InjectedError):
            self._world.errors.append(error)


def _listen(world: World) -> None:
    """Let the world hear of every error that is logged."""
    log = logging.getLogger("kuttab")
    log.handlers = [_BugHandler(world)]
    log.setLevel(logging.ERROR)
    log.propagate = False


async def _chaos(world: World, plan: Sequence[ClientAction], steps: int) -> None:
    """Let chance choose every step, and clients act at theirs."""
    actions = list(plan)
    for step in range(steps):
        while actions and actions[0].step <= step:
            action = actions.pop(0)
            world.act(action.kind, action.experiment, action.data)
        _step(world)
        await world.clockwork.settle()
        _raise_errors(world)
    for action in actions:
        world.act(action.kind, action.experiment, action.data)


def _step(world: World) -> None:
    """Do one thing: let a host look, a step go on, a batch be delivered, time pass, the clock tick, a process die."""
    rng = world.clockwork.rng
    process = world.processes[rng.choice((*HOSTS, *FUNCTIONS))]
    kind = "look" if rng.random() < world.plan.look_share else rng.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
    if kind == "release":
        world.clockwork.release()
    elif kind == "pass":
        world.clockwork.now += timedelta(seconds=rng.choice(world.plan.pauses))
        if world.plan.clocks_jump and rng.random() < 0.1:
            world.set_clocks()
            world.clockwork.happened["clocks that jump"] += 1
        world.serve_external()
        world.pushers.serve()
    elif kind == "tick":
        if world.plan.has_clock:
            world.tick()
    elif process.is_alive:
        _let(process, kind, world)
    elif kind == "fate":
        process.restart()


_SHARES = {"release": 0.50, "deliver": 0.33, "pass": 0.10, "tick": 0.04, "fate": 0.03}


def _let(process: Process, kind: str, world: World) -> None:
    """Let a living process look, take a delivery, or lose its machine."""
    if kind == "look":
        world.look(process)
    elif kind == "deliver":
        world.deliver(process)
    elif process.supervisor and world.clockwork.chance(world.clockwork.odds.crash * 5, "hosts lost"):
        world.lose_host(process)


async def _calm(world: World, *, forgets: bool) -> None:
    """Let nothing go wrong any more, and give time and ticks until everything rests."""
    world.clockwork.odds = Odds()
    if forgets:
        world.broker.messages = [it for it in world.broker.messages if it.queue.startswith("experiment-")]
    for process in world.processes.values():
        if not process.is_alive:
            process.restart()
    for _ in range(CALM_ROUNDS * (4 if world.broken_queue else 1)):
        await _exhaust(world)
        if _rests(world):
            return
        world.clockwork.now += timedelta(seconds=5)
        if not world.plan.has_clock:
            continue
        world.tick()
        for name in HOSTS:
            world.look(world.processes[name])
    open_rows = world.inspector.rows("SELECT name, phase, pending, running FROM experiments")
    raise BrokenPromiseError(f"after {CALM_ROUNDS} ticks nothing rests: {open_rows}")


async def _exhaust(world: World) -> None:
    """Do all that can be done now."""
    for _ in range(20_000):
        await world.clockwork.settle()
        _raise_errors(world)
        world.serve_external()
        world.pushers.serve()
        if world.clockwork.release():
            continue
        busy = [process for process in world.processes.values() if world.deliver(process)]
        if not busy:
            return
    raise BrokenPromiseError("messages beget messages without end")


def _rests(world: World) -> bool:
    """Tell whether nothing is outstanding."""
    if world.broken_queue:
        return not world.inspector.rows("SELECT uid FROM experiments WHERE completed_at IS NULL AND deleted_at IS NULL")
    if not world.plan.has_clock:
        is_open = "SELECT uid FROM experiments WHERE phase IN ('Created', 'Running')"
        return not world.broker.messages and not world.inspector.rows(is_open)
    busy = "SELECT uid FROM experiments WHERE due_at IS NOT NULL OR phase IN ('Created', 'Running')"
    held = "SELECT uid FROM trials WHERE due_at IS NOT NULL"
    return not world.inspector.rows(busy) and not world.inspector.rows(held) and not world.broker.messages


def _raise_errors(world: World) -> None:
    if world.errors:
        raise world.errors[0]


def check_quiet(world: World) -> None:
    """Check that messages stay in proportion to what happened."""
    trials = sum(world.inspector.launches.values()) + 10
    ticks = world.broker.types.get("kuttab.clock.ticked.v1", 0)
    said = world.broker.published - ticks
    bound = 40 * (trials + world.clockwork.faults) + 200
    expect(said <= bound, f"{said} messages for {trials} launches and {world.clockwork.faults} faults")
