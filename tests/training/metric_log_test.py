"""JSON lines of a run: appended, cut back on resuming, whole or passed over."""

import json

import pytest

from epik_jax.training.metric_log import MetricLog


@pytest.fixture
def log(tmp_path):
    log = MetricLog(tmp_path / "new" / "metrics.jsonl")
    for step in (2, 4, 6):
        log.write("first", step, {"loss": 1 / step})
    log.write("second", 6, {"loss": 0.5, "cost": 0.1})
    return log


def _steps(log):
    return [(row["stage"], row["step"]) for row in log.rows()]


def test_rows_come_back_as_they_were_written(log, tmp_path):
    rows = log.rows()
    assert _steps(log) == [("first", 2), ("first", 4), ("first", 6), ("second", 6)]
    assert rows[3]["cost"] == 0.1 and rows[0]["loss"] == 0.5 and rows[0]["time"] > 1e9
    lines = (tmp_path / "new" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_resuming_drops_later_lines_of_that_stage_alone(log):
    log.resume("first", 4)
    assert _steps(log) == [("first", 2), ("first", 4), ("second", 6)]
    log.write("first", 6, {"loss": 0.1})
    assert _steps(log)[-1] == ("first", 6)


def test_a_half_line_is_passed_over_and_does_not_spoil_the_next(log, tmp_path):
    path = tmp_path / "new" / "metrics.jsonl"
    path.write_text(path.read_text() + '{"stage": "second", "step": 8, "lo')
    assert _steps(log)[-1] == ("second", 6)
    resumed = MetricLog(path)
    resumed.resume("second", 6)
    resumed.write("second", 8, {"loss": 0.25})
    assert _steps(resumed)[-2:] == [("second", 6), ("second", 8)]


@pytest.mark.parametrize(
    "line", [b"{garbled}", b'{"stage": "a"}', b"[]", b"\xff", b""], ids=repr
)
def test_a_garbled_line_is_passed_over_with_a_warning(log, tmp_path, line, caplog):
    before = log.rows()
    with (tmp_path / "new" / "metrics.jsonl").open("ab") as file:
        file.write(line + b"\n")
    log.write("last", 2, {"loss": 1.0})
    assert log.rows()[:-1] == before and log.rows()[-1]["stage"] == "last"
    assert ("metrics.jsonl: 1 of" in caplog.text) == bool(line)


def test_a_log_that_is_not_there_has_no_rows(tmp_path):
    log = MetricLog(tmp_path / "metrics.jsonl")
    assert log.rows() == []
    log.resume("first", 0)
    assert log.rows() == []


def test_a_log_that_cannot_be_written_is_an_error(tmp_path):
    log = MetricLog(tmp_path / "metrics.jsonl")
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(OSError):
        log.write("first", 1, {"loss": 1.0})
