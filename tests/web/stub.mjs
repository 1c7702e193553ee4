// A server whose answers a test writes. All else it has from a live one: the page, the models, the metrics.
import http from 'node:http';

const chunk = (delta, rest = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...rest }], usage: null })}\n\n`;

// What a script writes into.
class Writing {
  constructor(response, body) {
    this.response = response;
    this.body = body; // what was asked
    this.gone = new Promise((resolve) => response.once('close', resolve)); // the client is
  }
  text = (content) => this.write(chunk({ content }));
  thought = (reasoning_content) => this.write(chunk({ reasoning_content }));
  error = (message) => this.write(`data: ${JSON.stringify({ error: { message, code: 'unavailable' } })}\n\n`);
  write(data) {
    return new Promise((resolve) => this.response.write(data, resolve));
  }
  async end(tokens = 1) {
    const usage = { prompt_tokens: 5, completion_tokens: tokens, prompt_tokens_details: { cached_tokens: 0 } };
    await this.write(chunk({}, { finish_reason: 'stop' }));
    await this.write(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
    this.response.end();
  }
  breakOff() {
    this.response.destroy();
  }
}

function pass(target, request, response) {
  const { hostname, port, host } = new URL(target);
  const { origin: _ours, ...headers } = request.headers;
  const onward = http.request(
    { hostname, port, path: request.url, method: request.method, headers: { ...headers, host } },
    (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
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

// {url, answer(script), stop()}: the next chat is answered by the script, an async function of a Writing.
export async function stub(target) {
  const scripts = [];
  const server = http.createServer(async (request, response) => {
    if (request.url !== '/v1/chat/completions') return pass(target, request, response);
    const parts = [];
    for await (const part of request) parts.push(part);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    await scripts.shift()(new Writing(response, JSON.parse(Buffer.concat(parts))));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    answer: (script) => scripts.push(script),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    start: () => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve)),
  };
}
