// A small MCP server over streamable HTTP, for pages of other origins.
import http from 'node:http';
import { text as textOf } from 'node:stream/consumers';

const kAllowed = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers': '*, Authorization',
  'Access-Control-Expose-Headers': 'Mcp-Session-Id',
};
const tool = { name: 'weather', description: 'The weather of a city', inputSchema: { type: 'object', properties: { city: { type: 'string' } } } };

// {url, asked, stop()}: `asked` are the arguments of all calls of its tool, `weather`.
export async function toolServer() {
  const asked = [];
  const results = {
    initialize: () => ({ protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'test', version: '1' } }),
    'tools/list': () => ({ tools: [tool] }),
    'tools/call': ({ arguments: args }) => {
      asked.push(args);
      return { content: [{ type: 'text', text: JSON.stringify({ city: args.city, degrees: 21 }) }] };
    },
  };
  const server = http.createServer(async (request, response) => {
    if (request.method === 'OPTIONS') return response.writeHead(204, kAllowed).end();
    if (request.method !== 'POST') return response.writeHead(405, kAllowed).end();
    const { id, method, params } = JSON.parse(await textOf(request));
    if (id === undefined) return response.writeHead(202, kAllowed).end();
    response.writeHead(200, { ...kAllowed, 'Content-Type': 'text/event-stream', 'Mcp-Session-Id': 's' });
    response.end(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result: results[method](params) })}\n\n`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
