from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from toolchain import engine
from toolchain.layout import Layout

_NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there
_PULUMI = "#!/bin/sh\necho v{version}\n"
# A stand-in for the Go compiler: it writes a script that answers as a compiled engine would.
_GO = """\
#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
case $1 in
    env) echo go1.26.8;;
    build)
        while [ "$1" != -o ]; do shift; done
        printf '#!/bin/sh\\necho v3.259.0\\n' > "$2"; chmod +x "$2";;
esac
"""
_BROKEN_GO = "#!/bin/sh\n[ $1 = env ] && exit 0\necho 'missing go.sum entry' >&2\nexit 1\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "checkout")
    made.local.mkdir(parents=True)
    modules = made.root / "toolchain" / "engine"
    modules.mkdir(parents=True)
    (modules / "go.mod").write_text("module engine\n")
    (modules / "go.sum").write_text("")
    return made


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first folder on a PATH that otherwise has only a few commands of the system."""
    folder = tmp_path / "bin"
    folder.mkdir()
    system = tmp_path / "system"
    system.mkdir()
    for name in ("sh", "cat", "chmod", "cp", "dirname", "mkdir"):
        found = next(p for p in (Path("/bin", name), Path("/usr/bin", name)) if p.exists())
        (system / name).symlink_to(found)
    monkeypatch.setenv("PATH", f"{folder}:{system}")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def _command(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def _obtain(layout: Layout, installer: str = _NOWHERE) -> tuple[engine.Engine, list[str]]:
    said: list[str] = []
    return engine.obtain(layout, said.append, installer=installer), said


@contextmanager
def _installer(script: str) -> Iterator[str]:
    """Serve an install script. Yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(script.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("version", ["3.259.0", "3.260.1", "3.300.0-alpha.1"])
def test_an_installed_pulumi_with_its_language_host_is_used(
    layout: Layout, on_path: Path, version: str
) -> None:
    _command(on_path, "pulumi", _PULUMI.format(version=version))
    _command(on_path, "pulumi-language-python", "#!/bin/sh\n")

    found, said = _obtain(layout)

    assert found == engine.Engine("installed", str(on_path))
    assert engine.recorded(layout) == found
    assert said == [], "nothing had to be done"
    assert not layout.engine.exists()


@pytest.mark.parametrize("version", ["3.258.9", "2.25.0", "4.0.0"])
def test_an_installed_pulumi_of_another_age_is_not_used(
    layout: Layout, on_path: Path, version: str
) -> None:
    _command(on_path, "pulumi", _PULUMI.format(version=version))
    _command(on_path, "pulumi-language-python", "#!/bin/sh\n")
    _command(on_path, "go", _GO)

    found, _ = _obtain(layout)

    assert found.source == "built"


def test_an_installed_pulumi_without_a_language_host_is_not_used(
    layout: Layout, on_path: Path
) -> None:
    _command(on_path, "pulumi", _PULUMI.format(version="3.259.0"))
    _command(on_path, "go", _GO)

    found, _ = _obtain(layout)

    assert found.source == "built"


def test_pulumis_installer_is_asked_for_the_pinned_version(layout: Layout, on_path: Path) -> None:
    script = """\
        [ "$1 $2 $3 $5" = "--version 3.259.0 --install-root --no-edit-path" ] || exit 2
        mkdir "$4/bin"
        for name in pulumi pulumi-language-python; do
            echo '#!/bin/sh' > "$4/bin/$name"
        done
        """

    with _installer(script) as address:
        found, said = _obtain(layout, address)

    assert found == engine.Engine("downloaded", str(layout.engine), "3.259.0")
    assert (layout.engine / "pulumi-language-python").exists()
    assert len(said) == 1
    again, said_again = _obtain(layout)
    assert again == found
    assert said_again == [], "what was installed is kept, also without a network"


def test_where_nothing_else_is_to_be_had_the_engine_is_built_once(
    layout: Layout, on_path: Path
) -> None:
    _command(on_path, "go", _GO)

    found, said = _obtain(layout)
    again, said_again = _obtain(layout)

    assert found.source == "built"
    assert again == found
    assert (len(said), said_again) == (1, [])
    builds = [line for line in (on_path / "calls").read_text().splitlines() if "build" in line]
    assert len(builds) == 1
    assert "-mod=readonly" in builds[0]
    assert "version.Version=v3.259.0" in builds[0]
    host = layout.engine / "pulumi-language-python"
    assert host.parent.joinpath(host.readlink()).resolve() == (
        layout.root / "toolchain" / "language_host" / "pulumi-language-python"
    )


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
def test_other_modules_are_another_build(layout: Layout, on_path: Path, name: str) -> None:
    _command(on_path, "go", _GO)
    first, _ = _obtain(layout)

    modules = layout.root / "toolchain" / "engine"
    (modules / name).write_text("changed\n")
    second, said = _obtain(layout)

    assert second.key != first.key
    assert len(said) == 1


def test_our_own_build_on_path_is_not_taken_for_an_installed_one(
    layout: Layout, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _command(on_path, "go", _GO)
    _obtain(layout)
    (layout.engine / "pulumi-language-python").unlink()
    _command(layout.engine, "pulumi-language-python", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{layout.engine}:{on_path}", prepend=None)

    found, _ = _obtain(layout)

    assert found.source == "built"


def test_when_no_way_works_one_error_names_all_three_and_why(layout: Layout, on_path: Path) -> None:
    _command(on_path, "pulumi", _PULUMI.format(version="3.100.0"))
    _command(on_path, "go", _BROKEN_GO)

    with pytest.raises(engine.EngineError) as error:
        _obtain(layout)

    first, second, third = str(error.value).splitlines()[1:]
    assert "v3.100.0; it must be 3.259.0 or newer" in first
    assert f"{_NOWHERE}): not reachable (" in second
    assert "`go build` failed with exit code 1: missing go.sum entry" in third
    assert engine.recorded(layout) is None


def test_without_go_the_error_says_so(layout: Layout, on_path: Path) -> None:
    with pytest.raises(engine.EngineError, match="there is no `go` on PATH"):
        _obtain(layout)


def test_the_record_is_written_only_if_it_changed_and_never_in_part(
    layout: Layout, on_path: Path
) -> None:
    _command(on_path, "pulumi", _PULUMI.format(version="3.259.0"))
    _command(on_path, "pulumi-language-python", "#!/bin/sh\n")
    _obtain(layout)
    first = layout.engine_record.stat()
    _obtain(layout)
    assert layout.engine_record.stat().st_mtime_ns == first.st_mtime_ns
    with layout.engine_record.open("rb", buffering=0) as reader:
        beginning = reader.read(1)
        elsewhere = on_path.with_name("elsewhere")
        on_path.rename(elsewhere)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{elsewhere}:{on_path.with_name('system')}")
            found, _ = _obtain(layout)
        # Who reads meanwhile has all of the old record.
        assert json.loads(beginning + reader.read())["directory"] == str(on_path)
    assert engine.recorded(layout) == found
    assert found.directory == str(elsewhere)
    assert [path.name for path in layout.local.iterdir()] == ["engine.json"]


@pytest.mark.parametrize("content", ["", '{"source": "built"', '{"other": 1}', "[]"])
def test_a_damaged_record_is_none_and_is_mended(
    content: str, layout: Layout, on_path: Path
) -> None:
    layout.engine_record.write_text(content)
    assert engine.recorded(layout) is None
    _command(on_path, "pulumi", _PULUMI.format(version="3.259.0"))
    _command(on_path, "pulumi-language-python", "#!/bin/sh\n")
    found, _ = _obtain(layout)
    assert engine.recorded(layout) == found
