"""What a user of a notebook sees: errors without a wall of text, one line for each collection, objects in words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from running_notebooks import format_library

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")]

BEGIN = """
import datetime as dt
import vbr_audit as va
from vbr_audit.simulator import serve, DEMO_USERNAME, DEMO_PASSWORD
now = dt.datetime(2026, 11, 2, 6, tzinfo=dt.UTC)
server = serve(jobs=2, sessions=60, now=now, role="Administrator")
client = va.connect(server.__enter__(), username=DEMO_USERNAME, password=DEMO_PASSWORD, name="vbr01")
"""
END = "client.close(); server.__exit__(None, None, None);"


def outputs_of(*cells: str) -> list[list[Any]]:
    """The outputs of each of these cells, run in a kernel between a simulator's start and its end."""
    from nbclient import NotebookClient

    new = format_library().v4
    notebook = new.new_notebook(cells=[new.new_code_cell(text) for text in (BEGIN, *cells, END)])
    NotebookClient(notebook, timeout=120, allow_errors=True, record_timing=False).execute()
    assert "widgets" not in notebook.metadata
    assert [cell.outputs for cell in (notebook.cells[0], notebook.cells[-1])] == [[], []]
    return [cell.outputs for cell in notebook.cells[1:-1]]


def test_one_line_stays_of_each_collection() -> None:
    whole, silent, switched_off, shown, part = outputs_of(
        "snapshot = va.collect(client)",
        "va.collect(client, datasets=['jobs'], progress=False);",
        "import os; os.environ['VBR_AUDIT_PROGRESS'] = '0'; va.collect(client, datasets=['jobs']);",
        "del os.environ['VBR_AUDIT_PROGRESS']; snapshot",
        "va.collect([client, va.connect('https://127.0.0.1:1', username='x', password='y', name='gone')]);",
    )
    ((output,), (line,)) = whole, part
    assert (output.output_type, list(output.data)) == ("display_data", ["text/plain"])
    line_of_all = r"Read \d+ datasets and [\d,]+ rows from vbr01: all whole; \d+ datasets not offered\."
    assert re.fullmatch(line_of_all, output.data["text/plain"])
    assert (silent, switched_off) == ([], [])
    assert [one.output_type for one in shown] == ["execute_result"]
    line_of_part = r"Read \d+ datasets .* from vbr01, gone: not whole: .* failed.*…; \d+ datasets not offered\."
    assert re.fullmatch(line_of_part, line.data["text/plain"])


def test_errors_are_a_message_and_the_next_step() -> None:
    wrong, refused, debug = outputs_of(
        "client.get('/api/v1/nowhere')",
        "snapshot = va.collect(client, datasets=['jobs'], progress=False)\n"
        "va.audit(snapshot, policy='version: 1\\nchecks: {JOB-03: {enabled: true}}\\n')",
        "import os; os.environ['VBR_AUDIT_DEBUG'] = '1'; client.get('/api/v1/nowhere')",
    )
    for (output,), kind in ((wrong, "AbsentError"), (refused, "PolicyError")):
        assert output.ename == kind
        assert output.traceback[0].startswith(f"{kind}: ")
        assert len(output.traceback) <= 6
        assert "Traceback" not in str(output.traceback)
    assert output.traceback[-1].startswith("  Next: Correct the policy")
    assert "did you mean 'JOB-" in output.traceback[0]
    assert "Traceback (most recent call last):" in debug[0].traceback[0]


def test_a_password_that_nobody_can_give_is_an_error_in_our_words() -> None:
    ((output,),) = outputs_of("va.connect('https://127.0.0.1:1', username='x')")
    assert output.ename == "ConfigurationError"
    assert output.traceback[0] == "ConfigurationError: no password for 'x' at https://127.0.0.1:1"


def test_names_are_completed() -> None:
    _, (tables,), (checks,) = outputs_of(
        "from IPython.core.completer import provisionalcompleter\n"
        "def offered(text):\n"
        "    with provisionalcompleter():\n"
        "        return [one.text for one in get_ipython().Completer.completions(text, len(text))]\n"
        "snapshot = va.collect(client, datasets=['jobs', 'job_states'], progress=False)\n"
        "policy = va.audit(snapshot, policy='minimal').policy",
        "offered('snapshot.job_')",
        'offered("policy[\'JOB-00")',
    )
    assert "job_states" in tables.data["text/plain"]
    assert "JOB-003" in checks.data["text/plain"]
