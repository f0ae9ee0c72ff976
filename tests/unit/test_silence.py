"""A Worker's silence is measured from its last written byte that this process saw."""

from pathlib import Path

from infra.target.silence import SilenceWatch


def test_silence_grows_until_something_is_written(tmp_path: Path) -> None:
    now, log = [0.0], tmp_path / "log"
    watch = SilenceWatch(lambda: now[0])
    heard = []
    for at, text in ((0, ""), (5, ""), (6, "epoch 1"), (9, "")):
        now[0] = at
        if text:
            log.write_text(text)
        heard.append(watch.seconds(tmp_path, [log, tmp_path / "absent"]))

    assert heard == [0, 5, 0, 3]


def test_a_worker_that_was_forgotten_begins_anew(tmp_path: Path) -> None:
    now = [0.0]
    watch = SilenceWatch(lambda: now[0])
    watch.seconds(tmp_path, [])
    watch.forget(tmp_path)
    now[0] = 9

    assert watch.seconds(tmp_path, []) == 0
