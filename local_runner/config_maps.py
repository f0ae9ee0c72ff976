"""Trial templates of files: the ConfigMaps among their documents, and Experiments with their templates put in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue

from events.resource import Manifest
from events.trial import ConfigMapSource
from functions.trial.config_map import find_config_map, put_template
from local_runner.documents import Document, DocumentError, load_documents, parse_text

_KIND = "ConfigMap"
_AT = "spec.trialTemplate"


@dataclass(frozen=True, slots=True)
class ConfigMaps:
    """ConfigMaps at hand, by namespace and name; one without a namespace stands for every namespace."""

    found: Mapping[tuple[str, str], Mapping[str, JsonValue]]

    @classmethod
    def from_documents(cls, documents: Iterable[Document]) -> Self:
        """Take the ConfigMaps among the documents; of two of a name the later one counts."""
        return cls(dict(_read(document.manifest) for document in documents if is_config_map(document)))

    def resolve(self, document: Document) -> Document:
        """Return the Experiment with the template of its ConfigMap put in, where that is at hand; else as it is.

        Raises DocumentError where the ConfigMap holds no such template, or one that cannot be read.
        """
        source = find_config_map(document.manifest)
        data = self._find(source) if source else None
        if source is None or data is None:
            return document  # admission refuses what has no template
        named = f"{source.config_map_namespace}/{source.config_map_name}"
        try:
            return Document(document.place, _put(document.manifest, data.get(source.template_path), source, named))
        except ValueError as error:
            message = f"{document.place}: {_AT}: {error}"
            raise DocumentError(message) from error
        except DocumentError as error:
            message = f"{document.place}: {_AT}: unable to parse {_AT}: {error}"
            raise DocumentError(message) from error

    def has(self, source: ConfigMapSource) -> bool:
        """Tell whether the ConfigMap is at hand."""
        return self._find(source) is not None

    def _find(self, source: ConfigMapSource) -> Mapping[str, JsonValue] | None:
        name = source.config_map_name
        return self.found.get((source.config_map_namespace, name), self.found.get(("", name)))


def resolve_templates(
    documents: Sequence[Document], config_maps: Sequence[Document]
) -> tuple[list[Document], list[str]]:
    """Return the documents that are no ConfigMaps, their templates put in, and what is wrong with those."""
    maps = ConfigMaps.from_documents([*config_maps, *documents])
    wanted = [document for document in documents if not is_config_map(document)]
    found: list[Document] = []
    problems = [] if wanted else [f"{documents[0].place}: holds no Experiment"]
    for document in wanted:
        try:
            found.append(maps.resolve(document))
        except DocumentError as error:
            problems.append(str(error))
    return found, problems


def is_config_map(document: Document) -> bool:
    """Tell whether this is a ConfigMap and no Experiment."""
    return document.manifest.get("kind") == _KIND


def load_config_maps(names: Sequence[str]) -> list[Document]:
    """Return the ConfigMaps of these files. Raises DocumentError where a file holds anything else."""
    documents = [document for name in names for document in load_documents(name)]
    for document in documents:
        if not is_config_map(document):
            raise DocumentError(f"{document.place}: kind: must be {_KIND}, got {document.manifest.get('kind')}")
    return documents


def _read(manifest: Manifest) -> tuple[tuple[str, str], Mapping[str, JsonValue]]:
    metadata, data = manifest.get("metadata"), manifest.get("data")
    fields = metadata if isinstance(metadata, dict) else {}
    key = (str(fields.get("namespace") or ""), str(fields.get("name")))
    return key, data if isinstance(data, dict) else {}


def _put(manifest: Manifest, text: JsonValue, source: ConfigMapSource, named: str) -> Manifest:
    if not isinstance(text, str):
        message = f"unable to parse {_AT}: ConfigMap {named} has no text under data[{source.template_path}]"
        raise ValueError(message)  # noqa: TRY004 - the file is wrong, no caller's type
    return put_template(manifest, text, parse=lambda masked: parse_text(masked, f"{named}: {source.template_path}"))
