"""Where a search begins: seeds that are run, results that are known, earlier Experiments."""

from typing import Any

import pytest

from events.experiment import ExperimentSpec
from functions.experiment.admission import read_experiment
from functions.experiment.admit import handle as admit
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.suggestion.history import pack_row
from functions.suggestion.history_cache import HistoryCache
from functions.suggestion.searching import claim_search, search
from functions.trial.model import TrialState
from tests.builders import UID, a_created_event, a_reference, a_search_request, a_trial, an_experiment_manifest
from tests.fakes import House
from tests.unit.nas_requests import nas_fields

X = {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}
N = {
    "name": "n",
    "parameterType": "int",
    "feasibleSpace": {"min": "1", "max": "9", "step": "2"},
    "when": {"parameter": "k", "in": ["a"]},
}
K = {"name": "k", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}}


def read(**spec: Any) -> list[str]:
    template = {"trialParameters": [], "trialSpec": {"apiVersion": "kuttab.dev/v1", "kind": "External"}}
    manifest = an_experiment_manifest(**{"parameters": [X, N, K], "trialTemplate": template, **spec})
    return [str(error) for error in read_experiment(manifest).errors]


def test_everything_that_is_wrong_with_seeds_is_said() -> None:
    at = "spec.seedTrials"
    seeds = [
        {"parameters": {"x": 2, "n": "2", "k": "c", "z": 1}},
        {"parameters": {"x": "0.5", "k": "a"}},
        {"parameters": {"x": "0.5", "k": "b", "n": 3}},
        {"parameters": {"x": "0.5", "k": "b"}, "observation": {"other": 1}},
        {"parameters": {"x": 0.5, "k": "a", "n": 9}, "observation": {"loss": 1}},
    ]

    assert read(seedTrials=seeds) == [
        f"{at}[0].parameters.z: unknown parameter z",
        f"{at}[0].parameters.x: '2' is not a value of parameter x",
        f"{at}[0].parameters.n: '2' is not a value of parameter n",
        f"{at}[0].parameters.k: 'c' is not a value of parameter k",
        f"{at}[1].parameters: parameter n must be specified",
        f"{at}[2].parameters.n: parameter n has no value at this point",
        f"{at}[3].observation: metric loss must be specified",
    ]


def test_a_seed_that_breaks_a_constraint_is_refused_with_it() -> None:
    constraints = ["x + n <= 5", "x <", 'k != "b" or x < 0.5']
    seeds: list[dict[str, Any]] = [
        {"parameters": {"x": "0.9", "k": "a", "n": 5}},
        {"parameters": {"x": "0.9", "k": "b"}, "observation": {"loss": 1}},
        {"parameters": {"x": "0.1", "k": "b"}},
    ]

    assert read(seedTrials=seeds, parameterConstraints=constraints) == [
        "spec.parameterConstraints[1]: cannot be read: invalid syntax, at character 1",
        "spec.seedTrials[0].parameters: x + n <= 5 does not hold",
        'spec.seedTrials[1].parameters: k != "b" or x < 0.5 does not hold',
    ]


def test_a_seed_that_would_run_again_is_refused_unless_duplicates_are_allowed() -> None:
    seeds = [
        {"parameters": {"x": "0.9", "k": "b"}},
        {"parameters": {"x": "0.90", "k": "b"}},
        {"parameters": {"x": 0.9, "k": "b"}, "observation": {"loss": 1}},
        {"parameters": {"x": "0.90", "k": "b"}, "observation": {"loss": 2}},
    ]

    assert read(seedTrials=seeds) == [
        "spec.seedTrials[1].parameters: is the point of spec.seedTrials[0] again: allowDuplicates runs both"
    ]
    assert read(seedTrials=seeds, allowDuplicates=True) == []


def test_everything_that_is_wrong_with_sources_is_said() -> None:
    settings = [{"name": "r_l", "value": "9"}, {"name": "resource_name", "value": "x"}]
    hyperband = {"algorithmName": "hyperband", "algorithmSettings": settings}

    assert read(warmStartFrom=["a", "a", ""]) == [
        "spec.warmStartFrom[1]: holds 'a' twice",
        "spec.warmStartFrom[2]: must be specified",
    ]
    assert read(warmStartFrom=["a"], algorithm=hyperband) == [
        "spec.warmStartFrom: algorithm hyperband does not learn from Trials that are not its own"
    ]


async def admitted(house: House, name: str = "digits", uid: str = UID, **spec: Any) -> Experiment:
    async with house.stores.begin() as store:
        await admit(a_created_event(uid, name=name, **spec), store=store, limits=Limits())
    async with house.stores.begin() as store:
        found = await store.experiment(a_reference(uid, name=name))
    assert found is not None
    return found


async def asked(house: House, uid: str = UID, histories: HistoryCache | None = None) -> Any:
    async with house.stores.begin() as store:
        claim = await claim_search(
            a_search_request(uid), store, HistoryCache() if histories is None else histories, Limits()
        )
    assert claim is not None
    return claim


async def test_seeds_are_the_first_trials_as_they_are_given(house: House) -> None:
    seeds: list[dict[str, Any]] = [{"parameters": {"x": "0.25"}}, {"parameters": {"x": 0.75}}]
    await admitted(house, seedTrials=seeds, maxTrialCount=9)

    first = search(await asked(house))

    assert [it.row for it in first.suggestions] == [(0.25,), (0.75,)]
    assert not first.is_end


async def test_known_results_are_told_and_not_run(house: House) -> None:
    seeds = [{"parameters": {"x": 0.1}, "observation": {"loss": 3}}, {"parameters": {"x": 0.9}}]
    await admitted(house, seedTrials=seeds, objective={"type": "maximize", "objectiveMetricName": "loss"})

    claim = await asked(house)

    assert (claim.request.history.rows.tolist(), claim.request.history.values.tolist()) == ([[0.1]], [-3.0])
    assert claim.request.history.numbers.tolist() == [0]
    assert not claim.request.history.has((0.1,))
    assert [it.row for it in search(claim).suggestions] == [(0.9,)]


async def add_results(house: House, experiment: Experiment, *results: tuple[float, float | None]) -> None:
    async with house.stores.begin() as store:
        held = await store.experiment(experiment.ref, lock=True)
        assert held is not None
        for x, value in results:
            held.seq += 1
            row = {"vector": pack_row((x,)), "value": value, "seq": held.seq, "state": TrialState.SUCCEEDED}
            await store.add_trials([a_trial(held, held.seq, **row)])


async def test_a_warm_start_tells_what_lies_in_the_space_and_was_there_at_admission(house: House) -> None:
    earlier = await admitted(house, "earlier", "uid-earlier")
    await add_results(house, earlier, (0.1, 5.0), (0.9, 4.0), (0.2, None))
    narrow = [{**X, "feasibleSpace": {"min": "0", "max": "0.5"}}]

    later = await admitted(house, warmStartFrom=["earlier"], parameters=narrow)
    await add_results(house, earlier, (0.3, 1.0))
    history = (await asked(house)).request.history

    assert later.error == ""
    assert (history.rows.tolist(), history.values.tolist()) == ([[0.1]], [5.0])
    assert (history.prior_count, history.last_seq) == (1, 0)


async def test_a_deleted_source_is_forgotten_at_once_by_warm_and_cold_processes(house: House) -> None:
    sources = {name: await admitted(house, name, f"uid-{name}") for name in ("old", "older")}
    await add_results(house, sources["old"], (0.1, 5.0), (0.9, 4.0))
    await add_results(house, sources["older"], (0.3, 3.0))
    await admitted(house, warmStartFrom=["old", "older"])
    warm = HistoryCache()
    warm.put(UID, (await asked(house, histories=warm)).request.history)

    async with house.stores.begin() as store:
        held = await store.experiment(sources["old"].ref, lock=True)
        assert held is not None
        held.delete(at=await store.now())
    told = [(await asked(house, histories=histories)).request.history for histories in (warm, HistoryCache())]

    assert [history.rows.tolist() for history in told] == [[[0.3]], [[0.3]]]
    assert [history.prior_count for history in told] == [1, 1]


async def test_a_source_that_searches_an_architecture_fails_the_experiment(house: House) -> None:
    await admitted(house, "earlier", "uid-earlier", **nas_fields("enas"))

    experiment = await admitted(house, warmStartFrom=["earlier"])

    assert experiment.is_completed
    assert experiment.error.startswith("spec.warmStartFrom[0]: Experiment earlier searches spec.nasConfig")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"warmStartFrom": ["nobody"]}, "spec.warmStartFrom[0]: there is no Experiment nobody in namespace default"),
        (
            {"warmStartFrom": ["earlier"], "objective": {"type": "minimize", "objectiveMetricName": "time"}},
            "spec.warmStartFrom[0]: Experiment earlier has the objective loss (min), not time (min)",
        ),
        (
            {"warmStartFrom": ["earlier"], "constraints": [{"metric": "size", "max": 1}]},
            "spec.warmStartFrom[0]: Experiment earlier has other constraints on metrics",
        ),
    ],
)
async def test_a_source_that_cannot_be_used_fails_the_experiment(house: House, spec: Any, message: str) -> None:
    await admitted(house, "earlier", "uid-earlier")

    experiment = await admitted(house, **spec)

    assert (experiment.error, experiment.is_completed) == (message, True)


def test_a_plain_file_has_neither() -> None:
    assert (ExperimentSpec().seed_trials, ExperimentSpec().warm_start_from) == (None, None)
