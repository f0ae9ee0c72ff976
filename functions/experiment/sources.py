"""An earlier Experiment that a search begins from."""

from events.resource import Model


class WarmSource(Model):
    """The finishes up to the `seq`-th of an Experiment: they never change, whatever becomes of it later."""

    uid: str
    name: str
    seq: int
