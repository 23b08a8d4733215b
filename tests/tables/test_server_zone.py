"""Which zone a server is in, by what its `/serverTime` tells."""

from __future__ import annotations

import pytest

from vbr_audit.tables.server_time import parse, zone_of

WESTERN = "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"


@pytest.mark.parametrize(
    ("at", "text", "zone"),
    [
        (
            "2026-11-01T06:00:00+01:00",
            WESTERN,
            "Europe/Amsterdam",
        ),
        (
            "2026-07-01T06:00:00+02:00",
            WESTERN,
            "Europe/Amsterdam",
        ),
        ("2026-11-01T06:00:00-05:00", "(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("2026-11-01T06:00:00+11:00", "(UTC+10:00) Canberra, Melbourne, Sydney", "Australia/Sydney"),
        ("2026-11-01T06:00:00Z", "(UTC) Coordinated Universal Time", "UTC"),
        ("2026-11-01T06:00:00+01:00", "(UTC+01:00) Atlantis, Berlin", "Europe/Berlin"),
        ("2026-11-01T06:00:00-08:00", "(UTC-08:00) Baja California", "America/Tijuana"),
        ("2026-11-01T06:00:00-03:00", "(UTC-03:00) City of Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("2026-11-01T06:00:00+14:00", "(UTC+14:00) Kiritimati Island", "Pacific/Kiritimati"),
        ("2026-11-01T06:00:00+13:00", "(UTC+13:00) Nuku'alofa", "Pacific/Tongatapu"),
        ("2026-11-01T06:00:00+02:00", "(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius", "Europe/Helsinki"),
        ("2026-11-01T06:00:00+01:00", "(UTC+01:00) Athens, Berlin", None),
        ("2026-11-01T06:00:00+02:00", "(UTC+01:00) Berlin", None),
        ("2026-11-01T06:00:00+01:00", "(UTC+01:00) Atlantis", None),
        ("2026-11-01T06:00:00+01:00", "W. Europe Standard Time", None),
    ],
)
def test_the_cities_of_the_display_text_name_the_zone_if_all_agree(at: str, text: str, zone: str | None) -> None:
    found = zone_of(parse({"serverTime": at, "timeZone": text}))
    assert found is not None
    assert found.is_exact is (zone is not None)
    assert found.name == (zone or f"UTC{at[-6:]}")


def test_the_iana_name_goes_before_the_cities_and_nothing_is_made_of_nothing() -> None:
    told = {"serverTime": "2026-11-01T06:00:00+01:00", "timeZone": "(UTC+01:00) Berlin"}
    found = zone_of(parse({**told, "ianaTimeZoneId": "Europe/Prague"}))
    assert found is not None
    assert found.name == "Europe/Prague"
    unknown = zone_of(parse({**told, "ianaTimeZoneId": "Europe/Nowhere"}))
    assert unknown is not None
    assert unknown.name == "Europe/Berlin"
    assert zone_of(parse({})) is None
    assert zone_of(None) is None
