"""Names derived from causes: the same cause always gives the same id, so that doing it again is harmless."""

import hashlib
from datetime import datetime
from typing import TypeVar

from events.envelope import Event
from events.reference import ExperimentRef

E = TypeVar("E", bound=Event)

SOURCE = "/kuttab/functions"

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names, as Katib's Trials have them: no vowels, no look-alikes."""


def derive_id(*parts: object) -> str:
    """Return a UUID (version 8, RFC 9562) that is a function of the parts."""
    digest = bytearray(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def derive_suffix(*parts: object, length: int = 8) -> str:
    """Return characters of Katib's alphabet that are a function of the parts."""
    number = int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:16], "big")
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def derive_trial_uid(experiment: ExperimentRef, number: int) -> str:
    """Return the uid of the Experiment's Trial of this number."""
    return derive_id(experiment.uid, "trial", number)


def derive_trial_name(experiment: ExperimentRef, number: int) -> str:
    """Return the name of the Experiment's Trial of this number, as Katib forms it."""
    return f"{experiment.name}-{derive_suffix(experiment.uid, number)}"


def derive_seed(*parts: object) -> int:
    """Return a 32-bit seed that is a function of the parts."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:4], "big")


def announce(event_class: type[E], cause: Event, *, at: datetime, **data: object) -> E:
    """Build the event that follows from this one; the same cause and subject give the same id."""
    draft = event_class.model_validate({**data, "id": "-", "time": at, "source": SOURCE})
    identity = derive_id(cause.id, *draft.announcement_key)
    return draft.model_copy(update={"id": identity, "caused_by": cause.id, "traceparent": cause.traceparent})
