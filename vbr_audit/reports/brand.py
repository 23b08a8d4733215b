"""The brand of a report: a name, a logo and colours, from a file or the environment; the page stays legible in them.

version: 1
name: Example Ltd.
logo: logo.png          # PNG, JPEG or SVG, beside this file; at most 200 kB
colour: "#0a529c"       # the bar at the top and the ground of the name
accent: "#0a7a5c"       # links; made darker or lighter until it can be read; else the colour
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from vbr_audit.config.given_file import read_given
from vbr_audit.config.settings import load_settings
from vbr_audit.config.yaml_file import Problem, YamlFile, load_yaml, model_problems, raise_problems, shown
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError

LARGEST_LOGO: Final = 200_000
"""Bytes; it is embedded into every page."""
READABLE: Final = 4.5
"""The contrast that text needs against its ground (WCAG AA)."""
LIGHT_GROUNDS: Final = ("#ffffff", "#f6f8fa", "#e8f1fb")
DARK_GROUNDS: Final = ("#14181d", "#1c2127", "#132a42")
"""What links stand on, in the light and in the dark page."""

_HINT = "Correct the brand file: it takes version, name, logo, colour and accent."


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError(f"expected a colour such as #0a529c, got {shown(value)}")
    return value.lower()


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Colour = Annotated[str, AfterValidator(_colour)]


class BrandDocument(BaseModel):
    """The shape of a brand file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Literal[1]
    name: Text | None = None
    logo: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = None
    colour: Colour | None = None
    accent: Colour | None = None


def _logo(value: str) -> str:
    """A data URI of an image as this module makes it; raises `ValueError`."""
    kind, _, data = value.partition(";base64,")
    if value and (not data or _uri_of(base64.b64decode(data, validate=True)) != value):
        raise ValueError(f"expected an image as a data URI, got {shown(kind)}")
    return value


class _Kept(BaseModel):
    """The shape of `brand.json`, which stands in a run folder: nothing in it is taken on trust."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Literal[1] = Field(alias="schema", default=1)
    name: Annotated[str, StringConstraints(max_length=80)]
    logo: Annotated[str, AfterValidator(_logo)]
    colour: Colour | Literal[""]
    ink: Colour | Literal[""]
    accent_light: Colour | Literal[""]
    accent_dark: Colour | Literal[""]


@dataclass(frozen=True)
class Brand:
    """A brand in force; empty texts where there is none.

    `logo` is an image as a data URI, `colour` the ground of the name and `ink` the text on it, `accent_light` and
    `accent_dark` the colour of links in the two looks of the page: all `#rrggbb`.
    """

    name: str = ""
    logo: str = ""
    colour: str = ""
    ink: str = ""
    accent_light: str = ""
    accent_dark: str = ""

    @property
    def text(self) -> str:
        """The brand as a run keeps it, in JSON; empty without one."""
        return _Kept(**asdict(self)).model_dump_json(by_alias=True, indent=1) + "\n" if self.is_set else ""

    @property
    def is_set(self) -> bool:
        """Whether there is anything to show."""
        return self != Brand()

    @property
    def css(self) -> str:
        """The colours as custom properties of the page's style; empty where there are none."""
        grounds = f"--brand: {self.colour}; --brand-ink: {self.ink}; " if self.colour else ""
        if not self.accent_light:
            return ""
        return (
            f"\n:root {{ {grounds}--accent: {self.accent_light}; }}\n"
            f"@media screen and (prefers-color-scheme: dark) {{ :root {{ --accent: {self.accent_dark}; }} }}"
        )


def load_brand(source: str | Path | None = None) -> Brand:
    """The brand of the file `source`, of that in `VBR_AUDIT_BRAND`, and of `VBR_AUDIT_BRAND_NAME`, `_LOGO` and so on.

    What the file says outranks the single variables. Raises `ConfigurationError`: file and line, or the variable.
    """
    settings = load_settings()
    given = {"name": settings.brand_name, "logo": settings.brand_logo, "colour": settings.brand_colour}
    single = {key: value for key, value in (given | {"accent": settings.brand_accent}).items() if value}
    faults = [
        f"{_variable(problem)}: {problem.message}" for problem in model_problems(BrandDocument, {"version": 1} | single)
    ]
    if faults:
        raise ConfigurationError("\n".join(faults), hint="Correct the variable, or give a file with --brand.")
    document, folder, file = BrandDocument(version=1, **single), Path(), None
    source = source or settings.brand
    if source is not None:
        file = YamlFile.read(source, error=ConfigurationError, default_name="brand.yaml")
        brand_document = load_yaml(file, BrandDocument, error=ConfigurationError, hint=_HINT)
        folder = Path() if isinstance(source, str) and "\n" in source else Path(source).parent
        if brand_document.logo is None and document.logo is not None:
            document = document.model_copy(update={"logo": str(Path(document.logo).absolute())})
        document = document.model_copy(update=brand_document.model_dump(exclude_none=True))
    return _brand(document, folder, file)


def kept_brand(path: Path) -> Brand:
    """The brand as a run kept it; raises `ConfigurationError` for a file that no run has written."""
    try:
        kept = _Kept.model_validate_json(read_given(path))
    except OSError as fault:
        raise ConfigurationError(f"{path}: cannot be read: {fault.strerror or fault}", hint="Check the path.") from None
    except ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"{path}: {where}: {first['msg']}", hint="Give the brand again with --brand."
        ) from None
    return Brand(**kept.model_dump(exclude={"version"}))


def _variable(problem: Problem) -> str:
    return f"VBR_AUDIT_BRAND_{problem.path[0]}".upper()


def _brand(document: BrandDocument, folder: Path, file: YamlFile | None) -> Brand:
    try:
        logo = _data_uri(folder / document.logo) if document.logo else ""
        if logo and not document.name:
            raise ValueError("needs a name beside it, for readers who do not see it")
    except ValueError as fault:
        if file is not None and ("logo",) in file.lines:
            raise_problems(file, [Problem(("logo",), str(fault))], error=ConfigurationError, hint=_HINT)
        raise ConfigurationError(f"VBR_AUDIT_BRAND_LOGO: {fault}", hint="Correct the variable.") from None
    accent = document.accent or document.colour
    return Brand(
        name=plain(document.name) if document.name else "",
        logo=logo,
        colour=document.colour or "",
        ink=ink_on(document.colour) if document.colour else "",
        accent_light=readable(accent, LIGHT_GROUNDS, "#000000") if accent else "",
        accent_dark=readable(accent, DARK_GROUNDS, "#ffffff") if accent else "",
    )


_KINDS: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


def _data_uri(path: Path) -> str:
    """An image file as a data URI; its kind is known from its content. Raises `ValueError`."""
    try:
        data = read_given(path)
    except OSError as fault:
        raise ValueError(f"{path} cannot be read: {fault.strerror or fault}") from None
    try:
        return _uri_of(data)
    except ValueError as fault:
        raise ValueError(f"{path} {fault}") from None


def _uri_of(data: bytes) -> str:
    """An image as a data URI; raises `ValueError`, whose words follow the name of the file."""
    if len(data) > LARGEST_LOGO:
        raise ValueError(f"has {len(data):,} bytes; at most {LARGEST_LOGO:,} are embedded")
    kind = next((kind for magic, kind in _KINDS if data.startswith(magic)), "image/svg+xml" if _is_svg(data) else "")
    if not kind:
        raise ValueError("is no PNG, JPEG or plain SVG image")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _is_svg(data: bytes) -> bool:
    """Whether this is an SVG image without a document type, script or reference to elsewhere."""
    from xml.etree import ElementTree

    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return False
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - it declares no entities, see above
    except (ElementTree.ParseError, ValueError, LookupError):
        return False
    if not root.tag.endswith("}svg"):
        return False
    return not any(part.tag.endswith("}script") or _leads_away(part.attrib) for part in root.iter())


def _leads_away(attributes: dict[str, Any]) -> bool:
    return any(
        (key.endswith("href") and not value.startswith(("#", "data:image/"))) or key.lower().startswith("on")
        for key, value in attributes.items()
    )


def contrast(one: str, other: str) -> float:
    """The contrast of two `#rrggbb` colours, from 1 to 21, as WCAG counts it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def ink_on(ground: str) -> str:
    """Black or white, whichever can be read better on `ground`; the contrast is never below 4.58."""
    return max("#ffffff", "#000000", key=lambda ink: contrast(ink, ground))


def readable(colour: str, grounds: Iterable[str], towards: str) -> str:
    """`colour`, mixed with as little of `towards` as makes it readable on all `grounds`."""
    grounds = tuple(grounds)
    mixes = (_mixed(colour, towards, share / 20) for share in range(21))
    return next(mix for mix in mixes if min(contrast(mix, ground) for ground in grounds) >= READABLE)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    parts = [value / 255 for value in _channels(colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
