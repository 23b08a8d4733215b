"""How a policy shows itself, and how it is asked about one check."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.simulator.hostile import TEXTS


def test_it_says_what_it_changes() -> None:
    policy = load_policy("version: 1\nfail_on: low\nchecks: {JOB-003: {severity: high}}\n", name="mine.yaml")
    assert repr(policy).startswith("<Policy mine.yaml: ")
    assert repr(policy).endswith("; a run fails from low>")
    text = policy._repr_html_()
    assert "<li>JOB-003: severity low &gt; high (mine.yaml:3)</li>" in text
    assert "It extends: default profile" in text


def test_one_check_is_found_by_its_id_and_ids_are_completed() -> None:
    policy = load_policy()
    assert policy["JOB-003"] is policy.use("JOB-003")
    assert "JOB-003" in policy._ipython_key_completions_()
    with pytest.raises(KeyError):
        policy["JOB-000"]


def test_it_is_small_and_escaped_whatever_it_holds() -> None:
    for name in TEXTS:
        reason = "".join(sign if sign.isprintable() and sign not in '"\\' else "x" for sign in name) * 20
        policy = load_policy(f'version: 1\nchecks: {{"*": {{enabled: false, reason: "a{reason}"}}}}\n', name=name * 50)
        text = policy._repr_html_()
        assert len(text.encode()) <= 20_000
        tags: set[str] = set()
        parser = HTMLParser()
        parser.handle_starttag = lambda tag, attrs, tags=tags: tags.add(tag)  # type: ignore[method-assign, misc]
        parser.feed(text)
        assert tags <= {"div", "style", "p", "strong", "ul", "li"}
        assert "more changes" in text
        assert not set(repr(policy)) & set("\x1b\n\u202e")
