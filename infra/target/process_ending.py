"""How a process Worker ended: its exit code, a limit that it overran, and the last line that it wrote."""

import signal
from datetime import UTC, datetime

from functions.worker import Worker, WorkerPhase, WorkerState
from infra.target.process_spec import heartbeat_seconds_of, timeout_seconds_of
from infra.target.worker_files import WorkerFiles

SIGNAL_BASE = 128
_MESSAGE_CHARACTERS = 500
DEADLINE_EXCEEDED = "DeadlineExceeded"
HEARTBEAT_MISSED = "HeartbeatMissed"
_HINTS = {signal.SIGXFSZ: ", a file grew past its size limit", signal.SIGKILL: ", for want of memory or from outside"}


def read_ending(worker: Worker, files: WorkerFiles) -> WorkerState:
    """Read how the Worker ended: a stop for its timeout fails it whatever its exit code says."""
    code, stop = files.find_exit_code() or 0, files.find_stop()
    late = stop.reason if stop is not None and stop.reason in {DEADLINE_EXCEEDED, HEARTBEAT_MISSED} else ""
    if code == 0 and not late:
        phase, reason, message = WorkerPhase.SUCCEEDED, "", ""
    else:
        phase = WorkerPhase.FAILED
        reason, words = _explain(code, is_stopped=stop is not None)
        if late:
            reason, words = late, _explain_late(late, worker) or words
        last_line = files.last_line(_MESSAGE_CHARACTERS)
        message = f"{words}: {last_line}" if last_line else words
    times = {"started_at": files.started_at(), "ended_at": files.ended_at(), "looked_at": datetime.now(UTC)}
    return WorkerState(phase, exit_code=code, reason=reason, message=message, **times)


def _explain_late(late: str, worker: Worker) -> str:
    is_silent = late == HEARTBEAT_MISSED
    limit = heartbeat_seconds_of(worker.manifest) if is_silent else timeout_seconds_of(worker.manifest)
    if not limit:
        return ""
    return f"wrote nothing for {limit:g} seconds" if is_silent else f"ran longer than its {limit:g} seconds"


def _explain(code: int, *, is_stopped: bool) -> tuple[str, str]:
    """Return (reason, words) of an exit code other than 0, as a shell counts."""
    try:
        number = signal.Signals(code - SIGNAL_BASE)
    except ValueError:
        return "Error", f"exit code {code}"
    hint = ", as it was told to stop" if is_stopped else _HINTS.get(number, "")
    return "Signaled", f"killed by {number.name}{hint}"
