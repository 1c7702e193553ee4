// A live `ferrum serve` with a demonstration model, at a port of its own.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const binary = process.env.FERRUM_BINARY ?? path.join(root, 'build', 'ferrum');

export const model = 'demo-dense';
export const key = 'a key of the tests';

// Resolves once the model is there: {url, stop()}.
export function serve(...options) {
  const child = spawn(
    binary,
    ['serve', path.join(root, 'models', `${model}.gguf`), '--port', '0', '--threads', '1', '--api-key', key, ...options],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    const code = await ended;
    if (code !== 0) throw new Error(`ferrum serve ended with ${code}`);
  };
  return new Promise((resolve, reject) => {
    let told = '';
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`ferrum serve ended: ${told}`)));
    child.stderr.on('data', (text) => {
      told += text;
      const url = told.match(/listening at (\S+?);/)?.[1];
      if (url) resolve({ url, stop });
    });
  });
}
