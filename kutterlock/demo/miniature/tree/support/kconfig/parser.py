"""The reader of Config.in files."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from support.kconfig.expression import (
    YES,
    Constant,
    Expression,
    ExpressionError,
    both,
    parse_expression,
)
from support.kconfig.model import Choice, Default, Heading, Kind, Option, Select, Tree


class ConfigInError(Exception):
    """A Config.in file that cannot be read, with its path and line."""


def parse_tree(root: Path, environment: Mapping[str, str]) -> Tree:
    """Read a top-level Config.in and everything that it sources, relative to its directory."""
    reader = _Reader(root.parent, environment)
    reader.read_file(root)
    reader.finish()
    return reader.tree


class _Scope:
    """An open block, and the condition that everything inside inherits."""

    def __init__(self, keyword: str, condition: Expression, choice: Choice | None = None) -> None:
        self.keyword = keyword
        self.condition = condition
        self.choice = choice


class _Entry:
    """The attributes gathered for one config, choice, menu or comment."""

    def __init__(self, target: Option | Choice | Heading, opens: _Scope | None = None) -> None:
        self.target = target
        self.opens = opens
        self.depends: Expression = YES
        self.prompts: list[Expression] = []
        self.defaults: list[Default] = []
        self.selects: list[tuple[str, Expression]] = []


class _Reader:
    def __init__(self, base: Path, environment: Mapping[str, str]) -> None:
        self.base = base
        self.environment = environment
        self.tree = Tree()
        self.scopes = [_Scope("", YES)]
        self.entry: _Entry | None = None

    def read_file(self, path: Path) -> None:
        try:
            lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
        except OSError as error:
            raise ConfigInError(f"{path}: {error.strerror}") from error
        for number, line in _logical_lines(lines):
            try:
                self._statement(line)
            except (ExpressionError, LookupError) as error:
                raise ConfigInError(f"{path}:{number}: {error}") from error

    def finish(self) -> None:
        self._close_entry()
        if len(self.scopes) > 1:
            raise ConfigInError(f"'{self.scopes[-1].keyword}' is never closed")
        self.tree.title = self._expand(self.tree.title)  # it names options declared further down

    def _statement(self, line: str) -> None:
        keyword, *rest = line.split(None, 1)
        handler = getattr(self, f"_on_{keyword}", None)
        if handler is None:
            raise ExpressionError(f"unknown statement '{keyword}'")
        handler("".join(rest))

    # Blocks and entries

    def _on_mainmenu(self, rest: str) -> None:
        self.tree.title = _unquote(rest)

    def _on_source(self, rest: str) -> None:
        self._close_entry()
        self.read_file(self.base / self._expand(_unquote(rest)))

    def _on_config(self, rest: str) -> None:
        self._close_entry()
        option = self.tree.option(rest)
        option.choice = self.scopes[-1].choice or option.choice
        if option.choice and option not in option.choice.members:
            option.choice.members.append(option)
        self.tree.entries.append(option)
        self.entry = _Entry(option)

    _on_menuconfig = _on_config

    def _on_choice(self, _rest: str) -> None:
        self._close_entry()
        choice = Choice()
        self.scopes.append(_Scope("choice", self.scopes[-1].condition, choice))
        self.entry = _Entry(choice, opens=self.scopes[-1])

    def _on_menu(self, rest: str) -> None:
        self._close_entry()
        self.scopes.append(_Scope("menu", self.scopes[-1].condition))
        self._heading(rest, opens=self.scopes[-1])

    def _on_comment(self, rest: str) -> None:
        self._close_entry()
        self._heading(rest)

    def _heading(self, rest: str, opens: _Scope | None = None) -> None:
        heading = Heading(self._expand(_unquote(rest)))
        self.tree.entries.append(heading)
        self.entry = _Entry(heading, opens)

    def _on_if(self, rest: str) -> None:
        self._close_entry()
        outer = self.scopes[-1]
        self.scopes.append(
            _Scope("if", both(outer.condition, parse_expression(rest)), outer.choice)
        )

    def _on_endif(self, _rest: str) -> None:
        self._close_scope("if")

    def _on_endmenu(self, _rest: str) -> None:
        self._close_scope("menu")

    def _on_endchoice(self, _rest: str) -> None:
        self._close_scope("choice")

    # Attributes of the open entry

    def _on_bool(self, rest: str) -> None:
        self._typed("bool", rest)

    def _on_int(self, rest: str) -> None:
        self._typed("int", rest)

    def _on_string(self, rest: str) -> None:
        self._typed("string", rest)

    def _on_prompt(self, rest: str) -> None:
        self._open_entry().prompts.append(_split_condition(rest)[1])

    def _on_default(self, rest: str) -> None:
        value, condition = _split_condition(rest)
        self._open_entry().defaults.append(Default(parse_expression(value), condition))

    def _on_def_bool(self, rest: str) -> None:
        self._typed("bool", "")
        self._on_default(rest)

    def _on_depends(self, rest: str) -> None:
        entry = self._open_entry()
        entry.depends = both(entry.depends, parse_expression(rest.removeprefix("on")))

    def _on_select(self, rest: str) -> None:
        self._open_entry().selects.append(_split_condition(rest))

    def _on_option(self, rest: str) -> None:
        match = re.fullmatch(r'env="(\w+)"', rest)
        if match is None:
            raise ExpressionError(f"unknown option '{rest}'")
        entry = self._open_entry()
        if isinstance(entry.target, Option):
            entry.target.environment = match[1]
        entry.defaults.append(Default(Constant(self.environment.get(match[1], "")), YES))

    def _typed(self, kind: Kind, rest: str) -> None:
        entry = self._open_entry()
        if isinstance(entry.target, Option):
            entry.target.kind = kind
        if rest:
            self._on_prompt(rest)

    def _open_entry(self) -> _Entry:
        if self.entry is None:
            raise ExpressionError("this line belongs to no entry")
        return self.entry

    # Conditions are joined when an entry is complete: 'depends on' may come last.

    def _close_entry(self) -> None:
        entry, self.entry = self.entry, None
        if entry is None:
            return
        condition = both(self.scopes[-1].condition, entry.depends)
        if entry.opens:
            entry.opens.condition = condition
        if isinstance(entry.target, Heading):
            entry.target.visible = condition
            return
        entry.target.prompts += [both(condition, prompt) for prompt in entry.prompts]
        for default in entry.defaults:
            default.condition = both(condition, default.condition)
            entry.target.defaults.append(default)
        if isinstance(entry.target, Option):
            self._close_option(entry, entry.target, condition)

    def _close_option(self, entry: _Entry, option: Option, condition: Expression) -> None:
        option.dependencies.append(condition)
        for name, when in entry.selects:
            select = Select(option.name, both(condition, when))
            self.tree.option(name).selected_by.append(select)

    def _close_scope(self, keyword: str) -> None:
        self._close_entry()
        if self.scopes[-1].keyword != keyword:
            raise ExpressionError(f"'end{keyword}' without '{keyword}'")
        self.scopes.pop()

    def _expand(self, text: str) -> str:
        """Replace $NAME by the option's constant default, which may come from the environment."""

        def value(match: re.Match[str]) -> str:
            option = self.tree.options.get(match[1])
            constants = [
                default.value.text
                for default in (option.defaults if option else [])
                if isinstance(default.value, Constant)
            ]
            return constants[0] if constants else ""

        return re.sub(r"\$(\w+)", value, text)


def _unquote(text: str) -> str:
    return text[1:-1] if text[:1] in {'"', "'"} else text


def _split_condition(text: str) -> tuple[str, Expression]:
    """Split ``VALUE if CONDITION``, where VALUE may be a quoted string that holds ' if '."""
    match = re.fullmatch(r"""("(?:\\.|[^"\\])*"|'[^']*'|.*?)\s*(?:\bif\s+(.*))?""", text)
    assert match is not None, "every group can be empty"
    return match[1], parse_expression(match[2]) if match[2] else YES


def _logical_lines(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Join continuations; drop blank lines, comments and help texts."""
    help_indent: int | None = None
    for number, first in lines:
        line = first
        indent = len(line.expandtabs()) - len(line.expandtabs().lstrip())
        if help_indent is not None and line.strip():
            if help_indent < 0:
                help_indent = indent
            if indent >= help_indent > 0:
                continue
            help_indent = None
        while line.endswith("\\"):
            line = line[:-1] + next(lines, (0, ""))[1]
        text = _COMMENT.sub("", line).strip()
        if text == "help":
            help_indent = -1
        elif text:
            yield number, text


_COMMENT = re.compile(r"""(?<!\S)\#(?=(?:[^"]*"[^"]*")*[^"]*$).*""")
