"""The charts: what their titles find, drawings that follow the page, equal text, and nothing left in matplotlib."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import re
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest

from vbr_audit.display import count, duration, number, percent
from vbr_audit.reports.charts import plot
from vbr_audit.reports.charts.chart_list import ChartPlan, chart_plans
from vbr_audit.reports.charts.images import draw_png
from vbr_audit.reports.charts.messages import causes_message, runs_message, shares_message, trend_message
from vbr_audit.reports.charts.page_charts import Chart, make_charts
from vbr_audit.reports.charts.paint import fill_of, legend_word, name_label
from vbr_audit.reports.charts.palette import LOOKS, OTHER, look_of, tones
from vbr_audit.reports.charts.plot import sessions_per_day, statuses_by_area
from vbr_audit.reports.charts.shapes import Bars, Columns, Lines, Series
from vbr_audit.reports.charts.vector import draw, whole_ticks
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.figures.month_trend import MonthTrend
from vbr_audit.reports.figures.runs import DailyRuns, SuccessTrend
from vbr_audit.reports.template_folder import builtin_templates

HOSTILE = "</svg><script>alert(1)</script>\u202e\x1b\"'&"
MONTHS = MonthTrend(
    months=("Aug 2026", "Sep 2026", "Oct 2026"),
    is_known=(True, False, True),
    ratings=(None,) * 3,
    causes=(("critical", (3, None, 1)), ("low", (49, None, 37))),
    shares=(("protected_share", (0.9, None, 0.91)), ("success_rate", (0.97, None, 0.91)), ("used_share", (None,) * 3)),
    marks=("", "", ""),
    beside=0,
)


def named(context: ReportContext) -> dict[str, Chart]:
    return {chart.name: chart for chart in make_charts(context)}


def plan_of(context: ReportContext, name: str) -> ChartPlan:
    return next(plan for plan in chart_plans(context) if plan.name == name)


def parsed(svg: str) -> ElementTree.Element:
    """A drawing by an XML parser: nothing in it may break its form."""
    return ElementTree.fromstring(svg)


def test_charts_tell_their_message(context: ReportContext) -> None:
    charts = named(context)
    runs, areas = charts["runs"], charts["areas"]
    failed = context.summary.sessions_by_result["Failed"]
    total = sum(context.summary.sessions_by_result.values())
    assert runs.title.startswith(f"{number(failed)} of {count(total, 'finished run')} failed")
    assert f"{number(failed)} Failed" in runs.alt
    assert "Most failures:" in runs.alt
    assert "Job settings: " in areas.alt
    assert runs.headers == ("Day", "Success", "Warning", "Failed")
    assert sum(int(row[3]) for row in runs.rows) == failed
    for row, area in zip(areas.rows, context.summary.by_area, strict=True):
        shown = {header.lower(): cell for header, cell in zip(areas.headers[1:], row[1:], strict=True)}
        assert shown["fail"] == number(area.counts["FAIL"])
    assert charts["severities"].title.endswith(
        f"{number(len(context.results.failed))} failing findings are critical or high"
    )


def test_every_chart_of_a_whole_estate_is_drawn(whole_context: ReportContext) -> None:
    charts = named(whole_context)
    assert list(charts) == [
        *("severities", "runs", "trend", "calendar", "durations", "capacity", "protection", "areas"),
    ]
    assert percent(whole_context.summary.success_rate) in charts["trend"].alt
    worst = whole_context.figures.calendar.rows[0]
    assert worst.name in charts["calendar"].alt
    spaces = whole_context.figures.spaces
    assert charts["capacity"].rows[0][1] == percent(spaces[0].free_share)
    silent = sum(space.free_share is None for space in spaces)
    assert charts["capacity"].title.endswith(f"; of {silent} more it is not known")
    assert [row[1] for row in charts["protection"].rows] == [
        number(digit.met) for digit in whole_context.figures.protection.digits
    ]
    slowest = whole_context.figures.slow_runs[0]
    assert charts["durations"].rows[0][:2] == (slowest.name, duration(slowest.slowest_s))
    assert charts["durations"].title.startswith(f"One run took {duration(slowest.slowest_s)}, ")


def test_titles_say_how_months_went() -> None:
    assert causes_message(MONTHS) == "Causes fell from 52 in Aug 2026 to 38 in Oct 2026"
    changed = dataclasses.replace(MONTHS, marks=("", "", "policy"))
    assert causes_message(changed).endswith(", while the policy or the version changed")
    same = dataclasses.replace(MONTHS, causes=(("low", (7, None, 7)),))
    assert causes_message(same) == "7 causes in Oct 2026, as many as in Aug 2026"
    assert shares_message(MONTHS) == "Job runs that succeeded fell from 97.0 % in Aug 2026 to 91.0 % in Oct 2026"
    still = dataclasses.replace(MONTHS, shares=(("used_share", (0.5, None, 0.5)),))
    assert shares_message(still) == "Protection, success and space did not change"


def test_titles_name_a_day_only_where_it_stands_out() -> None:
    starts = tuple(dt.date(2026, 10, 1) + dt.timedelta(days=at) for at in range(28))
    thursdays = tuple(5 if start.weekday() == 3 else at % 2 for at, start in enumerate(starts))
    runs = DailyRuns("day", starts, {"Success": (40,) * 28, "Failed": thursdays})
    assert runs_message(runs).endswith("; Thursdays fail most (20)")
    even = dataclasses.replace(runs, counts={"Success": (40,) * 28, "Failed": (1,) * 28})
    assert runs_message(even) == "28 of 1,148 finished runs failed"
    once = dataclasses.replace(runs, counts={"Success": (40,) * 28, "Failed": (0,) * 27 + (9,)})
    assert runs_message(once) == "9 of 1,129 finished runs failed, 9 of them on 28 October 2026"
    calm = dataclasses.replace(runs, counts={"Success": (1,) * 28})
    assert runs_message(calm) == "None of 28 finished runs failed"


def test_the_title_of_the_success_rate_has_its_lowest_step() -> None:
    starts = tuple(dt.date(2026, 10, day) for day in (5, 12, 19))
    trend = SuccessTrend("week", starts, (97, 80, 91), (100, 100, 100))
    told = "Success fell from 97.0 % to 91.0 % between the weeks of 5 October 2026 and 19 October 2026, lowest 80.0 %"
    assert trend_message(trend) == told


def test_a_drawing_holds_no_style_and_says_what_it_shows(whole_context: ReportContext) -> None:
    for chart in make_charts(whole_context):
        for style, svg in (("wide", chart.wide), ("narrow", chart.narrow)):
            root = parsed(svg)
            assert " style=" not in svg
            assert (root.get("role"), root.get("class")) == ("img", f"chart {style}")
            told = {element.get("id"): element.text for element in root if element.tag in ("title", "desc")}
            assert list(told) == str(root.get("aria-labelledby")).split()
            assert list(told.values()) == [chart.title, chart.alt]
            right = float(str(root.get("width")))
            assert all(0 <= float(str(text.get("x"))) <= right for text in root.iter("text"))


def test_ids_are_the_only_ones_of_a_page(whole_context: ReportContext) -> None:
    svg = "".join(chart.wide + chart.narrow for chart in make_charts(whole_context))
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids)) > 20
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)


def test_equal_runs_give_equal_drawings_and_small_ones(whole_context: ReportContext) -> None:
    first = make_charts(whole_context)
    assert first == make_charts(whole_context)
    assert all(len(chart.wide) + len(chart.narrow) < 60_000 for chart in first)


def test_a_template_may_show_a_chart_as_an_image(context: ReportContext) -> None:
    chart = named(context)["areas"]
    head, _, body = chart.image.partition(";base64,")
    assert head == "data:image/svg+xml"
    root = parsed(base64.b64decode(body).decode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height")) == (str(chart.width), str(chart.height))


@pytest.mark.parametrize("is_wide", [True, False])
def test_words_of_a_server_are_text(is_wide: bool) -> None:
    names = (HOSTILE, "שרת גיבוי", "W" * 300, "")
    series = tuple(Series(name, name, (1, 2, 3, 4)) for name in names)
    for shape in (Bars(names, series, names, HOSTILE, below=HOSTILE), Columns(names, series, HOSTILE)):
        svg = draw(shape, "runs", HOSTILE, HOSTILE, is_wide=is_wide)
        root = parsed(svg)
        assert {element.tag for element in root.iter()} <= {
            "svg",
            "title",
            "desc",
            "defs",
            "pattern",
            "rect",
            "path",
            "text",
        }
        assert "\u202e" not in svg
        assert "\x1b" not in svg
        assert max(len(text.text or "") for text in root.iter("text") if "WW" in (text.text or "")) <= 300


def test_what_is_not_known_is_a_gap() -> None:
    values = (0.5, None, 0.7, 0.8)
    shape = Lines(("a", "b", "c", "d"), (Series("success", "success_rate", values),), gaps=(False, True, False, False))
    root = parsed(draw(shape, "x", "t", "d", is_wide=True))
    lines = [path.get("d") for path in root.iter("path") if path.get("class") == "s-waive"]
    assert [str(line).count("L") for line in lines] == [0, 1]
    assert "no run" in [text.text for text in root.iter("text")]


def test_an_axis_that_does_not_begin_at_nothing_says_so() -> None:
    shape = Lines(("a", "b"), (Series("success", "success_rate", (0.97, 0.99)),), base=0.9)
    texts = [text.text for text in parsed(draw(shape, "x", "t", "d", is_wide=True)).iter("text")]
    assert "The axis begins at 90 %." in texts
    assert "90 %" in texts


def test_bars_begin_at_nothing_and_are_as_long_as_their_numbers() -> None:
    shape = Columns(("a", "b"), (Series("Success", "Success", (10, 5)),), "runs")
    drawn = parsed(draw(shape, "x", "t", "d", is_wide=True)).iter("path")
    bars = [str(path.get("d")) for path in drawn if path.get("class") == "c-pass"][1:]  # the first is the legend's
    first, second = (float(re.findall(r"v([\d.]+)", d)[0]) + 0.8 for d in bars)
    assert first == pytest.approx(2 * second, abs=0.3)
    assert [whole_ticks(top)[-1] for top in (1, 7, 38, 276, 5_000)] == [1, 8, 40, 300, 5_000]


def test_every_colour_is_one_of_the_style_sheet() -> None:
    css = "".join((builtin_templates() / name).read_text("utf-8") for name in ("style.css", "charts.css"))
    assert {look.tone for look in (*LOOKS.values(), OTHER)} <= set(tones())
    assert all(colour in css for colour in tones().values())
    assert fill_of("FAIL")[0] == tones()["fail"] == re.search(r"--fail: (#\w+)", css)[1]  # type: ignore[index]
    assert look_of("a word of a newer server") == OTHER


def test_settings_of_the_user_neither_matter_nor_change() -> None:
    def drawn(axes: Any, _: Any) -> None:
        axes.plot([0, 1], [1, 0])

    expected = draw_png(drawn, 2)
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30, "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        assert draw_png(drawn, 2) == expected
        assert dict(matplotlib.rcParams) == before
    assert expected.startswith(b"\x89PNG")
    assert b"tIME" not in expected


def test_the_page_needs_no_matplotlib_and_a_picture_no_pyplot() -> None:
    code = (
        "import sys, vbr_audit.reports.charts.page_charts, vbr_audit.reports.charts.images as images\n"
        "assert 'matplotlib' not in sys.modules\n"
        "images.draw_png(lambda axes, paint: axes.plot([0, 1]), 2)\n"
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
    for show in (plot.calendar, plot.durations, plot.capacity, plot.success_rate):
        assert show(whole_context.snapshot).get_figure() is not None
    for show_results in (plot.by_severity, plot.digits_met):
        assert show_results(whole_context.results).patches
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
    plan = plan_of(whole_context, "capacity")
    assert f"Of {silent} the capacity is not reported." in plan.alt
    assert isinstance(plan.shape, Bars)
    assert plan.shape.below == f"Not drawn: {silent} of unknown capacity."
    assert [row[1] for row in plan.rows[len(known) :]] == ["not known"] * (len(spaces) - len(known))
    pyplot.close("all")


def test_nothing_failed(context: ReportContext) -> None:
    from vbr_audit.reports.charts.chart_list import worst_step

    calm = dataclasses.replace(context.figures.daily_runs, counts={"Success": (1, 2)})
    assert worst_step(calm) == " No run failed."


def test_words_of_a_newer_server_cannot_break_a_drawing_in_a_notebook() -> None:
    assert legend_word("_hidden") == "hidden"
    assert legend_word("東京 🚀") == "?? ?"
    assert legend_word("___") == "?"
    assert name_label("Zürich $1") == "Zürich \\$1"
    assert name_label("n" * 60) == "n" * 29 + "…"
    assert name_label(" ") == "(no name)"
