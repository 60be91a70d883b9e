"""What cosmic-ray's operators make of a file."""

import ast
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """A file with one change, and the lines that are changed."""

    file: str
    line: int
    operator: str
    was: str
    becomes: str
    source: str


def mutants_of(folder, file):
    """Each program that an operator makes of a file, once.

    Nothing is changed in annotations and in the texts of errors; what does not compile
    or reads as the same program is left out.
    """
    source = (folder / file).read_text()
    tree = ast.parse(source)
    seen = {ast.dump(tree)}
    for name, occurrence, position in places(source, list(silent_spans(tree))):
        mutated = mutate_code(source, get_operator(name)(), occurrence)
        program = dumped(mutated)
        if program is not None and program not in seen:
            seen.add(program)
            changed = changed_lines(source, mutated)
            yield Mutant(file, position[0], name.split("/")[1], *changed, mutated)


def places(source, silent):
    """The name of an operator, its occurrence and the position, for each change."""
    nodes = list(ast_nodes(get_ast(source)))
    for name in operator_names():
        if get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        positions = (p for node in nodes for p in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(positions):
            if not any(first <= start < last for first, last in silent):
                yield name, occurrence, start


def silent_spans(tree):
    """Where a change cannot be noticed: annotations, and the texts of errors."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield span(node.annotation)
        elif isinstance(node, FUNCTIONS) and node.returns:
            yield span(node.returns)
        elif isinstance(node, ast.Raise):
            yield from (span(n) for n in ast.walk(node) if isinstance(n, ast.JoinedStr))


def span(node):
    """Start and end of a node, as lines and columns."""
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def dumped(source):
    """The program that a text reads as, or None."""
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return None


def changed_lines(source, mutated):
    """The lines that differ, before and after, without their indentation."""
    before, after = source.splitlines(), mutated.splitlines()
    head = shared_head(before, after)
    tail = shared_head(before[head:][::-1], after[head:][::-1])
    return tuple(
        "\n".join(line.strip() for line in lines[head : len(lines) - tail])
        for lines in (before, after)
    )


def shared_head(first, second):
    """How many lines two texts begin with alike."""
    pairs = zip(first, second, strict=False)
    alike = (n for n, (one, other) in enumerate(pairs) if one != other)
    return next(alike, min(len(first), len(second)))


def lines_of_statement(tree, line):
    """The lines of the innermost statement on a line; of a block, those of its head."""
    kinds = ast.stmt | ast.excepthandler
    statements = [
        node
        for node in ast.walk(tree)
        if isinstance(node, kinds) and line in statement_lines(node)
    ]
    return set().union(*(statement_lines(node) for node in statements))


def statement_lines(node):
    """The lines of a statement, with its decorators and without its body."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    last = node.body[0].lineno - 1 if hasattr(node, "body") else node.end_lineno
    return range(first, max(first, last) + 1)
