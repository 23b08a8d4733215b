"""Fragments for notebooks: whatever stands in a part is text, and looks as it is."""

from __future__ import annotations

from vbr_audit.notebook import Document, Facts, Grid, Headline, Items, Line, fragment, row_size

HOSTILE = "\"><script>alert(1)</script>\x1b'"


def test_nothing_in_a_part_is_markup() -> None:
    parts = [
        Line(HOSTILE, HOSTILE),
        Headline(HOSTILE, HOSTILE, HOSTILE),
        Facts({HOSTILE: HOSTILE}),
        Items([HOSTILE]),
        Grid([HOSTILE], [[HOSTILE]], HOSTILE),
        Document([HOSTILE, HOSTILE], [HOSTILE]),
    ]
    text = fragment(parts)
    assert "<script" not in text
    assert "\x1b" not in text
    assert text.count("&lt;script&gt;") == 14
    assert "://" not in text


def test_cells_of_a_grid() -> None:
    text = fragment([Grid(["Rows"], [[3214], [0.5], [True], [None], ["x"]], "A caption")])
    assert '<td class="n">3,214</td>' in text
    assert '<td class="n">0.5</td>' in text
    assert "<td>True</td>" in text
    assert "<td>not known</td>" in text
    assert "<caption>A caption</caption>" in text
    assert '<th scope="col">Rows</th>' in text


def test_the_lines_of_a_document_stay_lines() -> None:
    assert "<p>a<br>b</p><pre>{\n  1\n}\n</pre>" in fragment([Document(["a", "b"], ["{", "  1", "}"])])


def test_a_row_is_as_long_as_it_is_told() -> None:
    row = ["<" * 40, 3214, None]
    whole, empty = (fragment([Grid(["x"], rows)]) for rows in ([row], []))
    assert row_size(row) == len(whole.encode()) - len(empty.encode())
