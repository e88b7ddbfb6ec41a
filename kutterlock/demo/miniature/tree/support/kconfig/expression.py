"""Kconfig expressions: parsed once, evaluated against whatever maps names to values."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Lookup: TypeAlias = Callable[[str], str]


class ExpressionError(ValueError):
    """The text is not a Kconfig expression."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A quoted string, or the literals y and n."""

    text: str

    def value(self, _lookup: Lookup) -> str:
        """Give the text itself."""
        return self.text

    def __str__(self) -> str:
        return self.text if self.text in {"y", "n"} else f'"{self.text}"'


@dataclass(frozen=True, slots=True)
class Name:
    """The value of another option."""

    name: str

    def value(self, lookup: Lookup) -> str:
        """Ask for the option's value; an unknown option stands for its own name."""
        return lookup(self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Not:
    """True when the operand is not."""

    operand: "Expression"

    def value(self, lookup: Lookup) -> str:
        """Give y or n."""
        return "n" if holds(self.operand, lookup) else "y"

    def __str__(self) -> str:
        return f"!{self.operand}"


@dataclass(frozen=True, slots=True)
class Compare:
    """Equality of two values as text."""

    left: Constant | Name
    operator: Literal["=", "!="]
    right: Constant | Name

    def value(self, lookup: Lookup) -> str:
        """Give y or n."""
        equal = self.left.value(lookup) == self.right.value(lookup)
        return "y" if equal == (self.operator == "=") else "n"

    def __str__(self) -> str:
        return f"{self.left}{self.operator}{self.right}"


@dataclass(frozen=True, slots=True)
class Both:
    """A conjunction."""

    left: "Expression"
    right: "Expression"

    def value(self, lookup: Lookup) -> str:
        """Give y or n."""
        return "y" if holds(self.left, lookup) and holds(self.right, lookup) else "n"

    def __str__(self) -> str:
        return f"{self.left} && {self.right}"


@dataclass(frozen=True, slots=True)
class Either:
    """A disjunction."""

    left: "Expression"
    right: "Expression"

    def value(self, lookup: Lookup) -> str:
        """Give y or n."""
        return "y" if holds(self.left, lookup) or holds(self.right, lookup) else "n"

    def __str__(self) -> str:
        return f"({self.left} || {self.right})"


Expression: TypeAlias = Constant | Name | Not | Compare | Both | Either
YES = Constant("y")


def holds(expression: Expression, lookup: Lookup) -> bool:
    """Tell whether the expression is y; any other text counts as n."""
    return expression.value(lookup) == "y"


def both(left: Expression, right: Expression) -> Expression:
    """Conjoin, without piling up constants."""
    if left == YES:
        return right
    return left if right == YES else Both(left, right)


def parse_expression(text: str) -> Expression:
    """Parse ``A && !(B || C = "text")``; raise ExpressionError on anything else."""
    parser = _Parser(text)
    result = parser.either()
    if parser.tokens:
        raise ExpressionError(f"unexpected '{parser.tokens[0]}' in '{text}'")
    return result


_TOKEN = re.compile(r"""\s*(&&|\|\||!=|=|!|\(|\)|"(?:\\.|[^"\\])*"|'[^']*'|[\w./-]+)""")


def _tokenize(text: str) -> list[str]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(f"cannot read '{text[position:]}'")
        tokens.append(match[1])
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: || binds weakest, then &&, then !."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokenize(text)

    def either(self) -> Expression:
        result = self.both()
        while self._accept("||"):
            result = Either(result, self.both())
        return result

    def both(self) -> Expression:
        result = self.negation()
        while self._accept("&&"):
            result = Both(result, self.negation())
        return result

    def negation(self) -> Expression:
        if self._accept("!"):
            return Not(self.negation())
        if self._accept("("):
            result = self.either()
            if not self._accept(")"):
                raise ExpressionError(f"')' is missing in '{self.text}'")
            return result
        left = self.operand()
        if self._accept("="):
            return Compare(left, "=", self.operand())
        if self._accept("!="):
            return Compare(left, "!=", self.operand())
        return left

    def operand(self) -> Constant | Name:
        if not self.tokens:
            raise ExpressionError(f"'{self.text}' ends too early")
        token = self.tokens.pop(0)
        if token[0] in "\"'":
            return Constant(re.sub(r"\\(.)", r"\1", token[1:-1]))
        if not re.fullmatch(r"[\w./-]+", token):
            raise ExpressionError(f"unexpected '{token}' in '{self.text}'")
        return Constant(token) if token in {"y", "n"} else Name(token)

    def _accept(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        del self.tokens[0]
        return True
