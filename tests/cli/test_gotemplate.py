"""The Go templates that --format takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.gotemplate import Row, Template
from engine.errors import InvalidArgument

DATA = {
    "Name": "web",
    "State": {"Running": True, "Pid": 7, "Error": ""},
    "Labels": {"b": "2", "a": "1"},
    "Mounts": [{"Source": "/x", "Type": "bind"}, {"Source": "/y", "Type": "volume"}],
    "None": None,
    "Host": {"Binds": None, "PidsLimit": None, "Options": None},
    "Ratio": 1.5,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.Name}}", "web"),
        ("{{ .State.Pid }}!", "7!"),
        ("{{json .Labels}}", '{"b":"2","a":"1"}'),
        ("{{.Labels}}", "map[a:1 b:2]"),
        ("{{range .Mounts}}{{.Source}};{{end}}", "/x;/y;"),
        ("{{range $i, $m := .Mounts}}{{$i}}={{$m.Type}} {{end}}", "0=bind 1=volume "),
        ("{{range $k, $v := .Labels}}{{$k}}{{$v}}{{end}}", "a1b2"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if .State.Error}}bad{{else if eq .Name `web`}}fine{{else}}?{{end}}", "fine"),
        ("{{with .State}}{{.Pid}}{{end}}", "7"),
        ('{{index .Labels "a"}}{{index .Mounts 1 "Source"}}', "1/y"),
        ('{{printf "%s-%d|%5.1f|%q|%v" .Name .State.Pid .Ratio .Name .Labels}}', 'web-7|  1.5|"web"|map[a:1 b:2]'),
        ('{{upper .Name}} {{.Name | lower | printf "%s!"}}', "WEB web!"),
        ('{{join (split "a,b" ",") "+"}}', "a+b"),
        ("{{len .Mounts}}{{not .State.Running}}{{and 1 0}}{{or 0 2}}", "2false02"),
        ("{{/* nothing */}}x", "x"),
        ("a {{- .Name -}} b", "awebb"),
        ("{{$n := .Name}}{{$n}}", "web"),
        ("{{.None}}", "<no value>"),
        ("{{.Host.Binds}} {{.Host.PidsLimit}} {{.Host.Options}} {{json .Host.Binds}} {{json .Host.PidsLimit}}", "[] <nil> map[] null null"),
        ("{{len .Host.Binds}}{{range .Host.Binds}}x{{end}}{{if .Host.PidsLimit}}y{{else}}n{{end}}{{not .Host.Options}}", "0ntrue"),
        ('{{"quo\\"te\\n"}}', 'quo"te\n'),
        ("{{truncate .Name 2}}{{println 1}}", "we1\n"),
        ("{{if (gt .State.Pid 3)}}big{{end}}", "big"),
    ],
)
def test_renders_as_go_does(template: str, text: str) -> None:
    assert Template(template).render(DATA) == text


def test_a_row_as_a_whole_is_escaped_for_html() -> None:
    assert Template("{{json .}}{{json .Ports}}").render(Row(Ports="80->80&")) == '{"Ports":"80-\\u003e80\\u0026"}"80->80&"'


@pytest.mark.parametrize(
    "template",
    ["{{.Name", "{{nope .}}", "{{if .Name}}x", "{{end}}", "{{}}", "{{(.Name}}", "{{.Name .Name}}", "{{.Nope}}", "{{index .Mounts 9}}"],
)
def test_mistakes_are_invalid_arguments(template: str) -> None:
    with pytest.raises(InvalidArgument):
        Template(template).render(DATA)


def test_fields_name_the_columns() -> None:
    assert Template("{{.ID}}\t{{upper .Names}}").fields() == ["ID", "Names"]


@given(st.text(alphabet='{}.$|()"`abNameif end range:=-/*1 ', max_size=40))
def test_any_text_renders_or_is_refused(text: str) -> None:
    try:
        Template(text).render(DATA)
    except InvalidArgument:
        pass
