"""guidellm, a load generator that asks for the usage in every chunk of a stream."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from server import KEY, MODEL, QUESTION, ClientTest

REQUESTS = 6


class GuideLlm(ClientTest):
    def benchmark(self, path):
        program = Path(sys.executable).with_name("guidellm")
        with tempfile.TemporaryDirectory() as folder:
            prompts, report = Path(folder, "prompts.jsonl"), Path(folder, "report.json")
            prompts.write_text((json.dumps({"prompt": QUESTION}) + "\n") * 2 * REQUESTS)
            options = {
                "backend": f"kind=openai_http,target={self.url},model={MODEL},api_key={KEY},request_format={path}",
                "profile": "kind=concurrent,streams=2",
                "constraint": f"kind=max_requests,count={REQUESTS}",
                "data": f"kind=json_file,path={prompts}",
                "output": f"kind=json,path={report}",
            }
            command = [program, "run", "--disable-console"]
            for name, value in options.items():
                command += ["--" + name, value]
            environment = {**os.environ, "GUIDELLM__MAX_WORKER_PROCESSES": "1"}
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
            self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
            return json.loads(report.read_text())["benchmarks"][0]["requests"]

    def test_every_request_is_answered(self):
        for path in ("/v1/chat/completions", "/v1/completions"):
            with self.subTest(path):
                requests = self.benchmark(path)
                self.assertEqual(requests["errored"], [])
                self.assertEqual(len(requests["successful"]), REQUESTS)


if __name__ == "__main__":
    unittest.main()
