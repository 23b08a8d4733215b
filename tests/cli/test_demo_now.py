"""`--now` of `demo` and `simulate`: the same moment, the same estate; a moment that is none is refused."""

from __future__ import annotations

import pytest
from command_line import invoke

DEMO = ("demo", "--jobs", 2, "--sessions", 60, "--policy", "default", "--format", "csv", "--quiet")


def test_the_same_moment_gives_the_same_findings(tmp_path):
    made = []
    for name, now in (("a", "2026-11-15T09:00+01:00"), ("b", "2026-11-15T09:00"), ("c", "2026-10-25")):
        result = invoke(*DEMO, "--now", now, "--out", str(tmp_path / name))
        assert result.exit_code == 0, result.stderr
        made.append((tmp_path / name / "findings.csv").read_bytes())
        # The collector's clock stands where the server's does.
        assert b"SRV-004" not in b"".join(line for line in made[-1].splitlines(True) if b",FAIL," in line)
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize("command", [("demo",), ("simulate", "--port", "0")])
@pytest.mark.parametrize("now", ["yesterday", "", "2026-02-30", "0001-01-01", "9999-12-31T23:59", "1764000000"])
def test_a_moment_that_is_none_is_refused(tmp_path, monkeypatch, command, now):
    monkeypatch.chdir(tmp_path)
    result = invoke(*command, "--now", now)
    assert result.exit_code == 2
    assert "--now" in result.stderr
    assert "2026-11-15" in result.stderr
    assert not list(tmp_path.iterdir())
