"""The YAML of a stack's config file: begun, and changed without losing what a person wrote."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from inventory import kept_text
from inventory.names import one_line
from inventory.yaml_text import wrapped

NAMESPACE = "ec2-to-azure"
_FILE = re.compile(r"Pulumi\.(?P<stack>.+)\.yaml")

STACK_LETTERS = 36
"""The longest name of a new stack: a vault that has it in its name takes 50 letters."""
_HEAD = """\
Machines of {vpc} in account {account}, as the inventory found them. Put your own values where <...> \
stands; until then `pulumi preview` lists each of them. Credentials come from the environment.\
"""
_NEW = """\
config:
  aws:region: {region}
  azure-native:location: <Azure region>
  azure-native:subscriptionId: <subscription id>
  {namespace}:source:
    vpcId: {vpc_id}
    replicationAppliance:
      subnetId: <subnet-...>
  {namespace}:target:
    resourceGroup: rg-migration-{stack}
    vault: rsv-migration-{stack}
    network:
      name: vnet-{stack}
      addressSpace: <address space>
      subnet: {{name: servers, addressPrefix: <address prefix>}}
    testNetwork:
      name: vnet-{stack}-test
      addressSpace: <address space>
      subnet: {{name: servers, addressPrefix: <address prefix>}}
    cacheStorageAccount: <3 to 24 letters and digits, unique in all of Azure>
  {namespace}:machines: {{}}
  {namespace}:waves: {{}}
"""


class StackFileError(Exception):
    """A stack file cannot be read. The text names it and says what to do."""


class ConfigFile:
    """A config file as YAML, with comments, quotes, spaces and line ends.

    Args:
        stack: the stack.
        text: its content.

    Raises:
        StackFileError: it is not a config file of a stack.
    """

    def __init__(self, stack: str, text: str) -> None:
        self.stack = stack
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 4096
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        try:
            self._document: Any = self._yaml.load(kept_text.plain(text))
        except (YAMLError, ValueError) as error:
            raise StackFileError(
                f"Pulumi.{stack}.yaml is not YAML: {error}\nCorrect it, then run this again."
            ) from error
        config = self._document.get("config") if isinstance(self._document, dict) else ()
        if not isinstance(config, dict | None):
            raise StackFileError(
                f"Pulumi.{stack}.yaml has no config, or one that is not a mapping. Correct it, or "
                "remove it if it has no secrets (encryptionsalt), then run this again."
            )
        self._config: Any = config or CommentedMap()
        self._own, self._before = text, self._dumped()

    @property
    def blank(self) -> bool:
        """Whether it has no config yet, as if `pulumi stack init` made it for its secrets."""
        return not self._config

    def begin(self, *, vpc_id: str, vpc: str, account: str, region: str) -> None:
        """Give a blank file its config; what else it has stays, such as the salt of its secrets."""
        new = _NEW.format(namespace=NAMESPACE, stack=self.stack, vpc_id=vpc_id, region=region)
        self._config = self._document["config"] = self._yaml.load(new)["config"]
        self._document.fa.set_block_style()
        head = "\n".join(wrapped(_HEAD.format(vpc=one_line(vpc), account=account)))
        self._document.yaml_set_comment_before_after_key("config", before=head)

    def text(self) -> str:
        """The content of the file; what was not changed stays to the letter."""
        written = self._dumped()
        if written == self._before:
            return self._own
        text = kept_text.changed(self._own, self._before, written)
        plain, reader = kept_text.plain(text), YAML(typ="safe", pure=True)
        if plain == written:
            return text
        try:
            same = reader.load(plain) == reader.load(written)
        except YAMLError:
            same = False
        return text if same else kept_text.ended(written, self._own)

    def _dumped(self) -> str:
        buffer = io.StringIO()
        self._yaml.dump(self._document, buffer)
        return buffer.getvalue()


def stack_of(file_name: str) -> str | None:
    """The stack of a config file by its name, or None.

    >>> stack_of("Pulumi.prod.yaml")
    'prod'
    """
    found = _FILE.fullmatch(file_name)
    return found["stack"] if found else None
