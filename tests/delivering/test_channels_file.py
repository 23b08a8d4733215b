"""A file of channels: what is wrong is said with its line, and never with what may be a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import write
from delivery_files import CANARY

from vbr_audit.delivering.channels_file import load_channels
from vbr_audit.errors import ConfigurationError

HOOK = '[[channel]]\nname = "a"\nkind = "webhook"\n'
DESK = '[[channel]]\nname = "a"\nkind = "tickets"\nurl = "https://x.example"\n'
POST = '[[channel]]\nname = "a"\nkind = "smtp"\nhost = "h.example"\nsender = "a@b.example"\nto = ["c@d.example"]\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("timeout = 5\n", "channel: is required"),
        ("timeout = 0\nchannel = []\n", "deliver.toml:1: timeout: must be above 0"),
        ('[[channel]]\nname = "a"\nkind = "slak"\n', "deliver.toml:3: channel[0].kind: expected one of eml, smtp"),
        (HOOK, "needs the place of its url: one of url_env, url_file"),
        (f'{HOOK}url = "https://x.example/{CANARY}"\n', "deliver.toml:4: channel[0].url: a secret does not belong"),
        (f'{HOOK}url_env = ["{CANARY}"]\n', "must name the place of a secret"),
        (f'{HOOK}url_env = "A"\nurl_file = "b"\n', "url_env and url_file exclude each other"),
        (f'{HOOK}url_env = "A"\nca_file = "no.pem"\n', "deliver.toml:5: channel[0].ca_file: cannot read the CA file"),
        (f'{HOOK}url_env = "A"\ntemplate = "no.json"\n', "no.json cannot be read"),
        (f'{HOOK}url_env = "A"\ntemplate = "bad.json"\n', "bad.json:2: not valid JSON"),
        (f'{HOOK}url_env = "A"\ntemplate = "odd.json"\n', "there is no value 'headlin'; did you mean 'headline'?"),
        (f'{HOOK}url_env = "A"\n{HOOK}url_env = "A"\n', "deliver.toml:6: channel[1].name: another channel has this"),
        (f'{POST}password = "{CANARY}"\n', "deliver.toml:7: channel[0].password: a secret does not belong"),
        (f'{POST}username = "u"\n', "needs the place of its password"),
        (f'{POST}security = "none"\n', "none is for a server on this machine"),
        (POST.replace("c@d.example", "c@d\\r\\nBcc: x@y"), "channel[0].to[0]: is not an address"),
        (f'{POST}attach = ["report.htm"]\n', "a run has no such file; did you mean 'report.html'?"),
        (DESK, "needs either system (one of jira, jira-cloud, servicenow, glpi) or template"),
        (f'{DESK}system = "jira"\n', "jira: open: there is no value 'project'"),
        (f'{DESK}template = "system.json"\n', "system.json: comment: Field required"),
        (f'{DESK.replace("//x", "//u:p@x")}system = "glpi"\n', "is the bare address of the system"),
        (f'{DESK.replace("https", "http")}system = "glpi"\n', "begins with https://"),
        (f'link = "javascript:alert(1)"\n{DESK}system = "glpi"\n', "deliver.toml:1: link: is not an address"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path / "bad.json", '{\n"a": }')
    write(tmp_path / "odd.json", '{"a": "{headlin}"}')
    write(tmp_path / "system.json", '{"ticket_at": [], "open": {"method": "POST", "path": "/", "body": {}}}')
    with pytest.raises(ConfigurationError) as caught:
        load_channels(write(tmp_path / "deliver.toml", text))
    assert words in str(caught.value)
    assert CANARY not in str(caught.value)


def test_paths_begin_at_the_file(tmp_path: Path) -> None:
    text = f'outbox = "waiting"\n{HOOK}url_file = "hook.txt"\n'
    plan = load_channels(write(tmp_path / "deliver.toml", text))
    assert plan.outbox == tmp_path / "waiting"
    assert plan.channels[0].where == "an address that cannot be looked up"
    write(tmp_path / "hook.txt", f"https://chat.example/{CANARY}\n")
    assert plan.channels[0].where == "chat.example"
