"""What all tests share: no waiting between retries, no surprises from the caller's environment, fixed chance."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import stamina
from hypothesis import HealthCheck, settings

settings.register_profile(
    "vbr",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("vbr")

# A shell starts a command in the background with SIGINT ignored, and programs started from here would inherit that: the
# tests that interrupt a run would wait for nothing.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6):
        yield


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VBR_AUDIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VBR_AUDIT_KEYRING", "0")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
