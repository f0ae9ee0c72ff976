"""Templates in ConfigMaps of a cluster, looked up by whoever submits an Experiment."""

from pathlib import Path

import pytest

from local_runner.checking import InvalidFileError, check
from local_runner.cluster_config_maps import gather_config_maps
from local_runner.config_maps import is_config_map
from local_runner.documents import Document, DocumentError, load_documents
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_store import CONFIG_MAPS

FILE = Path(__file__).parents[1] / "data" / "experiments" / "config_map.yaml"
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))


def documents() -> tuple[Document, Document]:
    """Return the Experiment and the ConfigMap of the file."""
    first, second = load_documents(str(FILE))
    return (second, first) if is_config_map(first) else (first, second)


def test_a_template_of_the_cluster_is_put_into_the_experiment(cluster: Cluster) -> None:
    experiment, config_map = documents()
    manifest = {**config_map.manifest, "metadata": {"name": "templates", "namespace": "scribes"}}
    cluster.do(lambda api: api.store.namespaces.add("scribes"))
    cluster.do(lambda api: api.store.create(CONFIG_MAPS, "scribes", manifest))

    found = gather_config_maps([experiment], ())
    (submission,) = check([experiment], namespace=None, target="process", config_maps=found)

    (of_the_file,) = check([experiment, config_map], namespace=None, target="process")
    assert submission.event.resource["spec"] == of_the_file.event.resource["spec"]


def test_a_config_map_that_nobody_has_is_refused_as_without_a_cluster(cluster: Cluster) -> None:
    experiment, _ = documents()

    found = gather_config_maps([experiment], ())

    assert found == []
    with pytest.raises(InvalidFileError, match="ConfigMap scribes/templates is not at hand"):
        check([experiment], namespace=None, target="process", config_maps=found)


def test_the_cluster_is_not_asked_for_what_the_file_holds(cluster: Cluster) -> None:
    assert gather_config_maps(documents(), ()) == []
    assert not cluster.do(lambda api: [call for call in api.calls if "configmaps" in call])


def test_a_cluster_that_does_not_show_it_is_one_message_with_the_place(cluster: Cluster) -> None:
    cluster.inject("GET", "configmaps", 403, "Forbidden", "configmaps is forbidden")

    with pytest.raises(DocumentError, match=r"config_map\.yaml.*spec\.trialTemplate\.configMap: .*forbidden"):
        gather_config_maps([documents()[0]], ())
