"""Settings of deliveries: what can be used, and what is refused with its place and cause."""

from pathlib import Path

import pytest

from sinks.alerts.settings import BadSettings, load
from tests.delivery.receiver import OTHER_SECRET, SECRET

GOOD = """
keep_days = 30
[alertmanager]
url = "http://alertmanager:9093"
[[webhook]]
name = "county-desk"
url = "https://desk.example/hook"
secret_env = "DESK_SECRET"
only = { kinds = ["VILLAGE_LATE"], levels = ["OVERDUE"], counties = ["520330000000"] }
[[webhook]]
name = "post"
url = "https://post.example:8443/"
allow_ports = [8443]
secret_file = "SECRET_FILE"
"""
ONE = '[[webhook]]\nname = "desk"\nurl = "https://desk.example/"\n'
WRONG = {
    "x = 1": "x: Extra inputs",
    "[[webhook]]\nname": "Expected '=' after a key",
    ONE: r"webhook 1 \(desk\): .*give one of secret, secret_env and secret_file",
    ONE + 'secret = "whsec_short"': r"webhook 1 \(desk\): .*24 to 64 bytes",
    ONE + f'secret = "{SECRET[6:]}"': "a secret is whsec_",
    ONE + f'secret = "{SECRET}"\nsecret_env = "X"': "give one of",
    ONE + 'secret_env = "YIZHAN_NO_SUCH"': "no secret stands in YIZHAN_NO_SUCH",
    ONE + 'secret_file = "/no/such"': "secret_file cannot be read",
    ONE.replace("desk.example", "10.0.0.1") + f'secret = "{SECRET}"': r"10\.0\.0\.1 is private",
    ONE.replace('"desk"', '"Desk!"') + f'secret = "{SECRET}"': r"webhook 1 \(Desk!\)\.name: String should match",
    ONE + f'secret = "{SECRET}"\nonly = {{kinds = ["LATE"]}}': r"only\.kinds\.0: Input should be 'VILLAGE_LATE'",
    ONE + f'secret = "{SECRET}"\nonly = {{levels = ["RED"]}}': r"only\.levels\.0: Input should be 'AT_RISK'",
    (ONE + f'secret = "{SECRET}"\n') * 2: "webhooks share the name desk",
    '[alertmanager]\nurl = "http://user:word@host"': r"alertmanager\.url: String should match",
}


def test_a_good_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets come from the environment or a file; several are parted by blanks."""
    monkeypatch.setenv("DESK_SECRET", f"{SECRET} {OTHER_SECRET}")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "alerts.toml").write_text(GOOD.replace("SECRET_FILE", str(tmp_path / "secret")))

    found = load(tmp_path / "alerts.toml")

    desk, post = found.webhook
    assert (found.keep_days, desk.only.levels, post.rules.ports) == (30, ("OVERDUE",), frozenset({443, 8443}))
    assert [s.get_secret_value() for s in desk.secrets] == [SECRET, OTHER_SECRET]
    assert [s.get_secret_value() for s in post.secrets] == [SECRET]
    assert found.alertmanager is not None


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_refused_with_place_and_cause(text: str, tmp_path: Path) -> None:
    """And never with what was given: it may be a secret."""
    (tmp_path / "alerts.toml").write_text(text)
    with pytest.raises(BadSettings, match=WRONG[text]) as refused:
        load(tmp_path / "alerts.toml")
    said = f"{refused.value}{refused.value.__cause__}"
    bare = SECRET.removeprefix("whsec_")
    assert not [bare[n : n + 6] for n in range(len(bare) - 5) if bare[n : n + 6] in said]
    assert "whsec_short" not in said


def test_no_file_is_said_so(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(BadSettings, match=r"alerts\.toml: .*No such file"):
        load(tmp_path / "alerts.toml")
