// Embeddings through the clients that people use: a small decoder whose last states are averaged.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import OpenAI from 'openai';
import { expectValid } from './schema.mjs';
import { key, model, serve } from './server.mjs';

const texts = ['The capital of France is Paris.', 'Paris is in France.', 'Seven plus five is twelve.'];

const length = (vector) => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
// The same float32 numbers, whatever digits they came with.
const same = (a, b) => assert.deepEqual(Array.from(a, Math.fround), Array.from(b, Math.fround));
const near = (a, b, tolerance = 1e-6) => {
  assert.equal(a.length, b.length);
  a.forEach((x, i) => assert.ok(Math.abs(x - b[i]) <= tolerance, `${x} and ${b[i]} at ${i}`));
};

async function load(name) {
  try {
    return await import(name);
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

suite('embeddings', () => {
  let server;
  let baseURL;
  let client;
  let expected;

  before(async () => {
    server = await serve('--pooling', 'mean');
    baseURL = `${server.url}/v1`;
    client = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
    const answer = await client.embeddings.create({ model, input: texts, encoding_format: 'float' });
    expected = answer.data.map((item) => item.embedding);
  });
  after(() => server.stop());

  test('of the OpenAI client in both encodings', async () => {
    const answer = await client.embeddings.create({ model, input: texts }); // asks for base64 by itself
    answer.data.forEach((item, i) => same(item.embedding, expected[i]));
    assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.total_tokens === answer.usage.prompt_tokens);
    for (const vector of expected) assert.ok(Math.abs(length(vector) - 1) < 1e-5);
    const response = await fetch(`${baseURL}/embeddings`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, input: texts[0] }),
    });
    expectValid('CreateEmbeddingResponse', await response.json());
  });

  test('cut to fewer dimensions, alone and among others', async () => {
    const cut = await client.embeddings.create({ model, input: texts[1], dimensions: 16 });
    const [vector] = cut.data.map((item) => Array.from(item.embedding));
    const whole = expected[1].slice(0, 16);
    near(vector, whole.map((x) => x / length(whole)));
    const alone = await client.embeddings.create({ model, input: texts[2] });
    same(alone.data[0].embedding, expected[2]);
  });

  test('of tokens', async () => {
    const answer = await client.embeddings.create({ model, input: [[5, 6, 7], [8]], encoding_format: 'float' });
    assert.equal(answer.data.length, 2);
    assert.equal(answer.usage.prompt_tokens, 4);
  });

  test('mistakes are errors of their kind', async () => {
    const refused = (body, param) =>
      assert.rejects(client.embeddings.create({ model, input: texts, ...body }), (e) => e.status === 400 && e.param === param);
    await refused({ dimensions: 100000 }, 'dimensions');
    await refused({ input: '' }, 'input');
    await refused({ input: Array(2049).fill('a') }, 'input');
    await refused({ input: 'word '.repeat(3000) }, 'input');
    await assert.rejects(
      client.chat.completions.create({ model, messages: [{ role: 'user', content: 'hi' }] }),
      (e) => e.status === 400 && e.message.includes('/v1/embeddings'),
    );
    const other = await client.models.retrieve(model);
    assert.deepEqual(other.capabilities, ['embedding']);
  });

  test('of LangChain', async (t) => {
    const module = await load('@langchain/openai');
    if (!module) return t.skip('not installed');
    const embeddings = new module.OpenAIEmbeddings({ model, apiKey: key, configuration: { baseURL } });
    (await embeddings.embedDocuments(texts)).forEach((vector, i) => near(vector, expected[i]));
    near(await embeddings.embedQuery(texts[0]), expected[0]);
  });

  test('of LlamaIndex', async (t) => {
    const module = await load('@llamaindex/openai');
    if (!module) return t.skip('not installed');
    const embeddings = new module.OpenAIEmbedding({ model, apiKey: key, baseURL, additionalSessionOptions: { baseURL } });
    near(await embeddings.getTextEmbedding(texts[0]), expected[0]);
    (await embeddings.getTextEmbeddings(texts)).forEach((vector, i) => near(vector, expected[i]));
  });

  test("of Vercel's ai", async (t) => {
    const ai = await load('ai');
    const provider = await load('@ai-sdk/openai-compatible');
    if (!ai || !provider) return t.skip('not installed');
    const compatible = provider.createOpenAICompatible({ name: 'ferrum', baseURL, apiKey: key });
    const { embeddings } = await ai.embedMany({ model: compatible.textEmbeddingModel(model), values: texts });
    embeddings.forEach((vector, i) => near(vector, expected[i]));
  });
});
