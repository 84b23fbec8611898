"""Lists as docker prints them: aligned columns, or ``--format`` with a Go template, ``table …`` or ``json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.cli.screen import Screen, one_line

Rows = Sequence[Mapping[str, Any]]


def write(out: Screen, rows: Rows, *, headers: Mapping[str, str], default: Sequence[str], form: str = "", quiet: str = "") -> None:
    """Print rows.

    Args:
        out: where to.
        rows: a mapping per row: template field → value.
        headers: template field → column title.
        default: fields of the default table.
        form: the ``--format`` value.
        quiet: the field that is printed alone (``-q``) where ``form`` asks for nothing else, ``""`` for none.
    """
    if quiet and form in ("", "table"):
        out.writelines(f"{one_line(row[quiet])}\n" for row in rows)
    elif form in ("", "table"):
        _aligned(out, [headers[name] for name in default], [[_text(row[name]) for name in default] for row in rows])
    elif form == "json":
        out.writelines(_renderer("{{json .}}")(_public(row)) + "\n" for row in rows)
    elif form.startswith("table "):
        _template_table(out, rows, headers, form.removeprefix("table ").strip())
    else:
        render = _renderer(form.replace("\\t", "\t").replace("\\n", "\n"))
        out.writelines(render(_public(row)) + "\n" for row in rows)


def _public(row: Mapping[str, Any]) -> Mapping[str, Any]:
    from engine.cli.gotemplate import Row

    return Row(row)


def _renderer(form: str) -> Callable[[Any], str]:
    from engine.cli.gotemplate import Template

    return Template(form).render


def _template_table(out: Screen, rows: Rows, headers: Mapping[str, str], form: str) -> None:
    from engine.cli.gotemplate import Template

    template = Template(form.replace("\\t", "\t").replace("\\n", "\n"))
    titles = {name: headers.get(name, name.upper()) for name in {*headers, *template.fields()}}
    lines = [template.render(titles), *(template.render(_public(row)) for row in rows)]
    cells = [line.split("\t") for line in lines]
    _aligned(out, cells[0], cells[1:])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _aligned(out: Screen, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Go's tabwriter as docker sets it: cells at least 10 wide, 3 blanks between, the last column unpadded."""
    lines = [titles, *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(10, *(len(line[column]) + 3 for line in lines if len(line) > column)) for column in range(max(map(len, lines)))]
    form = "".join(f"{{:<{width}}}" for width in widths[:-1]) + "{}\n"
    out.writelines(form.format(*line) if len(line) == len(widths) else _ragged(line, widths) for line in lines)


def _ragged(line: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(line[:-1], widths, strict=False)) + line[-1] + "\n"


def ellipsis(text: str, width: int) -> str:
    """``text`` cut to ``width`` with a final ``…``."""
    return text if len(text) <= width else text[: width - 1] + "…"
