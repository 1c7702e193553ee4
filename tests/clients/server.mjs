// The server of these tests: it wants a key, and must end well.
import { model, root, serveModel } from '../support/server.mjs';

export { model, root };

export const key = 'a key of the tests';

export async function serve(...options) {
  const server = await serveModel(model, '--threads', '1', '--api-key', key, ...options);
  const stop = async () => {
    const code = await server.stop();
    if (code !== 0) throw new Error(`ferrum serve ended with ${code}`);
  };
  return { ...server, stop };
}
