"""The variables that name the authorities: a bad file, or two, is said by name, once."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import certifi
import pytest

import settings
from site_recovery import authorities
from site_recovery.authorities import VARIABLES, AuthoritiesError
from site_recovery.aws import client


@pytest.fixture(autouse=True)
def _none_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def one_more(tmp_path: Path) -> str:
    """A file of authorities, of which certifi's is no copy."""
    other = tmp_path / "other.pem"
    first, end, _ = Path(certifi.where()).read_text("utf-8").partition("-----END CERTIFICATE-----")
    other.write_text(f"{first}{end}\n", "utf-8")
    return str(other)


def test_without_a_variable_nothing_is_wrong_and_aiohttp_decides() -> None:
    assert authorities.problems() == []
    assert authorities.file() is None
    assert authorities.context() is True


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_counts(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, certifi.where())
    assert authorities.problems() == []
    made = authorities.context()
    assert isinstance(made, ssl.SSLContext)
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert authorities.context() is made, "connections are reused by context"


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent.pem", "no such file or directory"),
        ("empty.pem", "it holds no certificates in PEM"),
        ("text.pem", "it holds no certificates in PEM"),
        ("half.pem", "it holds no certificates in PEM"),
        ("der.pem", "it holds no certificates in PEM"),
        (".", "it is no file"),
    ],
)
def test_a_file_that_is_none_is_said_by_the_variables_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, name: str, said: str
) -> None:
    whole = Path(one_more(tmp_path)).read_text("utf-8")
    (tmp_path / "empty.pem").touch()
    (tmp_path / "text.pem").write_text("no certificate")
    (tmp_path / "half.pem").write_text(whole[: len(whole) // 2])
    (tmp_path / "der.pem").write_bytes(ssl.PEM_cert_to_DER_cert(whole[whole.index("-----B") :]))
    monkeypatch.setenv(variable, str(tmp_path / name))
    [problem] = authorities.problems()
    assert problem.path == variable
    assert said in problem.what
    assert "unset the variable" in problem.way_out
    with pytest.raises(AuthoritiesError, match=variable):
        client.connect("ec2", "eu-west-1")


def test_one_bad_file_in_two_variables_is_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/absent.pem")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/absent.pem")
    [problem] = authorities.problems()
    assert problem.path == "SSL_CERT_FILE and AWS_CA_BUNDLE"


def test_two_that_name_different_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = one_more(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    monkeypatch.setenv("AWS_CA_BUNDLE", other)
    [problem] = authorities.problems()
    assert problem.path == "AWS_CA_BUNDLE"
    assert other in problem.what
    assert "SSL_CERT_FILE names" in problem.what


def test_copies_and_links_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, link = tmp_path / "copy.pem", tmp_path / "link.pem"
    shutil.copy(certifi.where(), copy)
    link.symlink_to(copy)
    for name, path in zip(VARIABLES, (certifi.where(), copy, link), strict=True):
        monkeypatch.setenv(name, str(path))
    assert authorities.problems() == []


def test_preview_says_it_once_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/absent.pem")
    preflight = settings.examine(settings.read({}))
    [problem] = preflight.problems
    assert problem.path == "REQUESTS_CA_BUNDLE"


@pytest.mark.parametrize(
    ("proxy", "text", "said"),
    [
        ("http://proxy:3128", "Cannot connect to host proxy:3128 ssl:default", "does not answer"),
        ("http://proxy", "407, message='Who are you', url='http://proxy'", "it answered 407"),
        ("http://me:word@proxy:1", "403, message='No', url='http://proxy:1'", "it answered 403"),
        ("http://proxy:3128", "Cannot connect to host proxy:31280", None),
        ("http://proxy", "Cannot connect to host proxy.example.com:443", None),
        ("", "Cannot connect to host proxy:3128", None),
    ],
)
def test_an_error_of_the_proxy_is_told_from_others(
    monkeypatch: pytest.MonkeyPatch, proxy: str, text: str, said: str | None
) -> None:
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    told = authorities.unproxied(OSError(text))
    assert (told is None) == (said is None)
    assert "word" not in (told or "")
    assert (said or "") in (told or "")
