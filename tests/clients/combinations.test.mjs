// Every combination of thoughts, tools, schemas, streams, several choices and speculation, through three APIs: what
// comes is what was recorded, each part in its place.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { serveReplay } from '../support/server.mjs';

const both = [false, true];
const schema = { type: 'object', properties: { z: { type: 'string' }, a: { type: 'integer' } }, required: ['z', 'a'] };
const json = '{"z": "é\\"x", "a": 12}';
const text = 'A plain answer, é.';
const thought = 'Hm, a {thought} with <tool_call> in it?';
const call = `<tool_call>\n{"name": "look", "arguments": ${json}}\n</tool_call>`;

const cases = both.flatMap((thinks) => both.flatMap((calls) => both.map((keeps) => ({ thinks, calls, keeps }))));
const nameOf = (c) => `thinks ${c.thinks}, calls ${c.calls}, keeps ${c.keeps};`;
const answerOf = (c) => (c.thinks ? `<think>\n${thought}\n</think>\n\n` : '') + (c.calls ? call : c.keeps ? json : text);

// The parts of one answer, as every API tells them.
const wanted = (c) => ({
  thought: c.thinks ? thought : '',
  content: c.calls ? '' : c.keeps ? json : text,
  calls: c.calls ? [{ name: 'look', arguments: json }] : [],
  end: c.calls ? 'calls' : 'stop',
});

const chat = {
  path: '/v1/chat/completions',
  body: (c, n) => ({
    n,
    messages: [{ role: 'user', content: nameOf(c) }],
    ...(c.calls && { tools: [{ type: 'function', function: { name: 'look', parameters: schema } }] }),
    ...(c.keeps && { response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } } }),
  }),
  end: (reason) => (reason === 'tool_calls' ? 'calls' : reason),
  whole(answer) {
    return answer.choices.map(({ message, finish_reason: reason }) => ({
      thought: message.reasoning_content ?? '',
      content: message.content ?? '',
      calls: (message.tool_calls ?? []).map((each) => each.function),
      end: this.end(reason),
    }));
  },
  streamed(events, n) {
    const all = Array.from({ length: n }, () => ({ thought: '', content: '', calls: [], end: '' }));
    for (const event of events)
      for (const { index, delta, finish_reason: reason } of event.choices) {
        const one = all[index];
        one.thought += delta.reasoning_content ?? '';
        one.content += delta.content ?? '';
        for (const piece of delta.tool_calls ?? []) {
          if (piece.id) one.calls[piece.index] = { name: piece.function.name, arguments: '' };
          one.calls[piece.index].arguments += piece.function.arguments;
        }
        if (reason) one.end = this.end(reason);
      }
    return all;
  },
};

const responses = {
  path: '/v1/responses',
  body: (c) => ({
    input: nameOf(c),
    ...(c.calls && { tools: [{ type: 'function', name: 'look', parameters: schema, strict: true }] }),
    ...(c.keeps && { text: { format: { type: 'json_schema', name: 'x', schema } } }),
  }),
  whole({ output, status }) {
    const of = (type) => output.filter((item) => item.type === type);
    const words = (type) => of(type).map((item) => item.content[0].text).join('');
    const calls = of('function_call').map((item) => ({ name: item.name, arguments: item.arguments }));
    assert.equal(status, 'completed');
    return [{ thought: words('reasoning'), content: words('message'), calls, end: calls.length ? 'calls' : 'stop' }];
  },
  streamed(events) {
    const deltas = (type) => events.filter((event) => event.type === `response.${type}.delta`).map((event) => event.delta).join('');
    const [whole] = this.whole(events.at(-1).response);
    assert.equal(deltas('reasoning_text'), whole.thought);
    assert.equal(deltas('output_text'), whole.content);
    assert.equal(deltas('function_call_arguments'), whole.calls.map((each) => each.arguments).join(''));
    return [whole];
  },
};

const messages = {
  path: '/v1/messages',
  body: (c) => ({
    max_tokens: 500,
    messages: [{ role: 'user', content: nameOf(c) }],
    ...(c.calls && { tools: [{ name: 'look', input_schema: schema }] }),
    ...(c.keeps && { output_config: { format: { type: 'json_schema', schema } } }),
  }),
  whole({ content, stop_reason: reason }) {
    const words = (type, member) => content.filter((block) => block.type === type).map((block) => block[member]).join('');
    const calls = content.filter((block) => block.type === 'tool_use');
    return [
      {
        thought: words('thinking', 'thinking'),
        content: words('text', 'text'),
        calls: calls.map((block) => ({ name: block.name, arguments: block.input })),
        end: reason === 'tool_use' ? 'calls' : reason === 'end_turn' ? 'stop' : reason,
      },
    ];
  },
  streamed(events) {
    const blocks = [];
    let reason;
    for (const event of events) {
      if (event.type === 'content_block_start') blocks.push({ ...event.content_block, json: '' });
      const block = blocks.at(-1);
      if (event.type === 'content_block_delta') {
        for (const member of ['text', 'thinking']) if (member in event.delta) block[member] += event.delta[member];
        block.json += event.delta.partial_json ?? '';
      }
      if (event.type === 'content_block_stop' && block.type === 'tool_use') block.input = JSON.parse(block.json);
      if (event.type === 'message_delta') reason = event.delta.stop_reason;
    }
    return this.whole({ content: blocks, stop_reason: reason });
  },
};

for (const options of [[], ['--speculate', 'ngram']])
  suite(`combinations ${options.join(' ')}`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ferrum-combinations-'));
    let server;

    before(async () => {
      const file = path.join(folder, 'answers.jsonl');
      writeFileSync(file, cases.map((c) => JSON.stringify({ when: nameOf(c), answer: answerOf(c) })).join('\n'));
      server = await serveReplay(file, '--threads', '1', '--name', 'answers', ...options);
    });
    after(async () => {
      assert.equal(await server.stop(), 0);
      rmSync(folder, { recursive: true });
    });

    const ask = async (api, body) => {
      const response = await fetch(server.url + api.path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ model: 'answers', ...body }),
      });
      const told = await response.text();
      assert.equal(response.status, 200, told);
      return told;
    };
    const parsed = (answers) =>
      answers.map((one) => ({
        ...one,
        calls: one.calls.map((each) => ({ name: each.name, arguments: typeof each.arguments === 'string' ? JSON.parse(each.arguments) : each.arguments })),
      }));

    for (const [name, api] of Object.entries({ chat, responses, messages }))
      test(name, async () => {
        for (const c of cases)
          for (const n of api === chat ? [1, 3] : [1]) {
            const expected = parsed(Array.from({ length: n }, () => wanted(c)));
            const whole = api.whole(JSON.parse(await ask(api, api.body(c, n))));
            assert.deepEqual(parsed(whole), expected, nameOf(c));
            const events = (await ask(api, { ...api.body(c, n), stream: true }))
              .split('\n')
              .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
              .map((line) => JSON.parse(line.slice('data: '.length)));
            assert.deepEqual(parsed(api.streamed(events, n)), expected, `${nameOf(c)} streamed`);
          }
      });
  });
