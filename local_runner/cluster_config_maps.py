"""ConfigMaps with trial templates: of files, and of the cluster for Experiments that find theirs in no file."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from events.trial import ConfigMapSource
from functions.errors import KuttabError
from functions.trial.config_map import find_config_map
from infra.target.kubernetes_presence import is_cluster_configured
from local_runner.config_maps import ConfigMaps, is_config_map, load_config_maps
from local_runner.documents import Document, DocumentError

if TYPE_CHECKING:
    from infra.target.kubernetes_calls import KubernetesCalls

Wanted = tuple[str, ConfigMapSource]
"""The place of an Experiment, and the ConfigMap that it wants."""


def gather_config_maps(documents: Sequence[Document], files: Sequence[str]) -> list[Document]:
    """Return the ConfigMaps of these files, and those that are wanted besides of the cluster, as far as it has them.

    Raises DocumentError where a file is wrong, or the cluster does not answer.
    """
    given = load_config_maps(files)
    maps = ConfigMaps.from_documents([*given, *documents])
    sources = [(it.place, find_config_map(it.manifest)) for it in documents if not is_config_map(it)]
    wanted = [(place, source) for place, source in sources if source and not maps.has(source)]
    if not wanted or not is_cluster_configured():
        return given
    return [*given, *asyncio.run(_read_all(wanted))]


async def _read_all(wanted: Sequence[Wanted]) -> list[Document]:
    from infra.target.kubernetes_calls import KubernetesCalls

    calls = KubernetesCalls()
    try:
        return [found for place, source in wanted for found in await _read(calls, place, source)]
    finally:
        await calls.close()


async def _read(calls: "KubernetesCalls", place: str, source: ConfigMapSource) -> list[Document]:
    from infra.target.kubernetes_calls import Place

    namespace, name = source.config_map_namespace, source.config_map_name
    try:
        found = await calls.get(Place("api/v1", "configmaps"), namespace, name)
    except KuttabError as error:
        message = f"{place}: spec.trialTemplate.configMap: {namespace}/{name}: {error}"
        raise DocumentError(message) from error
    return [Document(f"configmap/{name}", {**found, "kind": "ConfigMap"})] if found else []
