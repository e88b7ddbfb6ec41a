"""Completion scripts for shells, made from the command line itself.

Completes commands, the words that follow them, options and the choices of options; values are left
to the shell's own completion of file names.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kutterlock.cli.parser import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: its spellings, help, and what it may be set to (empty: anything)."""

    flags: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: its options, and the words that may follow it."""

    name: str
    help: str
    options: tuple[Option, ...]
    words: tuple[str, ...]

    @property
    def flags(self) -> tuple[str, ...]:
        """Every spelling of every option."""
        return tuple(flag for option in self.options for flag in option.flags)


def commands(parser: argparse.ArgumentParser) -> tuple[Command, ...]:
    """Read the commands from a parser, in its order."""
    return tuple(
        _command(name, child, help_text)
        for action in _actions(parser)
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001 -- no public name
        for name, child, help_text in _children(action)
    )


def flags_of(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    """Return every spelling of every option of one command."""
    return _command("", parser, "").flags


def script(shell: str, found: tuple[Command, ...]) -> str:
    """Return the completion script for `bash`, `zsh` or `fish`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](found)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 -- argparse has no public way to look


def _children(
    action: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    helps = {item.dest: item.help or "" for item in action._choices_actions}  # noqa: SLF001
    for name, child in action.choices.items():
        yield name, child, helps.get(name, "")


def _command(name: str, parser: argparse.ArgumentParser, help_text: str) -> Command:
    options: list[Option] = []
    words: list[str] = []
    for action in _actions(parser):
        choices = tuple(str(choice) for choice in action.choices or ())
        if not action.option_strings:
            words += action.words if isinstance(action, Offer) else choices
            continue
        options.append(
            Option(
                flags=tuple(action.option_strings),
                help=(action.help or "").replace("%%", "%"),
                takes_value=action.nargs != 0,
                choices=choices,
            )
        )
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            nested = [_command(n, child, h) for n, child, h in _children(action)]
            options += [option for child in nested for option in child.options]
            words += [word for child in nested for word in child.words]
    unique = {option.flags: option for option in options}
    return Command(
        name=name, help=help_text, options=tuple(unique.values()), words=tuple(dict.fromkeys(words))
    )


def _cases(found: tuple[Command, ...], branch: str) -> str:
    """Return the branches of a `case`: what follows each command, `branch` having its words."""
    return _branches({c.name: (*c.words, *c.flags) for c in found}, branch)


def _values(found: tuple[Command, ...], branch: str) -> str:
    """Return those for what follows an option with choices, by `COMMAND:OPTION`."""
    choices = {
        f"{c.name}:{flag}": option.choices
        for c in found
        for option in c.options
        for flag in option.flags
        if option.choices
    }
    return _branches(choices, branch)


def _branches(words: Mapping[str, tuple[str, ...]], branch: str) -> str:
    return "\n".join(
        f"        {name}) {branch.format(' '.join(offered))} ;;" for name, offered in words.items()
    )


def _bash(found: tuple[Command, ...]) -> str:
    branch = 'words="{}"'
    return f"""\
# kutterlock for bash: source this file, or put it into /etc/bash_completion.d
_kutterlock() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{" ".join(c.name for c in found)} --help --version"
    else
        case "${{COMP_WORDS[1]}}" in
{_cases(found, branch)}
        esac
        case "${{COMP_WORDS[1]}}:${{COMP_WORDS[COMP_CWORD-1]}}" in
{_values(found, branch)}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _kutterlock kutterlock
"""


def _zsh(found: tuple[Command, ...]) -> str:
    described = "\n".join(f"        {_quoted(f'{c.name}:{c.help}')}" for c in found)
    return f"""\
#compdef kutterlock
# kutterlock for zsh: put this file into a directory of $fpath as _kutterlock
_kutterlock() {{
    local -a commands=(
{described}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    case "$words[2]:$words[CURRENT-1]" in
{_values(found, "compadd -- {}; return")}
    esac
    case "$words[2]" in
{_cases(found, "compadd -- {}; _files")}
    esac
}}
_kutterlock "$@"
"""


def _fish(found: tuple[Command, ...]) -> str:
    lines = ["# kutterlock for fish: put this file into ~/.config/fish/completions"]
    for command in found:
        lines.append(
            f"complete -c kutterlock -n __fish_use_subcommand -f -a {command.name} "
            f"-d {_quoted(command.help)}"
        )
        where = f"complete -c kutterlock -n '__fish_seen_subcommand_from {command.name}'"
        if command.words:
            lines.append(f"{where} -a '{' '.join(command.words)}'")
        lines += [f"{where} {_fish_option(option)}" for option in command.options]
    return "\n".join(lines) + "\n"


def _fish_option(option: Option) -> str:
    parts = [
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags
    ]
    if option.choices:
        parts.append(f"-x -a '{' '.join(option.choices)}'")
    elif option.takes_value:
        parts.append("-r")
    return " ".join([*parts, f"-d {_quoted(option.help)}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "'\\''")
    return f"'{escaped}'"
