"""A live `ferrum serve` with a demonstration model, at a port of its own."""
import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("FERRUM_BINARY", str(ROOT / "build" / "ferrum"))

MODEL = "demo-dense"
KEY = "a-key-of-the-tests"
QUESTION = "What is the capital of France?"
ANSWER = "The capital of France is Paris."
NEXT_QUESTION = "What is the capital of Spain?"


class Server:
    def __init__(self):
        file = ROOT / "models" / f"{MODEL}.gguf"
        command = [BINARY, "serve", str(file), "--port", "0", "--threads", "1", "--api-key", KEY]
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


class ClientTest(unittest.TestCase):
    """Tests of one client. They share a server."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        cls.url = cls.server.url
        cls.base_url = cls.url + "/v1"
