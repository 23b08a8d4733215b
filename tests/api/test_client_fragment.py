"""How a client shows itself."""

from __future__ import annotations

from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve
from vbr_audit.simulator.hostile import TEXTS


def test_it_tells_the_server_the_account_and_its_state_but_no_secret() -> None:
    with serve(jobs=1, sessions=1) as url:
        client = Client(url, username=DEMO_USERNAME, password=SecretStr(DEMO_PASSWORD), name="Hamburg")
        before = client._repr_html_()
        client.settle()
        during = client._repr_html_()
        client.close()
    after = client._repr_html_()
    for fact in ("Hamburg", str(url), DEMO_USERNAME, client.revision, "none (http on loopback)", "only reads"):
        assert f"<dd>{fact}</dd>" in during
    states = [text.partition("<dt>State</dt><dd>")[2].partition("<")[0] for text in (before, during, after)]
    assert states == ["nothing was sent yet", "signed in", "closed"]
    assert DEMO_PASSWORD not in before + during + after + repr(client)


def test_it_is_small_and_escaped_and_takes_the_colours_of_the_page() -> None:
    for name in TEXTS:
        client = Client(
            "https://vbr01.example", username=name * 50, password=SecretStr("x"), name=name * 50, allow_writes=True
        )
        text = client._repr_html_()
        assert len(text.encode()) <= 20_000
        body = text.partition("</style>")[2]
        assert body.count("<") == body.count("<d") + body.count("</d")
        assert "may change jobs" in body
        assert "color:inherit" in text
        assert not set(repr(client)) & set("\x1b\n\u202e")
