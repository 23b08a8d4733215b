"""The charts: their message in words, equal bytes, and nothing left behind in matplotlib."""

from __future__ import annotations

import base64
import dataclasses
import subprocess
import sys

import matplotlib

from vbr_audit.display import number
from vbr_audit.reports.charts import draw_svg, make_charts
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.daily import DailyRuns
from vbr_audit.reports.plot import LIGHT, draw_daily_runs, legend_word, sessions_per_day, statuses_by_area


def test_charts_tell_their_message(context: ReportContext) -> None:
    runs, areas = make_charts(context)
    failed = context.summary.sessions_by_result["Failed"]
    assert f"{number(failed)} Failed" in runs.alt
    assert "Most failures:" in runs.alt
    assert "Job settings: " in areas.alt
    assert runs.headers == ("Day", "Success", "Warning", "Failed")
    assert sum(int(row[3]) for row in runs.rows) == failed
    for row, area in zip(areas.rows, context.summary.by_area, strict=True):
        shown = {header.lower(): cell for header, cell in zip(areas.headers[1:], row[1:], strict=True)}
        assert shown["fail"] == number(area.counts["FAIL"])


def test_charts_are_images_with_equal_bytes(context: ReportContext) -> None:
    first, second = make_charts(context), make_charts(context)
    assert first == second
    for chart in first:
        for uri in (chart.light, chart.dark):
            svg = base64.b64decode(uri.removeprefix("data:image/svg+xml;base64,"))
            assert svg.startswith(b"<?xml")
            assert b"<dc:date>" not in svg
            assert len(svg) < 150_000
        assert chart.light != chart.dark


def test_settings_of_the_user_neither_matter_nor_change(context: ReportContext) -> None:
    expected = make_charts(context)
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30, "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        assert make_charts(context) == expected
        assert dict(matplotlib.rcParams) == before


def test_a_report_needs_no_pyplot(context: ReportContext) -> None:
    code = (
        "import sys, vbr_audit.reports.charts as charts, vbr_audit.reports.plot as plot\n"
        "assert 'matplotlib' not in sys.modules\n"
        "charts.draw_svg(lambda axes, paint: plot.draw_areas(axes, (), paint), plot.LIGHT, 2)\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_in_a_notebook(context: ReportContext) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = sessions_per_day(context.snapshot)
    assert axes.get_ylabel() == "finished runs a day"
    assert sum(patch.get_height() for patch in axes.patches) == sum(context.summary.sessions_by_result.values())
    assert statuses_by_area(context.results, axes) is axes
    pyplot.close("all")


def test_nothing_failed(context: ReportContext) -> None:
    from vbr_audit.reports.charts import _worst_step

    calm = dataclasses.replace(context.daily_runs, counts={"Success": (1, 2)})
    assert _worst_step(calm) == " No run failed."


def test_words_of_a_newer_server_cannot_break_a_chart(context: ReportContext) -> None:
    words = ("Success", "$\\frac{$", "_hidden", "東京 🚀", "x" * 300, "", "</svg>")
    runs = DailyRuns("day", context.daily_runs.starts[:2], dict.fromkeys(words, (1, 2)))
    svg = draw_svg(lambda axes, paint: draw_daily_runs(axes, runs, paint), LIGHT, 3)
    assert svg.count(b"<svg") == 1
    assert legend_word("_hidden") == "hidden"
    assert legend_word("東京 🚀") == "?? ?"
    assert legend_word("___") == "?"
