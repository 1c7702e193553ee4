"""The clients of OpenAI and Anthropic, and `llm` on the command line."""
import array
import asyncio
import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import anthropic
import openai

from server import (
    ANSWER,
    KEY,
    MODEL,
    MODEL_FILE,
    NEXT_QUESTION,
    QUESTION,
    ROOT,
    TOOL_ANSWER,
    TOOL_QUESTION,
    ClientTest,
    ReplayTest,
    Server,
)

USER = {"role": "user", "content": QUESTION}
NEXT_USER = {"role": "user", "content": NEXT_QUESTION}
GREEDY = {"temperature": 0}  # newer versions of Anthropic's client have no parameter for it
CALL = {"id": "call_1", "type": "function", "function": {"name": "capital", "arguments": '{"of": "France"}'}}


class OpenAI(ClientTest):
    def setUp(self):
        self.client = openai.OpenAI(base_url=self.base_url, api_key=KEY, max_retries=0)
        self.addCleanup(self.client.close)

    def chat(self, messages, **more):
        return self.client.chat.completions.create(model=MODEL, messages=messages, temperature=0, **more)

    def test_chats_and_goes_on(self):
        first = self.chat([USER])
        self.assertEqual(first.choices[0].message.content, ANSWER)
        echoed = first.choices[0].message.model_dump()  # with all that the answer had
        second = self.chat([USER, echoed, NEXT_USER])
        self.assertGreater(second.usage.prompt_tokens, first.usage.prompt_tokens + first.usage.completion_tokens)
        self.assertGreater(second.usage.prompt_tokens_details.cached_tokens, 0)

    def test_streams(self):
        stream = self.chat([USER], stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        self.assertEqual("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), ANSWER)
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)
        with self.client.chat.completions.stream(model=MODEL, messages=[USER], temperature=0) as helper:
            self.assertEqual(helper.get_final_completion().choices[0].message.content, ANSWER)

    def test_history_with_tool_calls(self):
        called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        result = {"role": "tool", "tool_call_id": "call_1", "content": "Paris"}
        tool = {"type": "function", "function": {"name": "capital", "parameters": {"type": "object"}}}
        answer = self.chat([USER, called, result], tools=[tool], tool_choice="none", max_tokens=8)
        self.assertEqual(answer.choices[0].message.role, "assistant")
        asked = self.chat([USER], tools=[tool], tool_choice="required", parallel_tool_calls=False, max_tokens=60)
        self.assertEqual(asked.choices[0].message.tool_calls[0].function.name, "capital")
        with self.assertRaises(openai.BadRequestError) as refused:
            self.chat([USER], tools=[tool, tool])
        self.assertEqual(refused.exception.param, "tools[1].function.name")

    def test_log_probabilities(self):
        tokens = self.chat([USER], logprobs=True, top_logprobs=3, max_tokens=4).choices[0].logprobs.content
        for token in tokens:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertEqual(token.logprob, token.top_logprobs[0].logprob, "greedy: the likeliest")

    def test_asynchronously(self):
        async def ask():
            async with openai.AsyncOpenAI(base_url=self.base_url, api_key=KEY, max_retries=0) as client:
                asked = [client.chat.completions.create(model=MODEL, messages=[USER], temperature=0) for _ in range(8)]
                return await asyncio.gather(*asked)

        for answer in asyncio.run(ask()):
            self.assertEqual(answer.choices[0].message.content, ANSWER)

    def test_completes(self):
        answer = self.client.completions.create(model=MODEL, prompt=["Once upon", "There was"], max_tokens=4, logprobs=1)
        self.assertEqual(len(answer.choices), 2)

    def test_responds_and_goes_on(self):
        first = self.client.responses.create(model=MODEL, input=QUESTION, temperature=0)
        self.assertEqual(first.output_text, ANSWER)
        by_id = self.client.responses.create(model=MODEL, input=NEXT_QUESTION, previous_response_id=first.id, temperature=0)
        items = [USER, *(item.model_dump() for item in first.output), NEXT_USER]
        by_items = self.client.responses.create(model=MODEL, input=items, temperature=0)
        self.assertEqual(by_id.output_text, by_items.output_text)

    def test_a_background_stream_is_resumed(self):
        stream = self.client.responses.create(model=MODEL, input=QUESTION, temperature=0, background=True, stream=True)
        first = next(iter(stream))
        stream.close()
        rest = list(
            self.client.responses.retrieve(first.response.id, stream=True, starting_after=first.sequence_number)
        )
        self.assertEqual(rest[0].type, "response.queued")
        self.assertEqual(rest[-1].response.output_text, ANSWER)
        numbers = [event.sequence_number for event in rest]
        self.assertEqual(numbers, list(range(1, len(rest) + 1)))

    def test_mistakes_have_their_exception(self):
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("other")
        with self.assertRaises(openai.AuthenticationError):
            self.client.with_options(api_key="wrong").models.list()
        with self.assertRaises(openai.BadRequestError) as refused:
            self.chat([{"role": "user", "content": "word " * 3000}])
        self.assertEqual(refused.exception.code, "context_length_exceeded")


class Anthropic(ClientTest):
    def setUp(self):
        self.client = anthropic.Anthropic(base_url=self.url, api_key=KEY, max_retries=0)
        self.addCleanup(self.client.close)

    def ask(self, messages, **more):
        return self.client.messages.create(model=MODEL, messages=messages, extra_body=GREEDY, **{"max_tokens": 40, **more})

    def test_asks_and_goes_on(self):
        first = self.ask([USER])
        self.assertEqual(first.content[0].text, ANSWER)
        second = self.ask([USER, {"role": "assistant", "content": first.content}, NEXT_USER], system="Be brief.")
        self.assertEqual(second.role, "assistant")

    def test_streams(self):
        with self.client.messages.stream(model=MODEL, messages=[USER], max_tokens=40, extra_body=GREEDY) as stream:
            self.assertEqual("".join(stream.text_stream), ANSWER)
            self.assertEqual(stream.get_final_message().stop_reason, "end_turn")

    def test_history_with_tool_blocks(self):
        use = {"type": "tool_use", "id": "t1", "name": "capital", "input": {"of": "France"}}
        result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "Paris"}]}
        tool = {"name": "capital", "input_schema": {"type": "object"}}
        history = [USER, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
        answer = self.ask(history, tools=[tool], tool_choice={"type": "none"}, max_tokens=8)
        self.assertEqual(answer.type, "message")
        counted = self.client.messages.count_tokens(model=MODEL, messages=history, tools=[tool])
        self.assertEqual(counted.input_tokens, answer.usage.input_tokens + answer.usage.cache_read_input_tokens)

    def test_mistakes_have_their_exception(self):
        with self.assertRaises(anthropic.BadRequestError):
            self.ask([USER], tools=[{"name": "f", "input_schema": {"$ref": "http://localhost/schema"}}])
        with self.assertRaisesRegex(anthropic.BadRequestError, "prompt is too long"):
            self.ask([{"role": "user", "content": "word " * 3000}])


WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


class Tools(ReplayTest):
    """Loops of two steps: the model calls a tool, gets its result, and answers."""

    def test_openai_chats(self):
        tool = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
        with openai.OpenAI(base_url=self.base_url, api_key=KEY, max_retries=0) as client:
            for choice in ("auto", "required"):
                turns = [{"role": "user", "content": TOOL_QUESTION}]
                ask = {"model": MODEL, "tools": [tool]}
                with client.chat.completions.stream(messages=turns, tool_choice=choice, **ask) as stream:
                    message = stream.get_final_completion().choices[0].message
                call = message.tool_calls[0]
                self.assertEqual(json.loads(call.function.arguments), {"city": "Paris"})
                turns += [message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
                self.assertEqual(client.chat.completions.create(messages=turns, **ask).choices[0].message.content, TOOL_ANSWER)

    def test_openai_responses(self):
        tool = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
        with openai.OpenAI(base_url=self.base_url, api_key=KEY, max_retries=0) as client:
            first = client.responses.create(model=MODEL, input=TOOL_QUESTION, tools=[tool])
            call = next(item for item in first.output if item.type == "function_call")
            self.assertEqual(json.loads(call.arguments), {"city": "Paris"})
            result = {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}
            second = client.responses.create(model=MODEL, input=[result], previous_response_id=first.id, tools=[tool])
            self.assertEqual(second.output_text, TOOL_ANSWER)

    def test_openai_parses(self):
        import pydantic

        class Weather(pydantic.BaseModel):
            city: str
            degrees: int

        turns = [{"role": "user", "content": "Say it as JSON."}]
        with openai.OpenAI(base_url=self.base_url, api_key=KEY, max_retries=0) as client:
            chat = client.chat.completions.parse(model=MODEL, messages=turns, response_format=Weather)
            self.assertEqual(chat.choices[0].message.parsed, Weather(city="Paris", degrees=21))
            response = client.responses.parse(model=MODEL, input=turns, text_format=Weather)
            self.assertEqual(response.output_parsed, Weather(city="Paris", degrees=21))

    def test_anthropic(self):
        tool = {"name": "get_weather", "input_schema": WEATHER}
        with anthropic.Anthropic(base_url=self.url, api_key=KEY, max_retries=0) as client:
            turns = [{"role": "user", "content": TOOL_QUESTION}]
            ask = {"model": MODEL, "max_tokens": 100, "tools": [tool]}
            with client.messages.stream(messages=turns, **ask) as stream:
                first = stream.get_final_message()
            self.assertEqual(first.stop_reason, "tool_use")
            use = next(block for block in first.content if block.type == "tool_use")
            self.assertEqual(use.input, {"city": "Paris"})
            result = {"type": "tool_result", "tool_use_id": use.id, "content": "21 degrees"}
            turns += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
            self.assertEqual(client.messages.create(messages=turns, **ask).content[0].text, TOOL_ANSWER)


class CommandLine(ClientTest):
    def test_llm_asks_and_goes_on(self):
        program = Path(sys.executable).with_name("llm")
        if not program.exists():
            self.skipTest("llm is not installed")
        with tempfile.TemporaryDirectory() as home:
            Path(home, "extra-openai-models.yaml").write_text(
                f"- model_id: ferrum\n  model_name: {MODEL}\n  api_base: {self.base_url}\n  api_key_name: ferrum\n"
            )
            Path(home, "keys.json").write_text(f'{{"ferrum": "{KEY}"}}')
            environment = {**os.environ, "LLM_USER_PATH": home}

            def llm(*arguments):
                command = [program, *arguments, "-m", "ferrum", "-o", "temperature", "0"]
                return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

            self.assertEqual(llm(QUESTION).strip(), ANSWER)
            self.assertTrue(llm("-c", NEXT_QUESTION).strip())
            self.assertEqual(llm("--no-stream", QUESTION).strip(), ANSWER)


class Embeddings(unittest.TestCase):
    """A model that makes embeddings: the same one, whose states are averaged."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(MODEL_FILE, "--pooling", "mean")
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.client = openai.OpenAI(base_url=self.server.url + "/v1", api_key=KEY, max_retries=0)
        self.addCleanup(self.client.close)

    def vectors(self, texts, **more):
        return [item.embedding for item in self.client.embeddings.create(model=MODEL, input=texts, **more).data]

    def test_both_encodings(self):
        texts = [QUESTION, NEXT_QUESTION]
        by_default = self.vectors(texts)  # base64
        with_digits = [array.array("f", vector).tolist() for vector in self.vectors(texts, encoding_format="float")]
        self.assertEqual([array.array("f", vector).tolist() for vector in by_default], with_digits)
        self.assertAlmostEqual(sum(x * x for x in by_default[0]), 1, places=5)
        self.assertEqual(self.vectors([NEXT_QUESTION]), by_default[1:])
        self.assertEqual(len(self.vectors(texts, dimensions=8)[0]), 8)

    def test_mistakes(self):
        for more, param in (({"dimensions": 99999}, "dimensions"), ({"input": ""}, "input"), ({"input": [[1, -1]]}, "input[0]")):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.client.embeddings.create(**{"model": MODEL, "input": "a", **more})
            self.assertEqual(caught.exception.param, param)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model=MODEL, messages=[USER])
        self.assertIn("/v1/embeddings", caught.exception.message)


CAN_SEARCH = importlib.util.find_spec("sqlite_vec") and hasattr(sqlite3.Connection, "enable_load_extension")
RERANKER = ROOT.parent / "shared" / "goldens2" / "rerank_xlmr"


@unittest.skipUnless(CAN_SEARCH, "sqlite-vec is not installed, or this Python's SQLite loads no extensions")
class Search(ClientTest):
    """examples/rag/rag.py, as docs/rag.md describes it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.embeds = Server(MODEL_FILE, "--pooling", "mean")
        cls.addClassCleanup(cls.embeds.stop)

    def run_example(self, folder, *arguments, **more):
        environment = {
            **os.environ,
            "FERRUM_URL": self.base_url,
            "FERRUM_EMBED_URL": self.embeds.url + "/v1",
            "FERRUM_KEY": KEY,
            "CHAT_MODEL": MODEL,
            "EMBED_MODEL": MODEL,
            "RERANK_MODEL": "",
            **more,
        }
        command = [sys.executable, str(ROOT / "examples" / "rag" / "rag.py"), *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_answers_from_files(self):
        with tempfile.TemporaryDirectory() as folder:
            files = {"france.md": "The capital of France is Paris.", "spain.md": "The capital of Spain is Madrid.", "sums.md": "Seven plus five is twelve."}
            for name, text in files.items():
                (Path(folder) / name).write_text(text)
            self.assertEqual(self.run_example(folder, "index", "notes.db", *files), "3 pieces of 3 files\n")
            answer = self.run_example(folder, "ask", "notes.db", "The capital of Spain is Madrid.")
            self.assertEqual(answer.splitlines()[-3:][0], "spain.md", answer)  # the nearest, as the same text
            if RERANKER.exists():
                ranker = Server(str(RERANKER))
                self.addCleanup(ranker.stop)
                body = {"query": QUESTION, "documents": list(files.values()), "top_n": 2}
                with openai.OpenAI(base_url=ranker.url + "/v1", api_key=KEY) as client:
                    ranked = client.post("/rerank", body={"model": RERANKER.name, **body}, cast_to=object)["results"]
                self.assertEqual(len(ranked), 2)
                self.assertGreaterEqual(ranked[0]["relevance_score"], ranked[1]["relevance_score"])


if __name__ == "__main__":
    unittest.main()
