"""The value of every option, given what the user asked for."""

import re
import sys
from collections.abc import Mapping

from support.kconfig.expression import Expression, holds
from support.kconfig.model import Choice, Default, Heading, Option, Tree


class Configuration:
    """A tree together with the user's values: computes each option once, on demand.

    What the user asks for is a wish. An option that nobody can see, or whose dependencies do
    not hold, silently keeps its default, and a name that no Config.in declares is forgotten.
    """

    def __init__(self, tree: Tree, wishes: Mapping[str, str]) -> None:
        self.tree = tree
        self.wishes = wishes
        self._values: dict[str, str] = {}
        self._selected: dict[int, Option | None] = {}
        self._chosen = {
            id(option.choice): option
            for name, text in wishes.items()
            if text == "y" and (option := tree.options.get(name)) and option.choice
        }

    def value(self, name: str) -> str:
        """Compute an option's value; a name that is not an option stands for itself."""
        option = self.tree.options.get(name)
        if option is None or option.kind is None:
            return name
        if name not in self._values:
            self._values[name] = _initial(option)  # what a circular reference sees
            self._values[name] = self._compute(option)
        return self._values[name]

    def is_written(self, option: Option) -> bool:
        """Tell whether .config has a line for the option."""
        if option.kind is None or option.environment is not None:
            return False
        if self.is_visible(option):
            return True
        if option.kind == "bool":
            return self.value(option.name) == "y"
        return self._default(option.defaults) is not None

    def is_visible(self, option: Option) -> bool:
        """Tell whether the user may change the option."""
        if option.choice and not self._any(option.choice.prompts):
            return False
        return self._any(option.prompts)

    def shows(self, heading: Heading) -> bool:
        """Tell whether a menu or comment is visible."""
        return holds(heading.visible, self.value)

    def is_default(self, option: Option) -> bool:
        """Tell whether a minimal configuration can leave the option out."""
        value = self.value(option.name)
        if option.choice and value == "y":
            return self._default_member(option.choice) is option
        if self._is_forced(option):
            return True
        return value == (self._default(option.defaults) or _initial(option))

    def warn_unmet(self) -> None:
        """Name on standard error what a select forced against its dependencies."""
        for option in self.tree.options.values():
            if self._is_forced(option) and not self._any(option.dependencies):
                selectors = [
                    select.selector
                    for select in option.selected_by
                    if holds(select.condition, self.value) and self.value(select.selector) == "y"
                ]
                depends = " || ".join(str(expression) for expression in option.dependencies)
                lines = [
                    f"\nWARNING: unmet direct dependencies detected for {option.name}",
                    f"  Depends on [n]: {depends}",
                    "  Selected by [y]:",
                    *(f"  - {selector} [=y]" for selector in selectors),
                ]
                print(*lines, sep="\n", file=sys.stderr)

    def _compute(self, option: Option) -> str:
        if option.choice and self.is_visible(option):
            return "y" if self._member(option.choice) is option else "n"
        if self._is_forced(option):
            return "y"
        wish = self.wishes.get(option.name)
        if wish is not None and option.environment is None and self.is_visible(option):
            return wish
        return self._default(option.defaults) or _initial(option)

    def _is_forced(self, option: Option) -> bool:
        return option.kind == "bool" and any(
            self.value(select.selector) == "y" and holds(select.condition, self.value)
            for select in option.selected_by
        )

    def _any(self, conditions: list[Expression]) -> bool:
        return any(holds(condition, self.value) for condition in conditions)

    def _default(self, defaults: list[Default]) -> str | None:
        for default in defaults:
            if holds(default.condition, self.value):
                return default.value.value(self.value)
        return None

    def _member(self, choice: Choice) -> Option | None:
        key = id(choice)
        if key not in self._selected:
            wished = self._chosen.get(key)
            if wished is None or not self.is_visible(wished):
                wished = self._default_member(choice)
            self._selected[key] = wished
        return self._selected[key]

    def _default_member(self, choice: Choice) -> Option | None:
        for default in choice.defaults:
            if not holds(default.condition, self.value):
                continue
            member = self.tree.options.get(str(default.value))
            if member and self.is_visible(member):
                return member
        return next((member for member in choice.members if self.is_visible(member)), None)


def is_acceptable(option: Option, text: str) -> bool:
    """Tell whether the text is a value of the option's type."""
    if option.kind == "bool":
        return text in {"y", "n"}
    return option.kind == "string" or re.fullmatch(r"-?\d+", text) is not None


def _initial(option: Option) -> str:
    return {"bool": "n", "int": "0"}.get(option.kind or "", "")
