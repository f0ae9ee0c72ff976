"""Be the Worker of External Trials: take each from their queue, evaluate it, and answer with `trial.finished`.

    python -m examples.publish.external_worker amqp://guest:guest@localhost/

Start as many as there is work for: they share the queue. A Trial may be asked for twice, as after a crash of this
program; the first answer counts.
"""

import logging
import sys
from collections.abc import Mapping, Sequence

from kombu import Connection, Consumer, Queue
from kombu.message import Message
from kombu.mixins import ConsumerMixin

from events.client import Publisher
from events.envelope import MalformedEventError, decode
from events.observation import MetricPoint, MetricRange
from events.trial import TrialCreated, TrialFinished, WorkerOutcome

QUEUE = "kuttab.trial-created-external"
PATIENCE_SECONDS = 60.0
"""An answer waits this long for a broker that restarts; after that the Trial is asked for again."""


def evaluate(x: Mapping[str, float]) -> float:
    """Put your training, measurement or simulation here."""
    return (x["x"] - 3) ** 2


def answer(asked: TrialCreated) -> TrialFinished:
    """Evaluate, and return how it ended; what goes wrong is an answer, too."""
    about = {"experiment": asked.experiment, "trial": asked.trial, "attempt": asked.attempt}
    try:
        loss = evaluate({it.name: float(it.value) for it in asked.parameter_assignments})
    except Exception as error:  # noqa: BLE001 - whatever a Worker fails with, the Trial has failed
        return TrialFinished(**about, outcome=WorkerOutcome.FAILED, message=str(error)[:4_096])
    points = (MetricPoint(position=0, name="loss", value=repr(loss)),)
    reported = MetricRange(source="worker", start=0, end=1, points=points)
    return TrialFinished(**about, outcome=WorkerOutcome.SUCCEEDED, log_source="worker", log_end=1, last_range=reported)


class Worker(ConsumerMixin):
    """kombu's consumer that connects again after an outage."""

    def __init__(self, connection: Connection, publisher: Publisher) -> None:
        self.connection = connection
        self._publisher = publisher

    def get_consumers(self, consumer: type[Consumer], channel: object) -> Sequence[Consumer]:  # noqa: ARG002 - kombu's
        """Take one Trial at a time; the queue is the runner's and is not declared here."""
        queues = [Queue(QUEUE, no_declare=True)]
        return [consumer(queues=queues, on_message=self._handle, prefetch_count=1)]

    def _handle(self, message: Message) -> None:
        """Ack when the broker has the answer, so that no Trial is lost."""
        try:
            asked = decode(message.body)
        except MalformedEventError as error:
            print(f"left out a message: {error}", flush=True)
            message.reject()
            return
        if isinstance(asked, TrialCreated):
            finished = answer(asked)
            self._publisher.publish(finished)
            print(f"{asked.trial.name}: {finished.outcome}", flush=True)
        message.ack()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    (url,) = sys.argv[1:]
    with Publisher(url, patience_seconds=PATIENCE_SECONDS) as publisher, Connection(url) as connection:
        Worker(connection, publisher).run()
