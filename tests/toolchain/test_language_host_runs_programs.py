from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.toolchain.conftest import Project

pytestmark = pytest.mark.engine

MakeProject = Callable[[dict[str, str]], Project]

# A provider in a module of its own: it pickles as a reference, so its process must import it.
_NOTES = """\
    import json
    import pathlib
    import pulumi
    from pulumi.dynamic import (
        CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult,
    )

    class NoteProvider(ResourceProvider):
        serialize_as_secret_always = False

        def configure(self, request):
            self.folder = pathlib.Path(request.config.require("folder"))

        def create(self, props):
            (self.folder / "note").write_text(props["text"])
            return CreateResult("note", {"text": props["text"]})

        def diff(self, id, olds, news):
            return DiffResult(changes=olds["text"] != news["text"])

        def read(self, id, props):
            text = (self.folder / "note").read_text()
            return ReadResult(id, {"text": text}, inputs={"text": text})

        def update(self, id, olds, news):
            (self.folder / "note").write_text(news["text"])
            return UpdateResult({"text": news["text"]})

        def delete(self, id, props):
            (self.folder / "note").unlink()

    class Note(Resource, module="toy", name="Note"):
        text: pulumi.Output[str]

        def __init__(self, name, text):
            super().__init__(NoteProvider(), name, {"text": text})
    """
_PROGRAM = """\
    import sys
    import pulumi
    from notes import Note

    config = pulumi.Config()
    print("said on standard output")
    print("said on standard error", file=sys.stderr)
    note = Note("note", config.require("text"))
    pulumi.export("text", note.text)
    pulumi.export("password", config.require_secret("password"))
    pulumi.export("project", pulumi.get_project())
    pulumi.export("stack", pulumi.get_stack())
    pulumi.export("dry run", pulumi.runtime.is_dry_run())
    """


def test_a_stack_with_a_dynamic_provider_lives_from_preview_to_destroy(
    project: MakeProject,
) -> None:
    toy = project({"__main__.py": _PROGRAM, "notes.py": _NOTES})
    note = toy.root / "note"
    toy.configure(folder=str(toy.root), text="first")
    toy.succeeds("config", "set", "--secret", "password", "open sesame")

    preview = toy.succeeds("preview")
    assert "+ 2 to create" in preview
    assert "said on standard output" in preview
    assert "said on standard error" in preview
    assert not note.exists()

    up = toy.succeeds("up", "--yes", "--skip-preview")
    assert note.read_text() == "first"
    assert "open sesame" not in up
    outputs = json.loads(toy.succeeds("stack", "output", "--json"))
    assert outputs == {
        "text": "first",
        "password": "[secret]",
        "project": "toy",
        "stack": "toy",
        "dry run": False,
    }

    assert "2 unchanged" in toy.succeeds("up", "--yes", "--skip-preview")

    note.write_text("changed by hand")
    assert "1 to update" in toy.succeeds("preview", "--refresh")
    toy.succeeds("refresh", "--yes", "--skip-preview")
    toy.configure(text="second")
    toy.succeeds("up", "--yes", "--skip-preview")
    assert note.read_text() == "second"

    toy.succeeds("destroy", "--yes", "--skip-preview")
    assert not note.exists()


def test_the_program_may_lie_in_a_folder_below_its_project(project: MakeProject) -> None:
    toy = project(
        {
            "program/__main__.py": """\
                import pathlib
                import pulumi
                import beside

                pulumi.export("beside", beside.VALUE)
                pulumi.export("directory", pathlib.Path.cwd().name)
                pulumi.export("root", pathlib.Path(pulumi.get_root_directory()).name)
                """,
            "program/beside.py": "VALUE = 'imported'\n",
        }
    )
    manifest = toy.root / "Pulumi.yaml"
    manifest.write_text(manifest.read_text() + "main: program/\n")

    toy.succeeds("up", "--yes", "--skip-preview")

    outputs = json.loads(toy.succeeds("stack", "output", "--json"))
    assert outputs == {"beside": "imported", "directory": "program", "root": "project"}


def test_what_it_imports_is_compiled_once_whatever_the_environment_says(
    project: MakeProject,
) -> None:
    toy = project({"__main__.py": "import imported\n", "imported.py": ""})
    toy.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    toy.environment["PYTHONPYCACHEPREFIX"] = str(toy.root / "elsewhere")

    toy.succeeds("preview")

    assert list((toy.root / "__pycache__").glob("imported.*.pyc"))


def test_outputs_are_not_waited_for_again_at_every_answer_of_the_engine(
    project: MakeProject,
) -> None:
    counting = """\
        import asyncio
        import atexit
        import pulumi

        waits = []
        wait = asyncio.wait

        def counted(outputs, **options):
            waits.append(len(outputs))
            return wait(outputs, **options)

        asyncio.wait = counted
        atexit.register(lambda: print("waits:", waits))
        before = []
        for number in range(5):
            options = pulumi.ResourceOptions(depends_on=before)
            before = [pulumi.ComponentResource("toy:Part", f"part-{number}", opts=options)]
        """
    toy = project({"__main__.py": counting})

    assert "waits: []" in toy.succeeds("preview")


def test_a_config_may_be_larger_than_an_environment_variable(project: MakeProject) -> None:
    toy = project(
        {
            "__main__.py": """\
                import pulumi

                pulumi.export("length", len(pulumi.Config().require("large")))
                """
        }
    )
    large = "x" * 300_000
    toy.configure(large=large)

    toy.succeeds("up", "--yes", "--skip-preview")

    assert toy.succeeds("stack", "output", "length").strip() == "300000"


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        pytest.param(
            "import pulumi\nraise pulumi.RunError('two lines:\\n  of my own')\n",
            "error: two lines:\n      of my own\n",
            id="RunError",
        ),
        pytest.param("import sys\nsys.exit('no such wave')\n", "error: no such wave\n", id="exit"),
        pytest.param("import sys\nsys.exit(3)\n", "ended with exit code 3", id="exit code"),
        pytest.param(
            "def half(x):\n    return 1 / x\n\nhalf(0)\n",
            "line 2, in half\n        return 1 / x",
            id="exception",
        ),
        pytest.param("def (\n", "SyntaxError: invalid syntax", id="syntax error"),
        pytest.param(
            "import pulumi\npulumi.Output.from_input(0).apply(lambda x: 1 / x)\n",
            "ZeroDivisionError: division by zero",
            id="exception in apply",
        ),
        pytest.param(
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
            "ended by signal SIGKILL",
            id="killed",
        ),
    ],
)
def test_a_program_that_fails_says_so_in_its_own_words_only(
    project: MakeProject, program: str, shown: str
) -> None:
    toy = project({"__main__.py": program})

    output = toy.fails("preview")

    assert shown in output
    assert output.count("error:") == 2, "once on its row, once under Diagnostics"
    assert "child.py" not in output, "how it was started is none of its business"


def test_a_project_without_a_program_is_told_so(project: MakeProject) -> None:
    toy = project({})

    assert f"There is no program __main__.py in {toy.root}" in toy.fails("preview")


def test_a_virtual_environment_that_is_not_there_is_named(project: MakeProject) -> None:
    toy = project({"__main__.py": ""})
    manifest = toy.root / "Pulumi.yaml"
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([*lines[:-1], "    virtualenv: environment", ""]))

    output = toy.fails("preview")
    assert f"There is no virtual environment at {toy.root / 'environment'}" in output
    assert "Run `make setup`" in output


def test_pulumi_about_names_the_interpreter_and_what_is_installed_for_it(
    project: MakeProject,
) -> None:
    toy = project({"__main__.py": ""})

    about = json.loads(toy.succeeds("about", "--json"))

    assert about["runtime"]["executable"].endswith(".local/venv/bin/python")
    assert "pulumi_aws" in {dependency["name"] for dependency in about["dependencies"]}
    plugins = {plugin["name"] for plugin in about["plugins"]}
    assert {"aws", "azure-native", "python"} <= plugins


def test_a_plugin_written_in_python_runs_from_its_folder(project: MakeProject) -> None:
    toy = project(
        {
            "greeter/__main__.py": """\
                from typing import TypedDict
                import pulumi
                from pulumi.provider.experimental import component_provider_host
                from words import HELLO

                class GreetingArgs(TypedDict):
                    name: pulumi.Input[str]

                class Greeting(pulumi.ComponentResource):
                    text: pulumi.Output[str]

                    def __init__(self, name: str, args: GreetingArgs, opts=None):
                        super().__init__("greeter:index:Greeting", name, {}, opts)
                        self.text = pulumi.Output.concat(HELLO, args["name"])
                        self.register_outputs({"text": self.text})

                component_provider_host(name="greeter", components=[Greeting])
                """,
            "greeter/words.py": "HELLO = 'Hello, '\n",
            "__main__.py": """\
                import pulumi

                class Greeting(pulumi.ComponentResource):
                    text: pulumi.Output[str]

                    def __init__(self, name, who):
                        inputs = {"name": who, "text": None}
                        super().__init__("greeter:index:Greeting", name, inputs, remote=True)

                pulumi.export("text", Greeting("greeting", "Azure").text)
                """,
        }
    )
    manifest = toy.root / "Pulumi.yaml"
    plugin = manifest.read_text().replace("name: toy", "name: greeter")
    (toy.root / "greeter" / "PulumiPlugin.yaml").write_text(plugin)
    providers = "plugins:\n  providers:\n    - name: greeter\n      path: ./greeter\n"
    manifest.write_text(manifest.read_text() + providers)

    toy.succeeds("up", "--yes", "--skip-preview")

    assert toy.succeeds("stack", "output", "text").strip() == "Hello, Azure"
