// A server whose answers a test writes. Everything else comes from a live server: the page, the models, the metrics.
import http from 'node:http';
import { text as textOf } from 'node:stream/consumers';

const chunk = (delta, rest = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...rest }], usage: null })}\n\n`;

// The answer that a script writes.
class Writing {
  constructor(response, body) {
    this.response = response;
    this.body = body; // of the request
    this.gone = new Promise((resolve) => response.once('close', resolve)); // when the client leaves
  }
  text = (content) => this.write(chunk({ content }));
  thought = (reasoning_content) => this.write(chunk({ reasoning_content }));
  // In two pieces, as a model writes it.
  async call({ id, name, arguments: args }) {
    const half = args.length >> 1;
    await this.write(chunk({ tool_calls: [{ index: 0, id, type: 'function', function: { name, arguments: args.slice(0, half) } }] }));
    await this.write(chunk({ tool_calls: [{ index: 0, function: { arguments: args.slice(half) } }] }));
  }
  error = (message) => this.write(`data: ${JSON.stringify({ error: { message, code: 'unavailable' } })}\n\n`);
  write(data) {
    return new Promise((resolve) => this.response.write(data, resolve));
  }
  async end(tokens = 1, timings = undefined, finish_reason = 'stop') {
    const usage = { prompt_tokens: 5, completion_tokens: tokens, prompt_tokens_details: { cached_tokens: 0 } };
    await this.write(chunk({}, { finish_reason }));
    await this.write(`data: ${JSON.stringify({ choices: [], usage, timings })}\n\ndata: [DONE]\n\n`);
    this.response.end();
  }
  // An answer that is not streamed.
  whole(content) {
    this.response.end(JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] }));
  }
  breakOff() {
    this.response.destroy();
  }
}

// With `change`, a function of the text, in place of the target's answer.
function pass(target, request, response, change) {
  const { hostname, port, host } = new URL(target);
  const { origin: _ours, ...headers } = request.headers;
  const onward = http.request(
    { hostname, port, path: request.url, method: request.method, headers: { ...headers, host } },
    async (answer) => {
      const { 'content-length': _length, ...answered } = answer.headers;
      response.writeHead(answer.statusCode, change ? answered : answer.headers);
      if (change) response.end(change(await textOf(answer)));
      else answer.pipe(response);
    },
  );
  request.pipe(onward);
}

// {url, stop()}: the target under a path prefix, as a reverse proxy shows it; nothing at other paths.
export async function prefixed(target, prefix) {
  const server = http.createServer((request, response) => {
    if (!request.url.startsWith(`${prefix}/`)) return response.writeHead(404).end();
    request.url = request.url.slice(prefix.length);
    pass(target, request, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}${prefix}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// {url, answer(script), setModel(facts), stop()}: the next chat is answered by the script, an async function of a Writing.
// setModel changes what /props says about the first model.
export async function stub(target) {
  const scripts = [];
  let facts;
  const changed = (text) => {
    const props = JSON.parse(text);
    Object.assign(props.models[0], facts);
    return JSON.stringify(props);
  };
  const server = http.createServer(async (request, response) => {
    if (request.url !== '/v1/chat/completions')
      return pass(target, request, response, facts && request.url === '/props' ? changed : undefined);
    const body = JSON.parse(await textOf(request));
    response.writeHead(200, { 'Content-Type': body.stream ? 'text/event-stream' : 'application/json' });
    await scripts.shift()(new Writing(response, body));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    answer: (script) => scripts.push(script),
    setModel: (changes) => (facts = changes),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    start: () => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve)),
  };
}
