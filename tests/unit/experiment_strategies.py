"""Experiments that hypothesis makes up: sound ones of every kind, and ways to break them."""

from typing import Any

from hypothesis import strategies as st

from events.resource import Manifest

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,7}", fullmatch=True)
LABELS = st.from_regex(r"[A-Za-z0-9]([a-z0-9_.-]{0,6}[a-z0-9])?", fullmatch=True)
METRICS = st.from_regex(r"[a-zA-Z][\w-]{0,7}", fullmatch=True)


@st.composite
def numeric_parameters(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["int", "double"]))
    distribution = draw(st.sampled_from([None, "uniform", "logUniform", "normal", "logNormal"]))
    low = draw(st.integers(1, 1000)) if distribution in {"logUniform", "logNormal"} else draw(st.integers(-99, 99))
    high = low + draw(st.integers(0, 1000))
    space: dict[str, Any] = {"min": draw(st.sampled_from([str(low), low])), "max": str(high)}
    if draw(st.booleans()):
        space["step"] = str(draw(st.integers(1, 50))) if kind == "int" else draw(st.sampled_from(["0.5", "1e-1", 3]))
    if distribution:
        space["distribution"] = distribution
    return {"parameterType": kind, "feasibleSpace": space}


@st.composite
def listed_parameters(draw: st.DrawFn) -> dict[str, Any]:
    values = draw(st.lists(WORDS | st.just(""), min_size=1, max_size=4, unique=True))
    return {"parameterType": draw(st.sampled_from(["categorical", "discrete"])), "feasibleSpace": {"list": values}}


@st.composite
def collectors(draw: st.DrawFn) -> dict[str, Any]:
    source: dict[str, Any] = {}
    kind = draw(st.sampled_from(["StdOut", "File"]))
    if draw(st.booleans()):
        source["filter"] = {"metricsFormat": [r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"]}
    if kind == "File" and draw(st.booleans()):
        source["fileSystemPath"] = {"path": "/" + draw(NAMES)}
    return {"collector": {"kind": kind}, **({"source": source} if source else {})}


@st.composite
def experiments(draw: st.DrawFn) -> Manifest:
    """Return a sound Experiment for simulated Workers, which report `objectiveMetricName` or nothing."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    parameters = [{"name": name, **draw(numeric_parameters() | listed_parameters())} for name in names]
    metrics = draw(st.lists(METRICS, min_size=1, max_size=3, unique=True))
    most = draw(st.integers(1, 6))
    spec: dict[str, Any] = {
        "objective": {
            "type": draw(st.sampled_from(["minimize", "maximize"])),
            "objectiveMetricName": metrics[0],
            "additionalMetricNames": metrics[1:],
        },
        "algorithm": {"algorithmName": "random"},
        "maxTrialCount": most,
        "parameters": parameters,
        "trialTemplate": {
            "trialParameters": [{"name": f"of {name}", "reference": name} for name in names],
            "trialSpec": {
                "apiVersion": "kuttab.dev/v1",
                "kind": "Simulated",
                "spec": {"command": [*(f"${{trialParameters.of {name}}}" for name in names), draw(WORDS)]},
            },
        },
    }
    optional = {
        "parallelTrialCount": st.integers(1, most),
        "maxFailedTrialCount": st.integers(0, most),
        "resumePolicy": st.sampled_from(["Never", "LongRunning", "FromVolume"]),
        "metricsCollectorSpec": collectors(),
        "earlyStopping": st.just({"algorithmName": "medianstop"}),
    }
    spec |= {name: draw(values) for name, values in optional.items() if draw(st.booleans())}
    if draw(st.booleans()):
        spec["objective"]["goal"] = draw(st.integers(-5, 5) | st.floats(-1e9, 1e9))
    metadata: dict[str, Any] = {"name": "generated", "labels": draw(st.dictionaries(LABELS, LABELS, max_size=2))}
    return {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": metadata, "spec": spec}


_ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
GONE = object()


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a manifest."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, item in children for path in [(*at, key), *places(item, (*at, key))]]


def changed(value: Any, path: tuple[Any, ...], to: object) -> Any:
    """Return the manifest with what is at the path replaced, or taken away."""
    if not path:
        return to
    key, rest = path[0], path[1:]
    if isinstance(value, dict):
        inner = changed(value[key], rest, to)
        return {name: inner if name == key else it for name, it in value.items() if name != key or inner is not GONE}
    inner = changed(value[key], rest, to)
    return [*value[:key], *([] if inner is GONE else [inner]), *value[key + 1 :]]


@st.composite
def broken_experiments(draw: st.DrawFn) -> Manifest:
    """Return an Experiment in which one to three places were replaced by something else, or taken away."""
    manifest: Any = draw(experiments())
    for _ in range(draw(st.integers(1, 3))):
        if found := places(manifest):
            manifest = changed(manifest, draw(st.sampled_from(found)), draw(st.just(GONE) | _ODD))
    return manifest  # type: ignore[no-any-return]  # a dict still: only what lies inside is changed
