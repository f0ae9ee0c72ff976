"""The best architecture of a search for one, as the page shows it: drawn, or as text with the reason why not."""

from collections.abc import Sequence
from html import escape

from functions.experiment.model import Experiment
from local_runner.report.diagram import ArchitectureError, Diagram
from local_runner.report.drawing import draw
from local_runner.report.genotype import read_genotype
from local_runner.report.networks import read_network
from local_runner.view.words import optimal_text

_GENOTYPE = "Genotype("


def render_architecture(experiment: Experiment) -> str:
    """Return the section; nothing where no architecture is searched."""
    if experiment.spec.nas_config is None:
        return ""
    if experiment.optimal is None:
        return _section('<p class="reason">No Trial has an objective yet, so there is no best architecture.</p>')
    given = {it.name: it.value for it in experiment.optimal.parameter_assignments}
    value = optimal_text(experiment)
    try:
        diagrams = _read(given, value)
    except ArchitectureError as error:
        shown = [value] if value.startswith(_GENOTYPE) else list(given.values())
        return _section(_as_text(shown, str(error)))
    return _section("\n".join(draw(it, f"architecture-{number}") for number, it in enumerate(diagrams)))


def _read(given: dict[str, str], value: str) -> Sequence[Diagram]:
    """Read what the Trial reported, as DARTS' do, or what it was given, as ENAS' are. Raises ArchitectureError."""
    if value.startswith(_GENOTYPE):
        return read_genotype(value)
    if "architecture" in given and "nn_config" in given:
        return [read_network(given["architecture"], given["nn_config"])]
    message = "the objective is no Genotype(…), and the Trial was given no architecture and nn_config"
    raise ArchitectureError(message)


def _as_text(shown: Sequence[str], reason: str) -> str:
    texts = "\n".join(f"<pre>{escape(text)}</pre>" for text in shown)
    return f'<p class="reason">The architecture cannot be drawn: {escape(reason)}. It reads:</p>\n{texts}'


def _section(body: str) -> str:
    return f"<h2>Best architecture</h2>\n{body}"
