from structlog.testing import capture_logs

from worker.progress_log import ProgressLog
from worker.tally import Tally


def test_many_drains_are_one_line_and_each_message_is_in_one_of_them() -> None:
    progress = ProgressLog()
    with capture_logs() as lines:
        progress.tell(at_once=True)
        for _ in range(1000):
            progress.add(Tally(applied=3, duplicate=1))
            progress.tell()
        progress.tell(at_once=True)
        progress.tell(at_once=True)
    assert [line["log_level"] for line in lines] == ["info", "info"]
    assert sum(line["applied"] for line in lines) == 3000
    assert sum(line["duplicate"] for line in lines) == 1000
    assert sum(line["drains"] for line in lines) == 1000
