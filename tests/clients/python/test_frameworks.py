"""Frameworks above the clients: each asks, streams where it can, and goes on with what it was answered."""
import asyncio
import importlib.util
import os
import unittest

from server import (
    ANSWER,
    KEY,
    MODEL,
    MODEL_FILE,
    NEXT_QUESTION,
    QUESTION,
    TOOL_ANSWER,
    TOOL_QUESTION,
    ClientTest,
    ReplayTest,
    Server,
)

os.environ.setdefault("OPENAI_API_KEY", "unused")  # some demand one while they are imported
for switch in ("DO_NOT_TRACK", "HAYSTACK_TELEMETRY_ENABLED", "LITELLM_LOCAL_MODEL_COST_MAP"):
    os.environ.setdefault(switch, {"HAYSTACK_TELEMETRY_ENABLED": "False"}.get(switch, "True"))


def needs(module):
    """Skips a test where the client is not installed."""
    try:
        there = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of its parent
        there = False
    return unittest.skipUnless(there, f"{module} is not installed")


class Frameworks(ClientTest):
    @needs("langchain_openai")
    def test_langchain_openai(self):
        from langchain_openai import ChatOpenAI

        for use_responses in (False, True):
            model = ChatOpenAI(
                model=MODEL, base_url=self.base_url, api_key=KEY, temperature=0, use_responses_api=use_responses
            )
            first = model.invoke(QUESTION)
            self.assertEqual(first.text, ANSWER)
            turns = [("user", QUESTION), first, ("user", NEXT_QUESTION)]
            self.assertTrue("".join(chunk.text for chunk in model.stream(turns)))

    @needs("langchain_openai")
    def test_langchain_embeddings(self):
        from langchain_openai import OpenAIEmbeddings

        server = Server(MODEL_FILE, "--pooling", "mean")
        self.addCleanup(server.stop)
        embeddings = OpenAIEmbeddings(
            model=MODEL, base_url=server.url + "/v1", api_key=KEY, check_embedding_ctx_length=False
        )
        vectors = embeddings.embed_documents([QUESTION, NEXT_QUESTION])
        self.assertEqual(vectors[1], embeddings.embed_query(NEXT_QUESTION))

    @needs("llama_index.embeddings.openai_like")
    def test_llamaindex_embeddings(self):
        from llama_index.embeddings.openai_like import OpenAILikeEmbedding

        server = Server(MODEL_FILE, "--pooling", "mean")
        self.addCleanup(server.stop)
        embeddings = OpenAILikeEmbedding(model_name=MODEL, api_base=server.url + "/v1", api_key=KEY)
        vectors = embeddings.get_text_embedding_batch([QUESTION, NEXT_QUESTION])
        self.assertEqual(vectors[1], embeddings.get_text_embedding(NEXT_QUESTION))

    @needs("langchain_anthropic")
    def test_langchain_anthropic(self):
        from langchain_anthropic import ChatAnthropic

        model = ChatAnthropic(model=MODEL, base_url=self.url, api_key=KEY, max_tokens=40, temperature=0)
        first = model.invoke(QUESTION)
        self.assertEqual(first.text, ANSWER)
        turns = [("system", "Be brief."), ("user", QUESTION), first, ("user", NEXT_QUESTION)]
        self.assertTrue("".join(chunk.text for chunk in model.stream(turns)))

    @needs("llama_index.llms.openai_like")
    def test_llamaindex(self):
        from llama_index.core.llms import ChatMessage
        from llama_index.llms.openai_like import OpenAILike

        model = OpenAILike(
            model=MODEL, api_base=self.base_url, api_key=KEY, is_chat_model=True, context_window=512, temperature=0
        )
        turns = [ChatMessage(role="user", content=QUESTION)]
        first = model.chat(turns)
        self.assertEqual(first.message.content, ANSWER)
        turns += [first.message, ChatMessage(role="user", content=NEXT_QUESTION)]
        self.assertTrue("".join(chunk.delta or "" for chunk in model.stream_chat(turns)))

    @needs("litellm")
    def test_litellm(self):
        import litellm

        def ask(provider, base, turns, **more):
            return litellm.completion(
                model=f"{provider}/{MODEL}", api_base=base, api_key=KEY, messages=turns, temperature=0, max_tokens=40, **more
            )

        for provider, base in (("openai", self.base_url), ("hosted_vllm", self.base_url), ("anthropic", self.url)):
            with self.subTest(provider):
                turns = [{"role": "user", "content": QUESTION}]
                first = ask(provider, base, turns).choices[0].message
                self.assertEqual(first.content, ANSWER)
                turns += [first.model_dump(), {"role": "user", "content": NEXT_QUESTION}]
                chunks = ask(provider, base, turns, stream=True)
                self.assertTrue("".join(chunk.choices[0].delta.content or "" for chunk in chunks))

    @needs("pydantic_ai")
    def test_pydantic_ai(self):
        from pydantic_ai import Agent
        from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
        from pydantic_ai.providers.openai import OpenAIProvider

        for kind in (OpenAIChatModel, OpenAIResponsesModel):
            with self.subTest(kind.__name__):
                model = kind(MODEL, provider=OpenAIProvider(base_url=self.base_url, api_key=KEY))
                agent = Agent(model, model_settings={"temperature": 0})
                first = agent.run_sync(QUESTION)
                self.assertEqual(first.output, ANSWER)
                self.assertTrue(agent.run_sync(NEXT_QUESTION, message_history=first.all_messages()).output)

    @needs("agents")
    def test_openai_agents(self):
        from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner
        from agents import set_tracing_disabled
        from openai import AsyncOpenAI

        set_tracing_disabled(True)

        async def talk(kind):
            client = AsyncOpenAI(base_url=self.base_url, api_key=KEY)
            model = kind(model=MODEL, openai_client=client)
            agent = Agent(name="Tester", instructions="", model=model, model_settings=ModelSettings(temperature=0))
            first = await Runner.run(agent, QUESTION)
            turns = [*first.to_input_list(), {"role": "user", "content": NEXT_QUESTION}]
            second = Runner.run_streamed(agent, turns)
            async for _ in second.stream_events():
                pass
            return first.final_output, second.final_output

        for kind in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
            with self.subTest(kind.__name__):
                first, second = asyncio.run(talk(kind))
                self.assertTrue(first and second)

    @needs("dspy")
    def test_dspy(self):
        import dspy

        model = dspy.LM(f"openai/{MODEL}", api_base=self.base_url, api_key=KEY, temperature=0, max_tokens=40, cache=False)
        self.assertEqual(model(QUESTION), [ANSWER])
        turns = [
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": ANSWER},
            {"role": "user", "content": NEXT_QUESTION},
        ]
        self.assertTrue(model(messages=turns)[0])

    @needs("autogen_ext.models.openai")
    def test_autogen(self):
        from autogen_agentchat.agents import AssistantAgent
        from autogen_ext.models.openai import OpenAIChatCompletionClient

        abilities = {
            "vision": False, "function_calling": False, "json_output": False, "structured_output": False,
            "family": "unknown",
        }  # fmt: skip

        async def talk(**more):
            client = OpenAIChatCompletionClient(
                model=MODEL, base_url=self.base_url, api_key=KEY, temperature=0, model_info=abilities
            )
            agent = AssistantAgent("tester", client, system_message=None, **more)
            answers = [(await agent.run(task=question)).messages[-1].content for question in (QUESTION, NEXT_QUESTION)]
            await client.close()
            return answers

        for answers in (asyncio.run(talk()), asyncio.run(talk(model_client_stream=True))):
            self.assertTrue(all(answers), answers)

    @needs("semantic_kernel")
    def test_semantic_kernel(self):
        from openai import AsyncOpenAI
        from semantic_kernel.agents import ChatCompletionAgent
        from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion

        async def talk():
            client = AsyncOpenAI(base_url=self.base_url, api_key=KEY)
            service = OpenAIChatCompletion(ai_model_id=MODEL, async_client=client)
            agent = ChatCompletionAgent(service=service, name="tester", instructions="Be brief.")
            first = await agent.get_response(messages=QUESTION)
            second = await agent.get_response(messages=NEXT_QUESTION, thread=first.thread)
            return str(first), str(second)

        self.assertTrue(all(asyncio.run(talk())))

    @needs("haystack")
    def test_haystack(self):
        from haystack.components.generators.chat import OpenAIChatGenerator
        from haystack.dataclasses import ChatMessage
        from haystack.utils import Secret

        generator = OpenAIChatGenerator(
            model=MODEL,
            api_base_url=self.base_url,
            api_key=Secret.from_token(KEY),
            generation_kwargs={"temperature": 0, "max_tokens": 40},
        )
        turns = [ChatMessage.from_user(QUESTION)]
        first = generator.run(turns)["replies"][0]
        self.assertEqual(first.text, ANSWER)
        turns += [first, ChatMessage.from_user(NEXT_QUESTION)]
        pieces = []
        generator.run(turns, streaming_callback=lambda chunk: pieces.append(chunk.content))
        self.assertTrue("".join(pieces))

    @needs("instructor")
    def test_instructor(self):
        import instructor
        from openai import OpenAI
        from pydantic import BaseModel, Field

        class Capital(BaseModel):
            city: str = Field(max_length=20)

        client = instructor.from_openai(OpenAI(base_url=self.base_url, api_key=KEY), mode=instructor.Mode.JSON_SCHEMA)
        turns = [{"role": "user", "content": QUESTION}]
        plain = client.chat.completions.create(model=MODEL, messages=turns, response_model=None, temperature=0)
        self.assertEqual(plain.choices[0].message.content, ANSWER)
        capital = client.chat.completions.create(model=MODEL, messages=turns, response_model=Capital, max_retries=0)
        self.assertLessEqual(len(capital.city), 20)


class Tools(ReplayTest):
    """Loops of two steps with a tool, and results of a form."""

    @needs("langchain_openai")
    def test_langchain(self):
        from langchain_core.messages import HumanMessage, ToolMessage
        from langchain_core.tools import tool
        from langchain_openai import ChatOpenAI
        from pydantic import BaseModel

        class Weather(BaseModel):
            city: str
            degrees: int

        @tool
        def get_weather(city: str) -> str:
            """The weather of a city."""
            return self.get_weather(city)

        for use_responses in (False, True):
            model = ChatOpenAI(model=MODEL, base_url=self.base_url, api_key=KEY, use_responses_api=use_responses)
            with_tools = model.bind_tools([get_weather])
            turns = [HumanMessage(TOOL_QUESTION)]
            first = with_tools.invoke(turns)
            call = first.tool_calls[0]
            turns += [first, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
            self.assertEqual(with_tools.invoke(turns).text, TOOL_ANSWER)
            self.assertEqual(self.asked.pop(), "Paris")
            weather = model.with_structured_output(Weather, method="json_schema").invoke("Say it as JSON.")
            self.assertEqual(weather, Weather(city="Paris", degrees=21))

    @needs("langchain_anthropic")
    def test_langchain_anthropic(self):
        from langchain_anthropic import ChatAnthropic
        from langchain_core.messages import HumanMessage, ToolMessage
        from langchain_core.tools import tool

        @tool
        def get_weather(city: str) -> str:
            """The weather of a city."""
            return self.get_weather(city)

        model = ChatAnthropic(model=MODEL, base_url=self.url, api_key=KEY, max_tokens=100).bind_tools([get_weather])
        turns = [HumanMessage(TOOL_QUESTION)]
        first = model.invoke(turns)
        call = first.tool_calls[0]
        turns += [first, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
        self.assertEqual(model.invoke(turns).text, TOOL_ANSWER)

    @needs("pydantic_ai")
    def test_pydantic_ai(self):
        from pydantic import BaseModel
        from pydantic_ai import Agent
        from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
        from pydantic_ai.providers.openai import OpenAIProvider

        class Weather(BaseModel):
            city: str
            degrees: int

        for kind in (OpenAIChatModel, OpenAIResponsesModel):
            with self.subTest(kind.__name__):
                model = kind(MODEL, provider=OpenAIProvider(base_url=self.base_url, api_key=KEY))
                agent = Agent(model, tools=[self.get_weather])
                self.assertEqual(agent.run_sync(TOOL_QUESTION).output, TOOL_ANSWER)
                self.assertEqual(self.asked.pop(), "Paris")
                typed = Agent(model, output_type=Weather).run_sync("Say it with a tool.")
                self.assertEqual(typed.output, Weather(city="Paris", degrees=21))

    @needs("agents")
    def test_openai_agents(self):
        from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
        from agents import set_tracing_disabled
        from openai import AsyncOpenAI

        set_tracing_disabled(True)

        @function_tool
        def get_weather(city: str) -> str:
            return self.get_weather(city)

        for kind in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
            with self.subTest(kind.__name__):
                model = kind(model=MODEL, openai_client=AsyncOpenAI(base_url=self.base_url, api_key=KEY))
                agent = Agent(name="Tester", instructions="", model=model, tools=[get_weather])
                self.assertEqual(asyncio.run(Runner.run(agent, TOOL_QUESTION)).final_output, TOOL_ANSWER)
                self.assertEqual(self.asked.pop(), "Paris")

    @needs("instructor")
    def test_instructor(self):
        import instructor
        from openai import OpenAI
        from pydantic import BaseModel

        class final_result(BaseModel):
            city: str
            degrees: int

        client = OpenAI(base_url=self.base_url, api_key=KEY)
        for mode, question in (
            (instructor.Mode.JSON_SCHEMA, "Say it as JSON."),
            (instructor.Mode.TOOLS, "Say it with a tool."),
        ):
            with self.subTest(mode):
                asked = instructor.from_openai(client, mode=mode).chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": question}], response_model=final_result, max_retries=0
                )
                self.assertEqual((asked.city, asked.degrees), ("Paris", 21))


if __name__ == "__main__":
    unittest.main()
