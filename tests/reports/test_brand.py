"""Who reports: name, logo and colours, from a file or the environment, always legible."""

from __future__ import annotations

import base64
import dataclasses
import io
import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from looking import look_at
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports import brand as brands
from vbr_audit.reports.brand import Brand, contrast, ink_on, load_brand, readable
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html.rendering import render_html
from vbr_audit.reports.template_folder import builtin_templates

COLOURS = [f"#{red}{green}{blue}" for red, green, blue in itertools.product(("00", "55", "7f", "cc", "ff"), repeat=3)]
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'


def png() -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(stream, "png")
    return stream.getvalue()


def brand_file(folder: Path, text: str, logo: bytes | None = None) -> Path:
    path = folder / "brand.yaml"
    path.write_text(f"version: 1\n{text}", encoding="utf-8")
    if logo is not None:
        (folder / "logo").write_bytes(logo)
    return path


def test_without_a_brand_nothing_is_shown(context: ReportContext) -> None:
    assert load_brand() == Brand()
    assert not load_brand().is_set
    text = render_html(context, kind="executive")
    assert 'class="brand"' not in text
    assert "--brand:" not in text


def test_contrast_is_counted_as_wcag_counts_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#ffffff") == pytest.approx(1)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#0a529c", "#ffffff") == pytest.approx(7.77, abs=0.01)


def test_text_on_any_colour_can_be_read() -> None:
    for colour in COLOURS:
        assert contrast(ink_on(colour), colour) >= 4.5
        for grounds, towards in ((brands.LIGHT_GROUNDS, "#000000"), (brands.DARK_GROUNDS, "#ffffff")):
            link = readable(colour, grounds, towards)
            assert all(contrast(link, ground) >= 4.5 for ground in grounds)
    assert readable("#0a529c", brands.LIGHT_GROUNDS, "#000000") == "#0a529c"


def test_the_grounds_are_those_of_the_style() -> None:
    style = (builtin_templates() / "style.css").read_text("utf-8")
    light, dark = style.split("prefers-color-scheme: dark", 1)
    for part, grounds in ((light, brands.LIGHT_GROUNDS), (dark, brands.DARK_GROUNDS)):
        found = dict(re.findall(r"--(bg|panel|waive-bg): (#\w{6});", part.partition("}")[0]))
        assert tuple(found[name] for name in ("bg", "panel", "waive-bg")) == grounds


def test_name_and_colours_on_the_pages(context: ReportContext, tmp_path: Path) -> None:
    brand = load_brand(brand_file(tmp_path, 'name: "Example & Sons"\ncolour: "#FFCC00"\naccent: "#0a7a5c"\n'))
    assert (brand.colour, brand.ink, brand.accent_light) == ("#ffcc00", "#000000", "#0a7a5c")
    for kind in ("html", "executive"):
        text = render_html(dataclasses.replace(context, brand=brand), kind=kind)
        assert '<p class="brand"><span>Example &amp; Sons</span></p>' in text
        assert '<meta name="author" content="Example &amp; Sons">' in text
        assert "--brand: #ffcc00; --brand-ink: #000000; --accent: #0a7a5c;" in text
        css = text.partition("<style>")[2].partition("</style>")[0]
        assert css.index("--accent: #0a529c") < css.index("--accent: #0a7a5c")


@pytest.mark.parametrize(
    ("logo", "kind"), [(png(), "image/png"), (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"), (SVG, "image/svg+xml")]
)
def test_a_logo_is_embedded_by_what_it_holds(context: ReportContext, tmp_path: Path, logo: bytes, kind: str) -> None:
    brand = load_brand(brand_file(tmp_path, "name: Example\nlogo: logo\n", logo))
    text = render_html(dataclasses.replace(context, brand=brand), kind="executive")
    source = f"data:{kind};base64,{base64.b64encode(logo).decode()}"
    assert f'<p class="brand"><img src="{source}" alt="Example"></p>' in text


HARMFUL_SVG = (
    SVG.replace(b"<path", b"<script>alert(1)</script><path"),
    SVG.replace(b"<path", b'<path onload="alert(1)"'),
    SVG.replace(b"<path", b'<image href="https://example.com/x.png"/><path'),
    b'<!DOCTYPE svg [<!ENTITY x "y">]>' + SVG,
    b"<svg>",
    b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
)


@pytest.mark.parametrize("logo", [b"", b"GIF89a", b"\x00" * 20, *HARMFUL_SVG])
def test_what_is_no_harmless_image_is_refused(tmp_path: Path, logo: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"brand\.yaml:3: logo: .* is no PNG, JPEG or plain SVG image"):
        load_brand(brand_file(tmp_path, "name: Example\nlogo: logo\n", logo))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nmae: Example\n", r"brand\.yaml:2: nmae: unknown key; did you mean 'name'\?"),
        ("colour: red\n", r"brand\.yaml:2: colour: expected a colour such as #0a529c, got the text 'red'"),
        ('accent: "#12345"\n', r"brand\.yaml:2: accent: expected a colour"),
        ('colour: "#0a529c;}"\n', r"brand\.yaml:2: colour: expected a colour"),
        ("name: ''\n", r"brand\.yaml:2: name: must not be empty"),
        ("name: x\nlogo: nowhere.png\n", r"brand\.yaml:3: logo: .*nowhere\.png cannot be read: No such file"),
        ("logo: logo\n", r"brand\.yaml:2: logo: needs a name beside it"),
    ],
)
def test_what_is_wrong_in_a_brand_file_is_told_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        load_brand(brand_file(tmp_path, text, png()))


def test_a_logo_that_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has 200,001 bytes; at most 200,000"):
        load_brand(brand_file(tmp_path, "name: x\nlogo: logo\n", png().ljust(200_001, b"\0")))


def test_the_environment_may_say_it_and_the_file_outranks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logo = tmp_path / "mine.png"
    logo.write_bytes(png())
    monkeypatch.setenv("VBR_AUDIT_BRAND_NAME", "By variable")
    monkeypatch.setenv("VBR_AUDIT_BRAND_LOGO", str(logo))
    monkeypatch.setenv("VBR_AUDIT_BRAND_COLOUR", "#102030")
    alone = load_brand()
    assert (alone.name, alone.colour) == ("By variable", "#102030")
    assert alone.logo.startswith("data:image/png")
    monkeypatch.setenv("VBR_AUDIT_BRAND", str(brand_file(tmp_path, "name: By file\n")))
    both = load_brand()
    assert (both.name, both.colour, both.logo) == ("By file", "#102030", alone.logo)
    assert load_brand("version: 1\nname: By argument\n").name == "By argument"


@pytest.mark.parametrize(("name", "value"), [("COLOUR", "red"), ("LOGO", "nowhere.png"), ("NAME", "x" * 81)])
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"VBR_AUDIT_BRAND_{name}", value)
    with pytest.raises(ConfigurationError, match=f"^VBR_AUDIT_BRAND_{name}: "):
        load_brand()


def test_a_wrong_brand_stops_an_audit_before_it_asks_a_server(tmp_path: Path) -> None:
    path = brand_file(tmp_path, "colour: red\n")
    words = ["audit", "https://127.0.0.1:1", "-u", "x", "--brand", str(path), "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(app, words, env={"VBR_AUDIT_PASSWORD": "x"})
    assert done.exit_code == 2
    assert "brand.yaml:2: colour: expected a colour" in done.output


@pytest.mark.browser
@pytest.mark.parametrize(("colour", "logo"), [("#ffcc00", None), ("#0b1021", SVG), ("#ff5577", png())])
def test_branded_pages_are_accessible_and_ask_for_nothing(
    context: ReportContext, tmp_path: Path, need_tool: Callable[..., str], colour: str, logo: bytes | None
) -> None:
    lines = f'name: Example & Sons\ncolour: "{colour}"\n' + ("logo: logo\n" if logo else "")
    branded = dataclasses.replace(context, brand=load_brand(brand_file(tmp_path, lines, logo)))
    page = tmp_path / "executive.html"
    page.write_text(render_html(branded, kind="executive"), encoding="utf-8")
    seen = look_at(page, need_tool, acts=False)
    assert (seen["dialogs"], seen["requests"], seen["csp"], seen["errors"]) == (0, [], [], [])
    assert all(not found["violations"] and found["overflow"] <= 0 for found in seen["looks"].values())
    assert all(drawn and alt for drawn, alt in seen["images"])


def test_the_brand_of_a_hostile_name_stays_text(context: ReportContext) -> None:
    brand = load_brand("version: 1\nname: '<script>alert(1)</script>\"'\n")
    assert "<script>alert" not in render_html(dataclasses.replace(context, brand=brand), kind="executive")
