#!/usr/bin/env python3
"""Renders the templates of jinja_cases.txt with Jinja2 into jinja_cases.json, which the tests of src/text/jinja read.

Needs Jinja2 3.1. The environment is set as Hugging Face transformers sets it for chat templates.
A case in jinja_cases.txt is a line `=== name` and the template in the lines after it, without the last newline.
"""
import datetime
import json
import pathlib

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2025, 7, 26, 12, 0, 0)
CONTEXT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi there"},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "user", "content": [{"type": "text", "text": "part"}, {"type": "image"}]},
    ],
    "s": "Hello World",
    "u": "Größe é 😀 ß",
    "text": "  one two\n\tthree  \n",
    "l": [3, 1, 2],
    "words": ["banana", "Apple", "cherry", "apple"],
    "d": {"b": 1, "a": [1, 2], "c d": None},
    "people": [{"name": "Ann", "age": 30, "city": {"x": 1}}, {"name": "bob", "age": 20}, {"name": "Cid", "age": 30}],
    "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}, {"v": 5, "kids": []}],
    "n": None,
    "t": True,
    "f": False,
    "i": 7,
    "neg": -7,
    "x": 2.5,
    "empty": [],
    "nothing": "",
    "html": "<a href='x'>&\"</a>",
    "bos_token": "<s>",
}


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_pass"), [], [], body).set_lineno(line)

    def _pass(self, caller):
        return caller()


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def render(env, template):
    try:
        return {"output": env.from_string(template).render(**CONTEXT)}
    except Exception as error:  # whatever Python raises
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    env = environment()
    cases = []
    for block in HERE.joinpath("jinja_cases.txt").read_text(encoding="utf-8").split("=== ")[1:]:
        name, template = block.split("\n", 1)
        template = template[:-1]
        cases.append({"name": name, "template": template, **render(env, template)})
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    data = {"jinja2": jinja2.__version__, "now": NOW.isoformat(), "context": CONTEXT, "cases": cases}
    text = json.dumps(data, ensure_ascii=False, indent=1)
    HERE.joinpath("jinja_cases.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
