"""What Config.in files declare: options, choices and the menu order they are written in."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from support.kconfig.expression import YES, Expression

Kind: TypeAlias = Literal["bool", "int", "string"]


@dataclass(slots=True)
class Default:
    """A value that holds for an option as long as the user gives none."""

    value: Expression
    condition: Expression


@dataclass(slots=True)
class Select:
    """One option forcing another to y."""

    selector: str
    condition: Expression


@dataclass(slots=True, eq=False)
class Choice:
    """Options of which exactly one is y."""

    prompts: list[Expression] = field(default_factory=list)
    defaults: list[Default] = field(default_factory=list)
    members: list["Option"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Option:
    """One configuration symbol; every list is in the order of declaration."""

    name: str
    kind: Kind | None = None
    prompts: list[Expression] = field(default_factory=list)
    defaults: list[Default] = field(default_factory=list)
    dependencies: list[Expression] = field(default_factory=list)
    selected_by: list[Select] = field(default_factory=list)
    environment: str | None = None
    choice: Choice | None = None


@dataclass(slots=True)
class Heading:
    """A menu or comment: prints a title in .config while visible."""

    title: str
    visible: Expression = YES


@dataclass(slots=True)
class Tree:
    """A whole configuration space."""

    title: str = ""
    options: dict[str, Option] = field(default_factory=dict)
    entries: list[Option | Heading] = field(default_factory=list)

    def option(self, name: str) -> Option:
        """Find an option, declaring it when this is its first mention."""
        return self.options.setdefault(name, Option(name))
