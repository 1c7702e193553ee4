"""A live `ferrum serve` with a demonstration model, at a port of its own."""
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("FERRUM_BINARY", str(ROOT / "build" / "ferrum"))

MODEL = "demo-dense"
MODEL_FILE = str(ROOT / "models" / f"{MODEL}.gguf")
KEY = "a-key-of-the-tests"
QUESTION = "What is the capital of France?"
ANSWER = "The capital of France is Paris."
NEXT_QUESTION = "What is the capital of Spain?"


class Server:
    def __init__(self, *model):
        model = model or (MODEL_FILE,)
        command = [BINARY, "serve", *model, "--port", "0", "--threads", "1", "--api-key", KEY]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        log = ""
        for line in self.process.stderr:
            log += line
            if listening := re.search(r"listening at (\S+?);", line):
                self.url = listening[1]
                return
        raise RuntimeError(f"ferrum serve ended: {log}")

    def stop(self):
        self.process.stderr.close()  # a server must survive the reader of its log
        self.process.terminate()
        code = self.process.wait()
        if code != 0:
            raise RuntimeError(f"ferrum serve ended with {code}")


# What a model would say: it calls a tool, and answers with its result; or it answers as JSON. The question decides.
TOOL_QUESTION = "What is the weather?"
TOOL_ANSWER = "It is 21 degrees in Paris."
RECORDED = [
    {"when": "weather", "answer": 'I look.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'},
    {"when": "21 degrees", "answer": TOOL_ANSWER},
    {"when": "as JSON", "answer": '{"city": "Paris", "degrees": 21}'},
    {"when": "with a tool", "answer": '<tool_call>\n{"name": "%s", "arguments": {"city": "Paris", "degrees": 21}}\n</tool_call>'},
]


class ReplayTest(unittest.TestCase):
    """Tests of clients against recorded answers, which come through the real prompts, parsers and APIs."""

    RESULT_TOOL = "final_result"  # by which a framework wants the result

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        file = Path(folder.name, "answers.jsonl")
        lines = [{**line, "answer": line["answer"].replace("%s", cls.RESULT_TOOL)} for line in RECORDED]
        file.write_text("\n".join(json.dumps(line) for line in lines))
        cls.server = Server("--replay", str(file), "--name", MODEL)
        cls.addClassCleanup(cls.server.stop)
        cls.url = cls.server.url
        cls.base_url = cls.url + "/v1"

    def setUp(self):
        self.asked = []

    def get_weather(self, city):
        self.asked.append(city)
        return "21 degrees"


class ClientTest(unittest.TestCase):
    """Tests of one client. They share a server."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        cls.url = cls.server.url
        cls.base_url = cls.url + "/v1"
