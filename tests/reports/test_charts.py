"""The charts: their message in words, equal bytes, and nothing left behind in matplotlib."""

from __future__ import annotations

import base64
import dataclasses
import subprocess
import sys

import matplotlib

from vbr_audit.display import count, duration, number, percent
from vbr_audit.reports.charts import plot
from vbr_audit.reports.charts.chart_list import chart_plans
from vbr_audit.reports.charts.drawings import draw_daily_runs
from vbr_audit.reports.charts.images import Chart, draw_svg, make_charts, rendered
from vbr_audit.reports.charts.paint import LIGHT, legend_word, name_label
from vbr_audit.reports.charts.plot import sessions_per_day, statuses_by_area
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.figures.runs import DailyRuns


def named(context: ReportContext) -> dict[str, Chart]:
    return {chart.name: chart for chart in make_charts(context)}


def test_charts_tell_their_message(context: ReportContext) -> None:
    charts = named(context)
    runs, areas = charts["runs"], charts["areas"]
    failed = context.summary.sessions_by_result["Failed"]
    assert f"{number(failed)} Failed" in runs.alt
    assert "Most failures:" in runs.alt
    assert "Job settings: " in areas.alt
    assert runs.headers == ("Day", "Success", "Warning", "Failed")
    assert sum(int(row[3]) for row in runs.rows) == failed
    for row, area in zip(areas.rows, context.summary.by_area, strict=True):
        shown = {header.lower(): cell for header, cell in zip(areas.headers[1:], row[1:], strict=True)}
        assert shown["fail"] == number(area.counts["FAIL"])


def test_every_picture_of_a_whole_estate_is_drawn(whole_context: ReportContext) -> None:
    charts = named(whole_context)
    assert list(charts) == ["runs", "trend", "calendar", "durations", "capacity", "protection", "areas"]
    assert percent(whole_context.summary.success_rate) in charts["trend"].alt
    worst = whole_context.figures.calendar.rows[0]
    assert worst.name in charts["calendar"].alt
    assert charts["capacity"].rows[0][1] == percent(whole_context.figures.spaces[0].free_share)
    assert [row[1] for row in charts["protection"].rows] == [
        number(digit.met) for digit in whole_context.figures.protection.digits
    ]
    slowest = whole_context.figures.slow_runs[0]
    assert charts["durations"].rows[0][:2] == (slowest.name, duration(slowest.slowest_s))


def drawn_anew(context: ReportContext) -> tuple[Chart, ...]:
    """The charts, none of them from before."""
    rendered.cache_clear()
    return make_charts(context)


def test_a_chart_is_drawn_once_for_all_pages(context: ReportContext) -> None:
    before = drawn_anew(context)
    drawings = rendered.cache_info().misses
    assert make_charts(context) == before
    assert rendered.cache_info().misses == drawings == len(before)


def test_charts_are_images_with_equal_bytes(whole_context: ReportContext) -> None:
    first, second = drawn_anew(whole_context), drawn_anew(whole_context)
    assert first == second
    for chart in first:
        head, _, body = chart.image.partition(";base64,")
        image = base64.b64decode(body)
        assert len(image) < 60_000
        if head == "data:image/png":
            assert image.startswith(b"\x89PNG")
            assert b"tIME" not in image
            assert b"tEXt" not in image
        else:
            assert head == "data:image/svg+xml"
            assert image.startswith(b"<?xml")
            assert b"<dc:date>" not in image


def test_settings_of_the_user_neither_matter_nor_change(context: ReportContext) -> None:
    expected = drawn_anew(context)
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30, "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        assert drawn_anew(context) == expected
        assert dict(matplotlib.rcParams) == before


def test_a_report_needs_no_pyplot(context: ReportContext) -> None:
    code = (
        "import sys, vbr_audit.reports.charts.images as charts, vbr_audit.reports.charts.drawings as drawings\n"
        "from vbr_audit.reports.charts import paint\n"
        "assert 'matplotlib' not in sys.modules\n"
        "charts.draw_svg(lambda axes, light: drawings.draw_areas(axes, (), light), paint.LIGHT, 2)\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_in_a_notebook(context: ReportContext, whole_context: ReportContext) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = sessions_per_day(context.snapshot)
    assert axes.get_ylabel() == "finished runs a day"
    assert sum(patch.get_height() for patch in axes.patches) == sum(context.summary.sessions_by_result.values())
    assert statuses_by_area(context.results, axes) is axes
    for draw in (plot.calendar, plot.durations, plot.capacity, plot.success_rate):
        assert draw(whole_context.snapshot).get_figure() is not None
    for draw_results in (plot.by_severity, plot.digits_met):
        assert draw_results(whole_context.results).patches
    pyplot.close("all")


def test_repositories_of_unknown_capacity_are_told_not_drawn(whole_context: ReportContext) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    spaces = whole_context.figures.spaces
    known = [space for space in spaces if space.free_share is not None]
    silent = count(len(spaces) - len(known), "repository", "repositories")
    axes = plot.capacity(whole_context.snapshot)
    assert len(axes.get_yticks()) == len(known)
    assert axes.get_xlabel().endswith(f"not drawn: {silent} of unknown capacity")
    chart = next(plan for plan in chart_plans(whole_context) if plan.name == "capacity")
    assert f"Of {silent} the capacity is not reported." in chart.alt
    assert [row[1] for row in chart.rows[len(known) :]] == ["not known"] * (len(spaces) - len(known))
    pyplot.close("all")


def test_nothing_failed(context: ReportContext) -> None:
    from vbr_audit.reports.charts.chart_list import worst_step

    calm = dataclasses.replace(context.figures.daily_runs, counts={"Success": (1, 2)})
    assert worst_step(calm) == " No run failed."


def test_words_of_a_newer_server_cannot_break_a_chart(context: ReportContext) -> None:
    words = ("Success", "$\\frac{$", "_hidden", "東京 🚀", "x" * 300, "", "</svg>")
    runs = DailyRuns("day", context.figures.daily_runs.starts[:2], dict.fromkeys(words, (1, 2)))
    svg = draw_svg(lambda axes, paint: draw_daily_runs(axes, runs, paint), LIGHT, 3)
    assert svg.count(b"<svg") == 1
    assert legend_word("_hidden") == "hidden"
    assert legend_word("東京 🚀") == "?? ?"
    assert legend_word("___") == "?"
    assert name_label("Zürich $1") == "Zürich \\$1"
    assert name_label("n" * 60) == "n" * 29 + "…"
    assert name_label(" ") == "(no name)"
